/** Metrics: what the one stream of events adds up to, now and over time. */
import type { LevelStats } from "../cache/level.ts";
import type { Observer } from "../core/events.ts";
import type { Duration } from "../core/options.ts";
import type { MetricsSnapshot, MetricsSummary } from "./metrics-snapshot.ts";
import type { SeriesHistory, SeriesInfo, SeriesName } from "./series.ts";

/** What can be watched for what is there now: a `TieredCache`, `CachedEmbeddings`, or anything with such statistics. */
export interface WatchedCache {
  stats(): { readonly tiers: readonly LevelStats[] };
}

export interface ExportOptions {
  readonly format: "json" | "csv";
  /** How far back; default `"1h"`. */
  readonly period?: Duration | undefined;
  /** Which series; default all. */
  readonly series?: readonly SeriesName[] | undefined;
}

export interface Metrics {
  /** Give it to every part: `new TieredCache({ observer: metrics.observer })`. */
  readonly observer: Observer;
  /** Totals since metrics began, and what is there now. */
  snapshot(): MetricsSnapshot;
  /**
   * One series over the last `period`, in the finest steps that reach back so far.
   * @throws {@link StrataConfigError} for a name that there is no series of, naming those that there are
   */
  history(series: SeriesName, period: Duration): SeriesHistory;
  /** What happened within the last `period`, and how it went. */
  summary(period: Duration): MetricsSummary;
  /** Every series that there is a history of now; tiers come as they are seen. */
  series(): readonly SeriesInfo[];
  /**
   * Takes sizes and queues from this cache, once a second; the tiers of several caches are added up by name.
   * @returns ends it
   */
  watch(cache: WatchedCache): () => void;
  /** The history as a text to keep: JSON, or CSV with a line for each point. Texts in CSV cannot begin a formula. */
  export(options: ExportOptions): string;
  /** Ends the sampling; what was counted stays readable. May be called twice. */
  close(): void;
}
