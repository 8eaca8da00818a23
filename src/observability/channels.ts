/** What each series is recorded from, and how it is read back from what was recorded. */
import type { EventFold } from "./event-fold.ts";
import type { DiskWatch } from "./disk-space.ts";
import type { Recorder, Slot } from "./recorder.ts";
import {
  SERIES,
  STRATEGIES,
  STRATEGY_SERIES,
  TIER_SERIES,
  type SeriesInfo,
  type SeriesName,
  type SeriesShape,
  type PlainSeries,
  type TierSeries,
} from "./series.ts";
import type { WatchedCaches } from "./watched-caches.ts";

export interface ChannelSources {
  readonly recorder: Recorder;
  readonly fold: EventFold;
  readonly watched: WatchedCaches;
  readonly disk: DiskWatch;
  /** Bytes. */
  readonly process: () => { readonly rss: number; readonly heapUsed: number };
}

/** Ratios, as the two counters that they are made of. */
const RATIOS: Readonly<Partial<Record<SeriesName, readonly [part: string, whole: string]>>> = {
  hitRate: ["hits", "requests"],
  "semantic.hitRate": ["semantic.answered", "semantic.lookups"],
  "semantic.similarity": ["semantic.similaritySum", "semantic.similarities"],
  "semantic.wrongRate": ["semantic.auditWrong", "semantic.audits"],
  errorRate: ["errors", "operations"],
  "embeddings.hitRate": ["embeddings.known", "embeddings.texts"],
  "recall.cacheHitRate": ["recall.cacheHits", "recalls"],
  "rerank.changed": ["rerank.gained", "rerank.given"],
};

/** Records everything that there is one of. */
export function recordPlain({ recorder, fold, watched, disk, process }: ChannelSources): void {
  const { cache, semantic, embeddings, history, memory, rerank } = fold;
  const { savings } = cache;
  const counters: Record<string, () => number> = {
    requests: () => cache.lookups,
    hits: () => cache.hits,
    misses: () => cache.misses,
    coalesced: () => cache.coalesced,
    bypassed: () => cache.bypasses,
    writes: () => cache.writes,
    "saved.tokens": () => savings.tokens,
    "saved.money": () => savings.money,
    "saved.time": () => savings.ms / 1000,
    "semantic.lookups": () => semantic.lookups,
    "semantic.served": () => semantic.outcomes.served,
    "semantic.adapted": () => semantic.outcomes.adapted,
    "semantic.withheld": () => semantic.outcomes.withheld,
    "semantic.answered": () => semantic.outcomes.served + semantic.outcomes.adapted,
    "semantic.similaritySum": () => semantic.similarity,
    "semantic.similarities": () => semantic.similarities,
    "semantic.auditWrong": () => semantic.audit.wrong,
    "semantic.audits": () => semantic.audit.right + semantic.audit.wrong,
    errors: () => fold.errorCount,
    operations: () => fold.operations,
    "embeddings.texts": () => embeddings.texts,
    "embeddings.known": () => embeddings.hits + embeddings.near,
    "embeddings.savedTime": () => embeddings.savedMs / 1000,
    "history.messages": () => history.messages,
    recalls: () => memory.recalls,
    "recall.cacheHits": () => memory.cacheHits,
    reranks: () => rerank.outcomes.reranked,
    "rerank.skipped": () => rerank.outcomes.skipped,
    "rerank.cost": () => rerank.cost,
    "rerank.gained": () => rerank.gained,
    "rerank.given": () => rerank.given,
  };
  for (const [name, read] of Object.entries(counters)) recorder.counter(name, read);
  for (const strategy of STRATEGIES) recorder.counter(`recalls:${strategy}`, () => memory.strategies[strategy].latency.count);
  const gauges: Record<string, () => number> = {
    "history.lag": () => history.lagMs,
    "history.waiting": () => history.waiting,
    "conversations.active": () => history.active.count,
    "queue.depth": () => watched.queued,
    "process.memory": () => process().rss,
    "process.heap": () => process().heapUsed,
    "disk.used": () => disk.fullest?.usedShare ?? Number.NaN,
    "disk.free": () => disk.fullest?.freeBytes ?? Number.NaN,
  };
  for (const [name, read] of Object.entries(gauges)) recorder.gauge(name, read);
  const p95 = (name: string): ReadonlyArray<readonly [string, number]> => [[`${name}.p95`, 0.95]];
  const three: ReadonlyArray<readonly [string, number]> = [
    ["latency.p50", 0.5],
    ["latency.p95", 0.95],
    ["latency.p99", 0.99],
  ];
  recorder.quantiles("latency", () => cache.latency(), three);
  recorder.quantiles("semantic.latency", () => semantic.latency.copy(), p95("semantic.latency"));
  recorder.quantiles("embeddings.latency", () => embeddings.calls.copy(), p95("embeddings.latency"));
  recorder.quantiles("history.latency", () => history.latency.copy(), p95("history.latency"));
  recorder.quantiles("recall.latency", () => memory.latency(), p95("recall.latency"));
  recorder.quantiles("rerank.latency", () => rerank.latency.copy(), p95("rerank.latency"));
}

