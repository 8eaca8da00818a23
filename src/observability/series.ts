/**
 * The series that metrics keep a history of. A closed set: a label is the name of a tier or of a strategy of recall, and nothing that
 * a caller of a model wrote.
 */

/** What one value of a series means. */
export interface SeriesShape {
  /**
   * `"rate"`: what was counted, per second; `"gauge"`: what was there; `"ratio"`: a share, 0 to 1; `"quantile"`: of durations.
   * A gauge is averaged over coarser steps, a ratio and a quantile are those of everything that fell into the step.
   */
  readonly kind: "rate" | "gauge" | "ratio" | "quantile";
  readonly unit:
    | "per second"
    | "ms"
    | "bytes"
    | "share"
    | "count"
    | "tokens per second"
    | "per second, in the price table's currency"
    | "similarity";
  /** What it is, for people. */
  readonly help: string;
}

function rate(help: string, unit: SeriesShape["unit"] = "per second"): SeriesShape {
  return { kind: "rate", unit, help };
}

function gauge(unit: SeriesShape["unit"], help: string): SeriesShape {
  return { kind: "gauge", unit, help };
}

function share(help: string): SeriesShape {
  return { kind: "ratio", unit: "share", help };
}

function duration(help: string): SeriesShape {
  return { kind: "quantile", unit: "ms", help };
}

export type PlainSeries =
  | "requests"
  | "hits"
  | "misses"
  | "coalesced"
  | "bypassed"
  | "writes"
  | "hitRate"
  | "latency.p50"
  | "latency.p95"
  | "latency.p99"
  | "saved.tokens"
  | "saved.money"
  | "saved.time"
  | "semantic.lookups"
  | "semantic.served"
  | "semantic.adapted"
  | "semantic.withheld"
  | "semantic.hitRate"
  | "semantic.similarity"
  | "semantic.wrongRate"
  | "semantic.latency.p95"
  | "errors"
  | "errorRate"
  | "embeddings.texts"
  | "embeddings.hitRate"
  | "embeddings.latency.p95"
  | "embeddings.savedTime"
  | "history.messages"
  | "history.lag"
  | "history.waiting"
  | "history.latency.p95"
  | "conversations.active"
  | "recalls"
  | "recall.cacheHitRate"
  | "recall.latency.p95"
  | "reranks"
  | "rerank.skipped"
  | "rerank.cost"
  | "rerank.changed"
  | "rerank.latency.p95"
  | "queue.depth"
  | "process.memory"
  | "process.heap"
  | "disk.used"
  | "disk.free";

/** Series that there is one of. */
export const SERIES: Readonly<Record<PlainSeries, SeriesShape>> = {
  requests: rate("Lookups of the cache, hits and misses"),
  hits: rate("Lookups that were answered"),
  misses: rate("Lookups that were not"),
  coalesced: rate("Hits that were awaited from another caller's model call"),
  bypassed: rate("Calls that the cache stood aside for"),
  writes: rate("Answers accepted for storing"),
  hitRate: share("Hits among lookups"),
  "latency.p50": duration("One lookup, half of them are faster"),
  "latency.p95": duration("One lookup, 95 in a hundred are faster"),
  "latency.p99": duration("One lookup, 99 in a hundred are faster"),
  "saved.tokens": rate("Tokens that hits saved", "tokens per second"),
  "saved.money": rate("What those tokens would have cost", "per second, in the price table's currency"),
  "saved.time": rate("Model time that hits saved, seconds per second"),
  "semantic.lookups": rate("Misses that were looked up by meaning"),
  "semantic.served": rate("Answers served for a question in other words"),
  "semantic.adapted": rate("Answers served rewritten"),
  "semantic.withheld": rate("Answers that would have been served: shadow mode, audits"),
  "semantic.hitRate": share("Served or adapted among the lookups by meaning"),
  "semantic.similarity": { kind: "ratio", unit: "similarity", help: "Mean similarity of what was served, adapted or withheld" },
  "semantic.wrongRate": share("Wrong answers among those that were withheld and compared with the model's own"),
  "semantic.latency.p95": duration("One lookup by meaning, 95 in a hundred are faster"),
  errors: rate("Failures, of any part"),
  errorRate: share("Failures per lookup, recall, reranking, append and call for embeddings; at most 1"),
  "embeddings.texts": rate("Texts whose vectors were asked for"),
  "embeddings.hitRate": share("Vectors that were there, or taken from a nearly equal text"),
  "embeddings.latency.p95": duration("One call to the provider of embeddings"),
  "embeddings.savedTime": rate("Time of the provider that cached vectors saved, seconds per second"),
  "history.messages": rate("Messages added to conversations"),
  "history.lag": gauge("ms", "Age of the oldest message that waits for PostgreSQL"),
  "history.waiting": gauge("count", "Messages that a writer has taken and not stored yet"),
  "history.latency.p95": duration("One append to a conversation"),
  "conversations.active": gauge("count", "Conversations with a message within the last hour"),
  recalls: rate("Recalls of memory"),
  "recall.cacheHitRate": share("Recalls answered from the query cache"),
  "recall.latency.p95": duration("One recall"),
  reranks: rate("Lists of documents that were reranked"),
  "rerank.skipped": rate("Lists that the policy left as they were"),
  "rerank.cost": rate("What rerankers cost, as their prices say", "per second, in the price table's currency"),
  "rerank.changed": share("Documents given that were not among the first so many before: what reranking gained a place for"),
  "rerank.latency.p95": duration("One reranking"),
  "queue.depth": gauge("count", "Writes that wait for tiers"),
  "process.memory": gauge("bytes", "Resident memory of the process"),
  "process.heap": gauge("bytes", "JavaScript heap in use"),
  "disk.used": gauge("share", "Share of the disk in use on which the tiers have their folders; the fullest of them"),
  "disk.free": gauge("bytes", "What that disk has left"),
};

