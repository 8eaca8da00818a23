import type { JSX } from "preact";
import type { RerankReport } from "../../src/rerank/rerank-report.ts";
import type { WireHistory, WireRerank } from "../../src/observability/dashboard/wire.ts";
import { Chart } from "../chart.tsx";
import { clockTime, count, decimal, duration, share } from "../format.ts";
import { Await, Badge, Empty, Table, Tile, Title } from "../parts.tsx";
import { state, usePolled } from "../server.ts";
import { period, t } from "../settings.ts";

const TONES = { reranked: "good", skipped: "plain", failed: "bad" } as const;
const WORDS = { reranked: "reranked", skipped: "skipped", failed: "rerankFailed" } as const;

export function Rerank(): JSX.Element {
  const history = usePolled<WireHistory>(
    () => `history?period=${period.value}&series=reranks,rerank.skipped,rerank.latency.p95`,
    3_000,
  );
  const loaded = usePolled<{ reranks: WireRerank[]; reports: { number: number; at: number; report: RerankReport }[] }>(
    () => "reranks",
    2_000,
  );
  const metrics = state.value?.metrics.rerank;
  return (
    <>
      <Title>{t("rerank")}</Title>
      {metrics !== undefined && (
        <>
          <dl class="tiles">
            <Tile
              label={t("reranked")}
              value={count(metrics.reranked)}
              note={`${t("slowest")}: ${duration(metrics.latency.p99)}`}
            />
            <Tile label={t("skipped")} value={count(metrics.skipped)} />
            <Tile label={t("rerankFailed")} value={count(metrics.failed)} {...(metrics.failed > 0 && { tone: "bad" as const })} />
            <Tile label={t("scored")} value={count(metrics.asked)} note={`${count(metrics.cached)} ${t("fromCache")}`} />
            <Tile
              label={t("gained")}
              value={share(metrics.kept === 0 ? null : metrics.gained / metrics.kept)}
              note={t("gainedHint")}
            />
            <Tile label={t("cost")} value={decimal(metrics.cost, 4)} note={t("tokensSaved", { n: count(metrics.tokens) })} />
          </dl>
          <p class="hint">
            {t("moved", { up: count(metrics.moved.up), down: count(metrics.moved.down), same: count(metrics.moved.same) })}
          </p>
        </>
      )}
      <div class="charts">
        <Chart
          title={t("rerank")}
          history={history.value.data}
          format={count}
          area
          lines={[
            { series: "reranks", label: t("reranked"), colour: 1 },
            { series: "rerank.skipped", label: t("skipped"), colour: 2 },
          ]}
        />
        <Chart
          title={t("latency")}
          history={history.value.data}
          format={duration}
          lines={[{ series: "rerank.latency.p95", label: "p95", colour: 3 }]}
        />
      </div>
      <Await loaded={loaded.value}>
        {({ reranks, reports }) => (
          <>
            <section class="card" aria-label={t("rerank")}>
              {reranks.length === 0 ? (
                <p class="empty">{t("none")}</p>
              ) : (
                <Table
                  caption={t("rerank")}
                  head={[
                    t("time"),
                    t("outcome"),
                    t("reason"),
                    t("reranker"),
                    t("candidates"),
                    t("scored"),
                    t("fromCache"),
                    t("kept"),
                    t("cost"),
                    t("takes"),
                  ]}
                >
                  {reranks.map(({ number, at, event }) => (
                    <tr key={number}>
                      <td class="number">{clockTime(at)}</td>
                      <td>
                        <Badge tone={TONES[event.outcome]}>{t(WORDS[event.outcome])}</Badge>
                      </td>
                      <td>{event.reason}</td>
                      <td>{event.reranker ?? "–"}</td>
                      <td class="number">{count(event.candidates)}</td>
                      <td class="number">{count(event.asked)}</td>
                      <td class="number">{count(event.cached)}</td>
                      <td class="number">{count(event.kept)}</td>
                      <td class="number">{decimal(event.cost, 4)}</td>
                      <td class="number">{duration(event.ms)}</td>
                    </tr>
                  ))}
                </Table>
              )}
            </section>
            <h2>{t("reports")}</h2>
            {reports.length === 0 && <Empty>{t("none")}</Empty>}
            {reports.map(({ number, at, report }) => (
              <Report key={number} at={at} report={report} />
            ))}
          </>
        )}
      </Await>
    </>
  );
}

function Report({ at, report }: { at: number; report: RerankReport }): JSX.Element {
  return (
    <details class="card">
      <summary>
        {clockTime(at)} · {report.query} <Badge tone={TONES[report.outcome]}>{t(WORDS[report.outcome])}</Badge>
      </summary>
      <Table caption={report.query} head={[t("before"), t("after"), t("score"), t("document")]}>
        {report.rows.map((row) => (
          <tr key={row.rank}>
            <td class="number">{row.previousRank}</td>
            <td class="number">
              {row.rank} {row.previousRank > row.rank ? "▲" : row.previousRank < row.rank ? "▼" : ""}
            </td>
            <td class="number">{decimal(row.score, 3)}</td>
            <td class="text">{row.snippet}</td>
          </tr>
        ))}
      </Table>
    </details>
  );
}