/** Records the tiers that have been seen since. */
export function recordTiers({ recorder, fold, watched }: ChannelSources): void {
  for (const name of tierNames(fold, watched)) {
    if (recorder.has(`tier.hits:${name}`)) continue;
    const tier = fold.cache.tier(name);
    recorder.counter(`tier.hits:${name}`, () => tier.latency.count);
    recorder.counter(`tier.faults:${name}`, () => tier.faults);
    recorder.counter(`tier.evicted:${name}`, () => watched.tiers.get(name)?.evicted ?? 0);
    recorder.gauge(`tier.available:${name}`, () => (tier.state === "on" ? 1 : 0));
    recorder.gauge(`tier.entries:${name}`, () => watched.tiers.get(name)?.entries ?? Number.NaN);
    recorder.gauge(`tier.bytes:${name}`, () => watched.tiers.get(name)?.bytes ?? Number.NaN);
    recorder.gauge(`tier.queued:${name}`, () => watched.tiers.get(name)?.queued ?? Number.NaN);
    recorder.quantiles(`tier.latency:${name}`, () => tier.latency.copy(), [
      [`tier.latency.p50:${name}`, 0.5],
      [`tier.latency.p95:${name}`, 0.95],
    ]);
  }
}

/** In the order in which they are asked, where that is known. */
export function tierNames(fold: EventFold, watched: WatchedCaches): string[] {
  return [...new Set([...watched.tiers.keys(), ...fold.cache.tiers.keys()])];
}

/** Every series that there is. */
export function seriesOf(tiers: readonly string[]): SeriesInfo[] {
  const info = (name: SeriesName, shape: SeriesShape): SeriesInfo => ({ name, ...shape });
  return [
    ...Object.entries(SERIES).map(([name, shape]) => info(name as PlainSeries, shape)),
    ...STRATEGIES.map((strategy) => info(`recalls:${strategy}`, STRATEGY_SERIES.recalls)),
    ...tiers.flatMap((tier) => Object.entries(TIER_SERIES).map(([name, shape]) => info(`${name as TierSeries}:${tier}`, shape))),
  ];
}

/** The value of a series within a slot, or within several taken as one; `null` when they have nothing to tell. */
export function valueIn({ name, kind }: SeriesInfo, slots: readonly Slot[]): number | null {
  const sum = (column: string): number => slots.reduce((total, slot) => total + orZero(slot.get(column)), 0);
  const ms = slots.reduce((total, slot) => total + slot.ms, 0);
  if (kind === "rate") return ms === 0 ? null : (sum(name) / ms) * 1000;
  if (kind === "ratio") {
    const [part, whole] = RATIOS[name] ?? [name, name];
    const all = sum(whole);
    // More than one failure may come of one operation.
    return all === 0 ? null : Math.min(1, sum(part) / all);
  }
  const known = slots.filter((slot) => !Number.isNaN(slot.get(name)));
  if (known.length === 0) return null;
  if (kind === "gauge") {
    const weight = known.reduce((total, slot) => total + slot.ms, 0);
    return weight === 0
      ? (known.at(-1) as Slot).get(name)
      : known.reduce((total, slot) => total + slot.get(name) * slot.ms, 0) / weight;
  }
  // Of several slots the worst stands for all: a mean of quantiles is none.
  return Math.max(...known.map((slot) => slot.get(name)));
}

/** How many things a value speaks of. */
export function observationsIn(info: SeriesInfo, slots: readonly Slot[]): number {
  const ratio = RATIOS[info.name];
  if (ratio !== undefined) return slots.reduce((total, slot) => total + orZero(slot.get(ratio[1])), 0);
  return valueIn(info, slots) === null ? 0 : 1;
}

function orZero(value: number): number {
  return Number.isNaN(value) ? 0 : value;
}
