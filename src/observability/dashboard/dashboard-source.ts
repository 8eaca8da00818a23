/** What a dashboard shows: the parts of one system. Only metrics are needed; a page whose part is absent says so. */
import type { TieredCache } from "../../cache/tiered-cache.ts";
import type { MaybePromise } from "../../core/abort.ts";
import type { Duration } from "../../core/options.ts";
import type { ConversationStore } from "../../history/conversation-store.ts";
import type { Alerts } from "../alerts.ts";
import type { MetricsSnapshot, MetricsSummary } from "../metrics-snapshot.ts";
import type { RecentEvents } from "../recent-events.ts";
import type { SeriesHistory, SeriesInfo, SeriesName } from "../series.ts";
import type { WireHealth } from "./wire.ts";

/** Metrics as they are read: those of this process, or those that another one shares. `Metrics` is one. */
export interface ReadableMetrics {
  snapshot(): MaybePromise<MetricsSnapshot>;
  summary(period: Duration): MaybePromise<MetricsSummary>;
  history(series: SeriesName, period: Duration): MaybePromise<SeriesHistory>;
  series(): MaybePromise<readonly SeriesInfo[]>;
}

export interface DashboardSource {
  /** What is shown as the title; default `"strata"`. */
  readonly name?: string | undefined;
  readonly metrics: ReadableMetrics;
  /** The last decisions, rerankings and incidents, one by one. */
  readonly events?: RecentEvents | undefined;
  /** For the explorer, for feedback and for clearing. */
  readonly cache?: TieredCache | undefined;
  readonly conversations?: ConversationStore | undefined;
  readonly alerts?: Pick<Alerts, "status"> | undefined;
  /** What `GET /api/health` adds to what metrics tell. */
  readonly health?: (() => MaybePromise<WireHealth["parts"]>) | undefined;
}
