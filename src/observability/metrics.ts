/** Metrics: what the one stream of events adds up to, now and over time. */
import type { Observer } from "../core/events.ts";
import type { Duration } from "../core/options.ts";
import type { Histogram } from "../core/histogram.ts";
import type { MetricsSnapshot, MetricsSummary } from "./metrics-snapshot.ts";
import type { SeriesHistory, SeriesInfo, SeriesName } from "./series.ts";
import type { WatchedCache } from "./watched-caches.ts";

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
  /**
   * The value of one series over the last `period` taken as a whole: a ratio of everything in it, a mean rate, a mean of a gauge, the
   * worst of a quantile. `null` when there is nothing to tell.
   */
  value(series: SeriesName, period: Duration): number | null;
  /**
   * How many things `value` speaks of: those that a ratio is a share of; for every other series 1 when there is a value, 0 when there
   * is none.
   */
  observations(series: SeriesName, period: Duration): number;
  /** What happened within the last `period`, and how it went. */
  summary(period: Duration): MetricsSummary;
  /** Every series that there is a history of now; tiers come as they are seen. */
  series(): readonly SeriesInfo[];
  /** Durations of each kind since metrics began, for exporters; copies. */
  durations(): ReadonlyMap<DurationKind, ReadonlyMap<string, Histogram>>;
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

/** What takes time; each by one label: the outcome or tier of a lookup, the strategy of a recall, or nothing (`""`). */
export type DurationKind = "lookup" | "semantic" | "embeddings" | "append" | "recall" | "rerank";
