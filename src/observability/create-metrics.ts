/** Puts metrics together. */
import type { Clock } from "../core/clock.ts";
import { withExactHits } from "../core/exact-hits.ts";
import { codeOf, StrataConfigError } from "../core/errors.ts";
import type { Histogram } from "../core/histogram.ts";
import { parseChoice, parseClock, parseDuration, refuseUnknown, requireMethods, type Duration } from "../core/options.ts";
import { observationsIn, recordPlain, recordTiers, seriesOf, tierNames, valueIn } from "./channels.ts";
import { DiskWatch } from "./disk-space.ts";
import { EventFold } from "./event-fold.ts";
import { historyAsCsv, historyAsJson } from "./export-history.ts";
import type { DurationKind, Metrics } from "./metrics.ts";
import { DEFAULT_PRICES, Prices, type PriceTable } from "./prices.ts";
import { Recorder, type Resolution } from "./recorder.ts";
import type { SeriesHistory, SeriesInfo } from "./series.ts";
import { takeSnapshot } from "./snapshot.ts";
import { StoredHistograms } from "./stored-histograms.ts";
import { summarise } from "./summary.ts";
import { WatchedCaches } from "./watched-caches.ts";

export interface MetricsOptions {
  /** What tokens cost; default `DEFAULT_PRICES`. */
  readonly prices?: PriceTable | undefined;
  /** Folders whose disks are watched for space, such as those of the tiers; default none. */
  readonly folders?: readonly string[] | undefined;
  /** A conversation counts as active so long after its last message; default `"1h"`. */
  readonly activeWithin?: Duration | undefined;
  readonly clock?: Clock | undefined;
}

/** 1 s for 10 minutes, 1 min for a day, 1 h for 30 days: about 2 MB for a hundred series. */
const RESOLUTIONS: readonly Resolution[] = [
  { stepMs: 1_000, slots: 600 },
  { stepMs: 60_000, slots: 1_440 },
  { stepMs: 3_600_000, slots: 720 },
];
const SAMPLE_MS = 1_000;
const RATE_WINDOW_MS = 60_000;

/**
 * Begins to measure. Everything is counted from the events that its `observer` is given; numbers are taken into the history once a
 * second, by a timer that does not keep the process alive.
 * @throws {@link StrataConfigError} naming the option
 * @example
 * ```ts
 * const metrics = createMetrics();
 * const cache = new TieredCache({ observer: metrics.observer });
 * metrics.watch(cache);
 * metrics.snapshot().cache.hitRate;
 * ```
 */
export function createMetrics(options: MetricsOptions = {}): Metrics {
  refuseUnknown("createMetrics", options, ["prices", "folders", "activeWithin", "clock"]);
  const clock = parseClock(options.clock);
  const { folders = [] } = options;
  if (!Array.isArray(folders) || !folders.every((folder) => typeof folder === "string" && folder !== "")) {
    throw new StrataConfigError("createMetrics.folders", folders, "a list of paths");
  }
  const activeWithinMs = parseDuration("createMetrics.activeWithin", options.activeWithin ?? "1h");
  const prices = new Prices(options.prices ?? DEFAULT_PRICES);
  const fold = new EventFold(clock, prices, activeWithinMs);
  const watched = new WatchedCaches((error) => fold.error("metrics", "watch", codeOf(error)));
  const disk = new DiskWatch(folders, (error) => fold.error("metrics", "disk", codeOf(error)));
  const recorder = new Recorder(clock, RESOLUTIONS);
  const lookups = new StoredHistograms(clock, () => fold.cache.latency());
  const sources = { recorder, fold, watched, disk, process: () => process.memoryUsage() };
  const began = clock.monotonic();
  recordPlain(sources);

  let cancel: (() => void) | undefined;
  function sample(): void {
    watched.look();
    disk.look();
    recordTiers(sources);
    recorder.sample();
    lookups.sample();
    fold.history.sampled();
    cancel = clock.setTimer(SAMPLE_MS, sample, { background: true });
  }
  disk.look();
  cancel = clock.setTimer(SAMPLE_MS, sample, { background: true });

  function series(): SeriesInfo[] {
    watched.look();
    recordTiers(sources);
    return seriesOf(tierNames(fold, watched));
  }

  function infoOf(name: string): SeriesInfo {
    const all = series();
    const info = all.find((one) => one.name === name);
    if (info !== undefined) return info;
    throw new StrataConfigError("series", name, `one of ${all.map((one) => one.name).join(", ")}`);
  }

  function historyOf(info: SeriesInfo, periodMs: number): SeriesHistory {
    const { stepMs, now, slots } = recorder.window(periodMs);
    const wall = clock.now();
    const points = slots.map((slot) => ({ at: Math.round(wall - (now - slot.end)), value: valueIn(info, [slot]) }));
    return { ...info, stepMs, points };
  }

  return {
    observer: withExactHits(
      (event) => fold.fold(event),
      (tier, coalesced, ms, savedMs, saved) => fold.cache.hit(tier, coalesced, ms, savedMs, saved),
    ),
    snapshot() {
      watched.look();
      const { slots } = recorder.window(RATE_WINDOW_MS);
      const rate = valueIn({ name: "requests", kind: "rate", unit: "per second", help: "" }, slots);
      const { rss, heapUsed } = process.memoryUsage();
      return takeSnapshot({ ...sources, process: () => ({ rss, heapUsed }), clock, began, requestsPerSecond: rate ?? 0 });
    },
    history: (name, period) => historyOf(infoOf(name), parseDuration("period", period)),
    value: (name, period) => valueIn(infoOf(name), recorder.window(parseDuration("period", period)).slots),
    observations: (name, period) => observationsIn(infoOf(name), recorder.window(parseDuration("period", period)).slots),
    summary(period) {
      const periodMs = parseDuration("period", period);
      const { slots } = recorder.window(periodMs);
      return summarise({ now: clock.now(), periodMs, slots, lookups: lookups.within(periodMs), currency: prices.currency });
    },
    series,
    durations: () => durationsOf(fold),
    watch(cache) {
      requireMethods("watch", cache, ["stats"], "what has statistics, such as a TieredCache");
      return watched.add(cache);
    },
    export({ format, period = "1h", series: names }) {
      parseChoice("export.format", format, ["json", "csv"]);
      const periodMs = parseDuration("export.period", period);
      const chosen = names === undefined ? series() : names.map(infoOf);
      const histories = chosen.map((info) => historyOf(info, periodMs));
      return format === "json" ? historyAsJson(clock.now(), histories) : historyAsCsv(histories);
    },
    close() {
      cancel?.();
      cancel = undefined;
    },
  };
}

function durationsOf(fold: EventFold): ReadonlyMap<DurationKind, ReadonlyMap<string, Histogram>> {
  const { cache, semantic, embeddings, history, memory, rerank } = fold;
  const one = (histogram: Histogram): ReadonlyMap<string, Histogram> => new Map([["", histogram.copy()]]);
  return new Map<DurationKind, ReadonlyMap<string, Histogram>>([
    ["lookup", cache.latencies()],
    ["semantic", one(semantic.latency)],
    ["embeddings", one(embeddings.calls)],
    ["append", one(history.latency)],
    ["recall", new Map(Object.entries(memory.strategies).map(([name, { latency }]) => [name, latency.copy()]))],
    ["rerank", one(rerank.latency)],
  ]);
}
