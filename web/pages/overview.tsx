import type { JSX } from "preact";
import type { MetricsSnapshot } from "../../src/observability/metrics-snapshot.ts";
import type { WireHistory } from "../../src/observability/dashboard/wire.ts";
import { Chart } from "../chart.tsx";
import { bytes, count, decimal, duration, money, share } from "../format.ts";
import { Await, Badge, Bar, Table, Tile, Title } from "../parts.tsx";
import { state, usePolled } from "../server.ts";
import { period, t } from "../settings.ts";

const SERIES = [
  "hits",
  "misses",
  "hitRate",
  "latency.p50",
  "latency.p95",
  "latency.p99",
  "saved.tokens",
  "queue.depth",
  "errors",
];

export function Overview(): JSX.Element {
  const history = usePolled<WireHistory>(() => `history?period=${period.value}&series=${SERIES.join(",")}`, 2_000);
  return (
    <>
      <Title>{t("overview")}</Title>
      <Await loaded={{ data: state.value, error: undefined }}>
        {({ metrics, summary }) => (
          <>
            <dl class="tiles">
              <Tile label={t("hitRate")} value={share(summary.hitRate.value)} note={t("lastHour")} tone="info" />
              <Tile
                label={t("requestsPerSecond")}
                value={decimal(metrics.requestsPerSecond, 1)}
                note={`${count(metrics.cache.hits + metrics.cache.misses)} ${t("sinceStart")}`}
              />
              <Tile
                label={`${t("latency")}, ${t("median")}`}
                value={duration(metrics.cache.latency.p50)}
                note={`${t("slowest")}: ${duration(metrics.cache.latency.p99)}`}
              />
              <Tile
                label={t("saved")}
                value={money(metrics.saved.money, metrics.saved.currency)}
                note={t("tokensSaved", { n: count(metrics.saved.tokens) })}
                tone="good"
              />
              <Tile label={t("timeSaved")} value={duration(metrics.saved.ms)} note={t("sinceStart")} tone="good" />
              <Tile
                label={t("errors")}
                value={count(metrics.errorCount)}
                note={t("sinceStart")}
                {...(metrics.errorCount > 0 && { tone: "bad" as const })}
              />
            </dl>
            <Flow metrics={metrics} />
          </>
        )}
      </Await>
      <div class="charts">
        <Chart
          title={t("hitsAndMisses")}
          history={history.value.data}
          format={count}
          area
          lines={[
            { series: "hits", label: t("hits"), colour: 1 },
            { series: "misses", label: t("misses"), colour: 3 },
          ]}
        />
        <Chart
          title={t("hitRateOverTime")}
          history={history.value.data}
          format={(value) => share(value, 0)}
          top={1}
          area
          lines={[{ series: "hitRate", label: t("hitRate"), colour: 0 }]}
        />
        <Chart
          title={t("latencyOverTime")}
          history={history.value.data}
          format={duration}
          lines={[
            { series: "latency.p50", label: "p50", colour: 1 },
            { series: "latency.p95", label: "p95", colour: 2 },
            { series: "latency.p99", label: "p99", colour: 3 },
          ]}
        />
        <Chart
          title={t("tokensPerSecond")}
          history={history.value.data}
          format={count}
          area
          lines={[{ series: "saved.tokens", label: t("tokens"), colour: 4 }]}
        />
      </div>
      {state.value !== undefined && <Tiers metrics={state.value.metrics} />}
      {state.value !== undefined && <Savings metrics={state.value.metrics} />}
    </>
  );
}

/** From the first tier to the model: who answered how many of all lookups. */
function Flow({ metrics }: { metrics: MetricsSnapshot }): JSX.Element {
  const all = metrics.cache.hits + metrics.cache.misses;
  const semantic = metrics.tiers.reduce((sum, { byMeaning }) => sum + byMeaning, 0);
  const answered = [
    // What was found by meaning was read from a tier too.
    ...metrics.tiers.map(({ name, hits, byMeaning }) => ({ name, hits: hits - byMeaning, colour: 1 })),
    ...(metrics.cache.coalesced > 0 ? [{ name: t("coalesced"), hits: metrics.cache.coalesced, colour: 0 }] : []),
    ...(metrics.semantic.lookups > 0 ? [{ name: t("semantic"), hits: semantic, colour: 4 }] : []),
    { name: t("model"), hits: metrics.cache.misses, colour: 3 },
  ];
  let left = all;
  return (
    <section class="card" aria-labelledby="flow">
      <h2 id="flow">{t("flow")}</h2>
      <p class="hint">{t("flowHint")}</p>
      <ol class="flow">
        {answered.map(({ name, hits, colour }) => {
          const asked = left;
          left = Math.max(0, left - hits);
          return (
            <li key={name}>
              <span class="name">{name}</span>
              <Bar value={all === 0 ? 0 : hits / all} colour={colour} />
              <span class="answered">{t("flowAnswered", { n: count(hits), share: share(all === 0 ? 0 : hits / all) })}</span>
              <span class="note">
                {count(Math.max(asked, 0))} {t("flowAsked")}
              </span>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

function Tiers({ metrics }: { metrics: MetricsSnapshot }): JSX.Element {
  const head = ["tier", "state", "hits", "latency", "entries", "size", "queued", "evicted", "faults", "availability"] as const;
  return (
    <section class="card" aria-labelledby="tiers">
      <h2 id="tiers">{t("tiers")}</h2>
      <Table caption={t("tiers")} head={head.map((word) => t(word))}>
        {metrics.tiers.map((tier) => (
          <tr key={tier.name}>
            <th scope="row">{tier.name}</th>
            <td>
              <Badge tone={tier.state === "on" ? "good" : "bad"}>{t(tier.state)}</Badge>
            </td>
            <td class="number">{count(tier.hits)}</td>
            <td class="number">{duration(tier.latency.p50)}</td>
            <td class="number">{count(tier.entries)}</td>
            <td class="number">
              {bytes(tier.bytes)}
              {tier.maxBytes !== null && (
                <span class="note">
                  {" "}
                  {t("of")} {bytes(tier.maxBytes)}
                </span>
              )}
            </td>
            <td class="number">{count(tier.queued)}</td>
            <td class="number">{count(tier.evicted)}</td>
            <td class="number">{count(tier.faults)}</td>
            <td class="number">{share(tier.availability, 2)}</td>
          </tr>
        ))}
      </Table>
    </section>
  );
}

function Savings({ metrics }: { metrics: MetricsSnapshot }): JSX.Element {
  const { byModel, currency, unpricedTokens } = metrics.saved;
  return (
    <section class="card" aria-labelledby="savings">
      <h2 id="savings">{t("savings")}</h2>
      {byModel.length === 0 ? (
        <p class="empty">{t("none")}</p>
      ) : (
        <Table caption={t("savings")} head={[t("model"), t("hits"), t("tokens"), t("money")]}>
          {byModel.map(({ model, hits, tokens, money: saved }) => (
            <tr key={model}>
              <th scope="row">{model}</th>
              <td class="number">{count(hits)}</td>
              <td class="number">{count(tokens)}</td>
              <td class="number">{money(saved, currency)}</td>
            </tr>
          ))}
        </Table>
      )}
      {unpricedTokens > 0 && <p class="hint">{t("unpriced", { n: count(unpricedTokens) })}</p>}
    </section>
  );
}
