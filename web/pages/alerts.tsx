import type { JSX } from "preact";
import type { WireAlert } from "../../src/observability/dashboard/wire.ts";
import { count, dateTime } from "../format.ts";
import { Await, Badge, Empty, Table, Title, type Tone } from "../parts.tsx";
import { settings, usePolled } from "../server.ts";
import { t } from "../settings.ts";

const TONES: Readonly<Record<WireAlert["phase"], Tone>> = { firing: "bad", pending: "warn", ok: "good" };

export function Alerts(): JSX.Element {
  const loaded = usePolled<{ alerts: WireAlert[] }>(() => "alerts", 2_000);
  if (settings.value !== undefined && !settings.value.parts.includes("alerts")) {
    return (
      <>
        <Title>{t("alerts")}</Title>
        <Empty>{t("absent", { part: t("alerts").toLowerCase() })}</Empty>
      </>
    );
  }
  return (
    <>
      <Title>{t("alerts")}</Title>
      <Await loaded={loaded.value}>
        {({ alerts }) => {
          const firing = alerts.filter(({ phase }) => phase === "firing").length;
          return (
            <>
              <p class={`card banner ${firing === 0 ? "good" : "bad"}`} role="status">
                {firing === 0 ? t("noAlerts") : t("someAlerts", { n: firing })}
              </p>
              <section class="card" aria-label={t("alerts")}>
                <Table
                  caption={t("alerts")}
                  head={[t("rule"), t("state"), t("severity"), t("current"), t("threshold"), t("since"), t("detail")]}
                >
                  {alerts.map((alert) => (
                    <tr key={`${alert.rule} ${alert.metric}`}>
                      <th scope="row">
                        {alert.rule} <span class="note">{alert.metric}</span>
                      </th>
                      <td>
                        <Badge tone={TONES[alert.phase]}>{t(alert.phase)}</Badge>
                      </td>
                      <td>{alert.severity}</td>
                      <td class="number">{count(alert.value)}</td>
                      <td class="number">
                        {alert.direction === "above" ? ">" : "<"} {count(alert.threshold)}
                      </td>
                      <td class="number">{alert.since === null ? "–" : dateTime(alert.since)}</td>
                      <td class="text">{alert.note ?? ""}</td>
                    </tr>
                  ))}
                </Table>
              </section>
            </>
          );
        }}
      </Await>
    </>
  );
}