export type TierSeries =
  | "tier.hits"
  | "tier.latency.p50"
  | "tier.latency.p95"
  | "tier.available"
  | "tier.faults"
  | "tier.entries"
  | "tier.bytes"
  | "tier.queued"
  | "tier.evicted";

/** Series that there is one of for each tier: `"tier.hits:memory"`. */
export const TIER_SERIES: Readonly<Record<TierSeries, SeriesShape>> = {
  "tier.hits": rate("Lookups that this tier answered"),
  "tier.latency.p50": duration("Lookups that this tier answered, half of them are faster"),
  "tier.latency.p95": duration("Lookups that this tier answered, 95 in a hundred are faster"),
  "tier.available": gauge("share", "1 while the tier is asked, 0 while it is switched off"),
  "tier.faults": rate("Failed calls"),
  "tier.entries": gauge("count", "Entries"),
  "tier.bytes": gauge("bytes", "What its entries take"),
  "tier.queued": gauge("count", "Writes that wait for it"),
  "tier.evicted": rate("Entries dropped for space"),
};

export const STRATEGIES: readonly ["session_only", "recent_history", "semantic_search", "hybrid", "cross_conversation"] = [
  "session_only",
  "recent_history",
  "semantic_search",
  "hybrid",
  "cross_conversation",
];

export type StrategyName = (typeof STRATEGIES)[number];

/** What there is one of for each strategy of recall: `"recalls:hybrid"`. */
export const STRATEGY_SERIES: Readonly<Record<"recalls", SeriesShape>> = { recalls: rate("Recalls by this strategy") };

/** What `history()` and alert rules name. */
export type SeriesName = PlainSeries | `${TierSeries}:${string}` | `recalls:${StrategyName}`;

/** A series that there is. */
export interface SeriesInfo extends SeriesShape {
  readonly name: SeriesName;
}

/** One step of a series. */
export interface SeriesPoint {
  /** When the step ended, Unix ms. */
  readonly at: number;
  /** `null` when the step has nothing to tell: no lookup, no ratio. */
  readonly value: number | null;
}

export interface SeriesHistory extends SeriesInfo {
  /** Length of a step, ms: 1 s within the last 10 minutes, 1 min within the last day, 1 h within the last 30 days. */
  readonly stepMs: number;
  /** Oldest first; no more than the process has lived. */
  readonly points: readonly SeriesPoint[];
}

/** Whether there is, or may come to be, such a series: tiers are known once they are seen. */
export function isSeriesName(name: string): name is SeriesName {
  if (Object.hasOwn(SERIES, name)) return true;
  const colon = name.indexOf(":");
  const [family, label] = [name.slice(0, colon), name.slice(colon + 1)];
  if (colon < 1 || label === "") return false;
  return Object.hasOwn(TIER_SERIES, family) || (family === "recalls" && STRATEGIES.some((strategy) => strategy === label));
}
