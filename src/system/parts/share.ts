import type { Metrics } from "../../observability/metrics.ts";
import { shareMetricsInRedis } from "../../observability/terminal/metrics-in-redis.ts";
import { shareMetrics } from "../../observability/terminal/metrics-socket.ts";
import type { CheckedConfig } from "../config/read-config.ts";

/** What lets `strata top` see this process, as long as it runs; nothing is awaited, and what cannot be shared fails no start. */
export function sharePart({ observability = {}, data, redis, clock }: CheckedConfig, metrics: Metrics | undefined): SharePart {
  const { share = false } = observability;
  if (share === false || metrics === undefined) return { close: () => Promise.resolve() };
  const { name, every, prefix } = share === true ? {} : share;
  if (redis !== undefined) return shareMetricsInRedis({ metrics, client: redis, name, every, prefix, clock });
  const opening = shareMetrics({ metrics, folder: data, name, clock }).catch((error: unknown) => {
    process.emitWarning(`Metrics are not shared in ${data}: ${String(error)}`, { code: "STRATA_SHARE" });
    return undefined;
  });
  return { close: async () => (await opening)?.close() };
}

export interface SharePart {
  close(): Promise<void>;
}
