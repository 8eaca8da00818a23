import type { JSX } from "preact";
import type { WireHealth, WireHistory, WireIncident } from "../../src/observability/dashboard/wire.ts";
import { Chart } from "../chart.tsx";
import { bytes, count, dateTime, duration, share } from "../format.ts";
import { Await, Badge, Table, Tile, Title } from "../parts.tsx";
import { state, usePolled } from "../server.ts";
import { period, t } from "../settings.ts";

const TONES = { ok: "good", degraded: "warn", down: "bad" } as const;
const KINDS = { fault: "bad", off: "bad", on: "good" } as const;

export function Health(): JSX.Element {
  const loaded = usePolled<WireHealth>(() => "health", 2_000);
  const incidents = usePolled<{ incidents: WireIncident[] }>(() => "incidents?limit=100", 2_000);
  const history = usePolled<WireHistory>(
    () => `history?period=${period.value}&series=process.memory,process.heap,queue.depth,errors`,
    3_000,
  );
  const metrics = state.value?.metrics;
  return (
    <>
      <Title>{t("health")}</Title>
      <Await loaded={loaded.value}>
        {({ status, parts }) => (
          <>
            <p class={`card banner ${TONES[status]}`} role="status">
              {t(status === "ok" ? "healthy" : "unhealthy")}
            </p>
            {metrics !== undefined && (
              <dl class="tiles">
                <Tile label={t("uptime")} value={duration(metrics.uptimeMs)} />
                <Tile
                  label={t("memory")}
                  value={bytes(metrics.process.rss)}
                  note={`${t("heap")}: ${bytes(metrics.process.heapUsed)}`}
                />
                {metrics.process.disk !== null && (
                  <Tile
                    label={t("disk")}
                    value={share(metrics.process.disk.usedShare)}
                    note={bytes(metrics.process.disk.freeBytes)}
                  />
                )}
                <Tile label={t("queued")} value={count(metrics.queueDepth)} />
              </dl>
            )}
            <section class="card" aria-label={t("health")}>
              <Table caption={t("health")} head={[t("part"), t("state"), t("detail")]}>
                {parts.map((part) => (
                  <tr key={part.name}>
                    <th scope="row">{part.name}</th>
                    <td>
                      <Badge tone={TONES[part.status]}>{t(part.status)}</Badge>
                    </td>
                    <td class="text">{part.detail}</td>
                  </tr>
                ))}
              </Table>
            </section>
          </>
        )}
      </Await>
      <div class="charts">
        <Chart
          title={t("memory")}
          history={history.value.data}
          format={bytes}
          lines={[
            { series: "process.memory", label: t("memory"), colour: 0 },
            { series: "process.heap", label: t("heap"), colour: 4 },
          ]}
        />
        <Chart
          title={t("queueOverTime")}
          history={history.value.data}
          format={count}
          area
          lines={[{ series: "queue.depth", label: t("queued"), colour: 2 }]}
        />
      </div>
      {metrics !== undefined && metrics.errors.length > 0 && (
        <section class="card" aria-labelledby="errors">
          <h2 id="errors">{t("errors")}</h2>
          <Table caption={t("errors")} head={[t("part"), t("cause"), t("errors")]}>
            {metrics.errors.map((error) => (
              <tr key={`${error.part} ${error.of} ${error.cause}`}>
                <th scope="row">
                  {error.part} · {error.of}
                </th>
                <td>
                  <code>{error.cause}</code>
                </td>
                <td class="number">{count(error.count)}</td>
              </tr>
            ))}
          </Table>
        </section>
      )}
      <section class="card" aria-labelledby="incidents">
        <h2 id="incidents">{t("incidents")}</h2>
        <Await loaded={incidents.value}>
          {({ incidents }) =>
            incidents.length === 0 ? (
              <p class="empty">{t("none")}</p>
            ) : (
              <Table caption={t("incidents")} head={[t("time"), t("part"), t("event"), t("cause")]}>
                {incidents.map((incident) => (
                  <tr key={incident.number}>
                    <td class="number">{dateTime(incident.at)}</td>
                    <td>{incident.part}</td>
                    <td>
                      <Badge tone={KINDS[incident.kind]}>{t(incident.kind)}</Badge>
                    </td>
                    <td class="text">{incident.cause}</td>
                  </tr>
                ))}
              </Table>
            )
          }
        </Await>
      </section>
    </>
  );
}
