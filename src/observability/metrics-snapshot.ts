/** What metrics say at one moment: totals since they began, and what is there now. Plain data, safe to send as JSON. */
import type { BypassReason, SemanticEventReason, SemanticPart, TuningDecisionEvent } from "../core/events.ts";
import type { StrategyName } from "./series.ts";

/** Durations of one kind, ms. Quantiles are at most 9 % off; `null` when there were none. */
export interface LatencyMetrics {
  readonly count: number;
  /** The sum of all, ms. */
  readonly sum: number;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

export interface CacheMetrics {
  readonly hits: number;
  readonly misses: number;
  /** 0 to 1. */
  readonly hitRate: number;
  readonly coalesced: number;
  readonly writes: number;
  readonly writtenBytes: number;
  readonly bypassed: Readonly<Partial<Record<BypassReason, number>>>;
  readonly promoted: number;
  readonly demoted: number;
  /** Stored entries that were damaged or foreign. */
  readonly rejected: number;
  /** Entries removed on request. */
  readonly cleared: number;
  /** Decisions of auto-tuning, by what was done. */
  readonly tuning: Readonly<Record<TuningDecisionEvent["action"], number>>;
  readonly latency: LatencyMetrics;
}

export interface TierMetrics {
  readonly name: string;
  readonly state: "on" | "off";
  /** Share of the time since metrics began in which it was on. */
  readonly availability: number;
  readonly hits: number;
  /** Of the hits: those whose answer had been given to another question, which meant the same. */
  readonly byMeaning: number;
  readonly faults: number;
  /** How long the lookups took that this tier answered. */
  readonly latency: LatencyMetrics;
  /** From the caches that are watched; `null` where none has this tier, or where its engine cannot tell. */
  readonly misses: number | null;
  readonly entries: number | null;
  readonly bytes: number | null;
  readonly maxBytes: number | null;
  readonly queued: number | null;
  readonly evicted: number | null;
}

export interface SavingsMetrics {
  /** Model time, ms. */
  readonly ms: number;
  readonly tokens: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** By the price table; tokens of models that it does not name count nothing. */
  readonly money: number;
  readonly currency: string;
  /** Tokens whose model has no price. */
  readonly unpricedTokens: number;
  /** The models that saved most, at most 50; those beyond are in `"other"`. */
  readonly byModel: readonly { readonly model: string; readonly tokens: number; readonly money: number; readonly hits: number }[];
}

export interface SemanticMetrics {
  readonly lookups: number;
  readonly served: number;
  readonly adapted: number;
  readonly withheld: number;
  readonly missed: number;
  /** Why, for every lookup. */
  readonly reasons: Readonly<Partial<Record<SemanticEventReason, number>>>;
  /** Which hard veto fired, how often. */
  readonly vetoes: Readonly<Record<string, number>>;
  /** Mean similarity of what was served, adapted or withheld. */
  readonly similarity: number | null;
  /** Withheld answers that were compared with the model's own; `error` is the share of wrong ones. */
  readonly audit: { readonly right: number; readonly wrong: number; readonly error: number | null };
  readonly feedback: { readonly right: number; readonly wrong: number };
  /** Parts that are not asked at the moment because they failed. */
  readonly off: readonly SemanticPart[];
  readonly latency: LatencyMetrics;
}

export interface EmbeddingsMetrics {
  readonly lookups: number;
  readonly texts: number;
  readonly hits: number;
  readonly near: number;
  readonly coalesced: number;
  /** Hits and near ones among the texts. */
  readonly hitRate: number;
  readonly calls: number;
  readonly failedCalls: number;
  /** Provider's time that was not needed, ms: texts that were there, at the mean time of a text that was not. */
  readonly savedMs: number;
  /** One lookup, whatever it took. */
  readonly latency: LatencyMetrics;
  /** One call to the provider. */
  readonly callLatency: LatencyMetrics;
}

export interface HistoryMetrics {
  readonly appends: number;
  readonly failedAppends: number;
  readonly messages: number;
  /** Age of the oldest message that waits for PostgreSQL, ms; 0 when none does. */
  readonly lagMs: number;
  readonly waiting: number;
  readonly deadLetters: number;
  readonly summaries: { readonly made: number; readonly failed: number };
  /** Conversations with a message within the last hour, as far as this process saw; stops at 50,000. */
  readonly activeConversations: number;
  readonly latency: LatencyMetrics;
}

export interface StrategyMetrics {
  readonly strategy: StrategyName;
  readonly recalls: number;
  /** Chosen by the router. */
  readonly routed: number;
  readonly cacheHits: number;
  readonly results: number;
  readonly degraded: number;
  readonly latency: LatencyMetrics;
}

export interface MemoryMetrics {
  readonly recalls: number;
  readonly cacheHits: number;
  readonly latency: LatencyMetrics;
  /** All five, also those that were never used. */
  readonly strategies: readonly StrategyMetrics[];
}

export interface RerankMetrics {
  readonly reranked: number;
  readonly skipped: number;
  readonly failed: number;
  /** The policy's word for it, how often. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly cost: number;
  readonly tokens: number;
  readonly searches: number;
  readonly asked: number;
  readonly cached: number;
  readonly candidates: number;
  readonly kept: number;
  /** Where the documents that were given had come from, of lists that were reranked. */
  readonly moved: { readonly up: number; readonly down: number; readonly same: number };
  /** Of the documents that were given: those that without reranking would not have been. */
  readonly gained: number;
  /** Rerankers whose circuit is open. */
  readonly off: readonly string[];
  readonly latency: LatencyMetrics;
}

/** Failures, by where and why. */
export interface ErrorMetrics {
  readonly part: ErrorPart;
  /** A name from a closed set or of a tier or reranker: what failed within the part. */
  readonly of: string;
  /** The code of our error, or `ENGINE`. */
  readonly cause: string;
  readonly count: number;
}

export type ErrorPart =
  | "tier"
  | "semantic"
  | "embeddings"
  | "history"
  | "memory"
  | "rerank"
  | "rag"
  | "alerts"
  | "metrics"
  | "other";

export interface ProcessMetrics {
  /** Resident memory, bytes. */
  readonly rss: number;
  readonly heapUsed: number;
  /** Of the disks on which watched tiers have their folders, the fullest; `null` where there is none. */
  readonly disk: { readonly freeBytes: number; readonly usedShare: number } | null;
}

export interface MetricsSnapshot {
  /** Unix ms. */
  readonly at: number;
  /** Since metrics began, ms. */
  readonly uptimeMs: number;
  /** Lookups per second over the last minute. */
  readonly requestsPerSecond: number;
  readonly cache: CacheMetrics;
  /** In the order in which they are asked, as far as it is known. */
  readonly tiers: readonly TierMetrics[];
  readonly saved: SavingsMetrics;
  readonly semantic: SemanticMetrics;
  readonly embeddings: EmbeddingsMetrics;
  readonly history: HistoryMetrics;
  readonly memory: MemoryMetrics;
  readonly rerank: RerankMetrics;
  /** Writes that wait for tiers. */
  readonly queueDepth: number;
  readonly errors: readonly ErrorMetrics[];
  readonly errorCount: number;
  readonly process: ProcessMetrics;
}

/** How a number went within a period: the later third of it against what was before. */
export type Trend = "increasing" | "decreasing" | "stable" | "insufficient-data";

export interface TrendedNumber {
  /** Over the whole period; `null` when it has nothing to tell. */
  readonly value: number | null;
  readonly trend: Trend;
}

/** What happened within a period. */
export interface MetricsSummary {
  readonly from: number;
  readonly to: number;
  readonly periodMs: number;
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly hits: number;
  readonly misses: number;
  readonly hitRate: TrendedNumber;
  /** ms. */
  readonly latency: {
    readonly p50: number | null;
    readonly p95: number | null;
    readonly p99: number | null;
    readonly trend: Trend;
  };
  readonly saved: { readonly tokens: number; readonly money: number; readonly currency: string; readonly ms: number };
  readonly semantic: {
    readonly lookups: number;
    readonly hits: number;
    readonly adapted: number;
    readonly hitRate: TrendedNumber;
    readonly similarity: TrendedNumber;
    readonly wrongRate: TrendedNumber;
  };
  readonly errors: number;
  readonly errorRate: TrendedNumber;
  readonly embeddings: { readonly texts: number; readonly hitRate: TrendedNumber; readonly savedMs: number };
  readonly history: { readonly messages: number; readonly worstLagMs: number | null };
  readonly recalls: number;
  readonly reranks: { readonly count: number; readonly cost: number };
}
