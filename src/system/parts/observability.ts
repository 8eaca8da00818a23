import { guardObserver, type Observer } from "../../core/events.ts";
import { alerts, type Alerts } from "../../observability/alerts.ts";
import { fanOut } from "../../observability/fan-out.ts";
import { createMetrics } from "../../observability/create-metrics.ts";
import type { Metrics } from "../../observability/metrics.ts";
import { recentEvents, type RecentEvents } from "../../observability/recent-events.ts";
import { namedUnder } from "../config/named-under.ts";
import type { CheckedConfig } from "../config/read-config.ts";

/** Who sees what happens: metrics, the last events, and the caller's own observer. */
export interface ObservabilityPart {
  /** For every part. */
  readonly observer: Observer | undefined;
  readonly metrics: Metrics | undefined;
  readonly events: RecentEvents | undefined;
  readonly alerts: Alerts | undefined;
}

/** @param log is told of everything, too; it may write nothing */
export function observabilityPart(
  { observability = {}, data, observer, clock, random }: CheckedConfig,
  log: Observer,
): ObservabilityPart {
  const { metrics: isMeasured = true, prices, recentEvents: limit, alerts: watched = true } = observability;
  const logs = observability.log !== undefined && observability.log !== false;
  const own = guardObserver(observer);
  const others: Observer | undefined = logs ? (event) => (log(event), own?.(event)) : observer;
  if (!isMeasured) return { observer: others, metrics: undefined, events: undefined, alerts: undefined };
  const metrics = namedUnder("observability", () => createMetrics({ prices, clock, folders: [data] }));
  const events = recentEvents({ limit, clock });
  const tell = fanOut(metrics.observer, events.observer, logs ? log : undefined, own);
  const { rules, ...told } = typeof watched === "object" ? watched : {};
  const watch = (): Alerts => alerts(rules, { metrics, ...told, observer: tell, clock, random });
  const names = { rules: "alerts.rules", webhook: "alerts.webhook" };
  return {
    observer: tell,
    ...{ metrics, events },
    alerts: watched === false ? undefined : namedUnder("observability", watch, names),
  };
}
