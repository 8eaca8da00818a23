import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import type { WireDecision } from "../../src/observability/dashboard/wire.ts";
import { clockTime, count, decimal, duration, share } from "../format.ts";
import { Await, Badge, Bar, Empty, Table, Tile, Title, type Tone } from "../parts.tsx";
import { post, settings, state, usePolled } from "../server.ts";
import { reasonText, t } from "../settings.ts";

const TONES: Readonly<Record<WireDecision["outcome"], Tone>> = {
  served: "good",
  adapted: "info",
  withheld: "warn",
  missed: "plain",
};
const OUTCOMES = ["served", "adapted", "withheld", "missed"] as const;

export function Decisions(): JSX.Element {
  const outcome = useSignal<WireDecision["outcome"] | "all">("all");
  const said = useSignal("");
  const judged = useSignal<Readonly<Record<string, "right" | "wrong">>>({});
  const loaded = usePolled<{ decisions: WireDecision[] }>(() => "decisions?limit=200", 2_000);
  const semantic = state.value?.metrics.semantic;

  const judge = async (hitId: string, verdict: "right" | "wrong"): Promise<void> => {
    try {
      await post("feedback", { hitId, verdict });
      judged.value = { ...judged.value, [hitId]: verdict };
      said.value = t("thanks");
    } catch (error) {
      said.value = t("failed", { message: (error as Error).message });
    }
  };

  return (
    <>
      <Title hint={t("decisionsHint")}>{t("decisions")}</Title>
      {semantic !== undefined && (
        <dl class="tiles">
          {OUTCOMES.map((name) => (
            <Tile
              key={name}
              label={t(name)}
              value={count(semantic[name])}
              note={share(semantic.lookups === 0 ? null : semantic[name] / semantic.lookups)}
            />
          ))}
          <Tile label={t("meanSimilarity")} value={decimal(semantic.similarity, 3)} />
          <Tile
            label={t("auditedError")}
            value={share(semantic.audit.error)}
            note={`${semantic.audit.right + semantic.audit.wrong}`}
          />
        </dl>
      )}
      <p class="status" role="status">
        {said.value}
      </p>
      <Await loaded={loaded.value}>
        {({ decisions }) => (
          <section class="card" aria-label={t("decisions")}>
            <div class="toolbar">
              <label>
                {t("outcome")}{" "}
                <select
                  value={outcome.value}
                  onChange={(event) => (outcome.value = event.currentTarget.value as WireDecision["outcome"])}
                >
                  <option value="all">{t("all")}</option>
                  {OUTCOMES.map((name) => (
                    <option key={name} value={name}>
                      {t(name)}
                    </option>
                  ))}
                </select>
              </label>
            </div>
            {decisions.length === 0 ? (
              <Empty>{t("none")}</Empty>
            ) : (
              <Table
                caption={t("decisions")}
                head={[
                  t("time"),
                  t("outcome"),
                  t("reason"),
                  t("similarity"),
                  t("confidence"),
                  t("veto"),
                  t("takes"),
                  t("key"),
                  t("feedback"),
                ]}
              >
                {decisions
                  .filter((decision) => outcome.value === "all" || decision.outcome === outcome.value)
                  .map((decision) => (
                    <tr key={decision.number}>
                      <td class="number">{clockTime(decision.at)}</td>
                      <td>
                        <Badge tone={TONES[decision.outcome]}>{t(decision.outcome)}</Badge>
                      </td>
                      <td>{reasonText(decision.reason)}</td>
                      <td class="number">
                        {decision.similarity !== null && <Bar value={decision.similarity} colour={4} />}{" "}
                        {decimal(decision.similarity, 3)}
                      </td>
                      <td class="number">{share(decision.confidence, 0)}</td>
                      <td>{decision.veto ?? "–"}</td>
                      <td class="number">{duration(decision.ms)}</td>
                      <td>
                        <a href={`#/explorer?q=${decision.key}`}>
                          <code>{decision.key}</code>
                        </a>
                      </td>
                      <td>
                        <Feedback
                          decision={decision}
                          verdict={decision.verdict ?? judged.value[decision.hitId ?? ""] ?? null}
                          judge={judge}
                        />
                      </td>
                    </tr>
                  ))}
              </Table>
            )}
          </section>
        )}
      </Await>
    </>
  );
}

function Feedback({
  decision: { hitId },
  verdict,
  judge,
}: {
  decision: WireDecision;
  verdict: "right" | "wrong" | null;
  judge: (hitId: string, verdict: "right" | "wrong") => Promise<void>;
}): JSX.Element {
  if (verdict !== null) return <span class="note">{t(verdict === "right" ? "judgedRight" : "judgedWrong")}</span>;
  if (hitId === null || settings.value?.writes !== true) return <span class="note">–</span>;
  return (
    <span class="buttons">
      <button
        type="button"
        class="small"
        aria-label={t("sayRight")}
        title={t("sayRight")}
        onClick={() => void judge(hitId, "right")}
      >
        ✓ {t("right")}
      </button>
      <button
        type="button"
        class="small"
        aria-label={t("sayWrong")}
        title={t("sayWrong")}
        onClick={() => void judge(hitId, "wrong")}
      >
        ✕ {t("wrong")}
      </button>
    </span>
  );
}
