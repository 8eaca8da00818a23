import { guardObserver, type Observer } from "../../core/events.ts";
import { createMetrics } from "../../observability/create-metrics.ts";
import type { Metrics } from "../../observability/metrics.ts";
import { recentEvents, type RecentEvents } from "../../observability/recent-events.ts";
import type { CheckedConfig } from "../config/read-config.ts";

/** Who sees what happens: metrics, the last events, and the caller's own observer. */
export interface ObservabilityPart {
  /** For every part. */
  readonly observer: Observer | undefined;
  readonly metrics: Metrics | undefined;
  readonly events: RecentEvents | undefined;
}

export function observabilityPart({ observability = {}, data, observer, clock }: CheckedConfig): ObservabilityPart {
  const { metrics: isMeasured = true, prices, recentEvents: limit } = observability;
  if (!isMeasured) return { observer, metrics: undefined, events: undefined };
  const metrics = createMetrics({ prices, clock, folders: [data] });
  const events = recentEvents({ limit, clock });
  const own = guardObserver(observer);
  return {
    observer(event) {
      metrics.observer(event);
      events.observer(event);
      own?.(event);
    },
    ...{ metrics, events },
  };
}
