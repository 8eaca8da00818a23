/** Takes a snapshot of everything that was counted. */
import type { Clock } from "../core/clock.ts";
import type { Histogram } from "../core/histogram.ts";
import { tierNames, type ChannelSources } from "./channels.ts";
import type { LatencyMetrics, MetricsSnapshot, RerankMetrics, TierMetrics } from "./metrics-snapshot.ts";
import { STRATEGIES } from "./series.ts";

export interface SnapshotContext extends ChannelSources {
  readonly clock: Clock;
  /** On the monotonic clock. */
  readonly began: number;
  readonly requestsPerSecond: number;
}

export function takeSnapshot(context: SnapshotContext): MetricsSnapshot {
  const { fold, watched, clock, began, disk } = context;
  const { cache, semantic, embeddings, history, memory } = fold;
  const { lookups } = cache;
  const { served, adapted, withheld, missed } = semantic.outcomes;
  const audits = semantic.audit.right + semantic.audit.wrong;
  return {
    at: clock.now(),
    uptimeMs: clock.monotonic() - began,
    requestsPerSecond: context.requestsPerSecond,
    cache: {
      ...{ hits: cache.hits, misses: cache.misses, hitRate: share(cache.hits, lookups), coalesced: cache.coalesced },
      ...{ writes: cache.writes, writtenBytes: cache.writtenBytes, bypassed: cache.bypassed.toObject() },
      ...{ promoted: cache.promoted, demoted: cache.demoted, rejected: cache.rejected, cleared: cache.cleared },
      tuning: { ...cache.tuning },
      latency: latencyOf(cache.latency()),
    },
    tiers: tierNames(fold, watched).map((name) => tierOf(name, context)),
    saved: cache.savings.snapshot(),
    semantic: {
      ...{ lookups: semantic.lookups, served, adapted, withheld, missed },
      reasons: semantic.reasons.toObject(),
      vetoes: semantic.vetoes.toObject(),
      similarity: semantic.similarities === 0 ? null : semantic.similarity / semantic.similarities,
      audit: { ...semantic.audit, error: audits === 0 ? null : semantic.audit.wrong / audits },
      feedback: { ...semantic.feedback },
      off: [...semantic.off],
      latency: latencyOf(semantic.latency),
    },
    embeddings: {
      ...{ lookups: embeddings.lookups, texts: embeddings.texts, hits: embeddings.hits, near: embeddings.near },
      ...{ coalesced: embeddings.coalesced, hitRate: share(embeddings.hits + embeddings.near, embeddings.texts) },
      ...{ calls: embeddings.calls.count, failedCalls: embeddings.failed, savedMs: embeddings.savedMs },
      latency: latencyOf(embeddings.latency),
      callLatency: latencyOf(embeddings.calls),
    },
    history: {
      ...{ appends: history.latency.count, failedAppends: history.failed, messages: history.messages },
      ...{ lagMs: history.lagMs, waiting: history.waiting, deadLetters: history.deadLetters },
      summaries: { ...history.summaries },
      activeConversations: history.active.count,
      latency: latencyOf(history.latency),
    },
    memory: {
      ...{ recalls: memory.recalls, cacheHits: memory.cacheHits, latency: latencyOf(memory.latency()) },
      strategies: STRATEGIES.map((strategy) => {
        const { latency, routed, cacheHits, results, degraded } = memory.strategies[strategy];
        return { strategy, recalls: latency.count, routed, cacheHits, results, degraded, latency: latencyOf(latency) };
      }),
    },
    rerank: rerankOf(context),
    queueDepth: watched.queued,
    errors: fold.errors(),
    errorCount: fold.errorCount,
    process: { ...context.process(), disk: disk.fullest },
  };
}

function tierOf(name: string, { fold, watched }: SnapshotContext): TierMetrics {
  const { state, availability, latency, faults, byMeaning } = fold.cache.tier(name);
  const now = watched.tiers.get(name);
  return {
    // Who began to observe when a tier was off already learns it from the cache itself.
    ...{ name, state: now?.state ?? state, availability, hits: latency.count, byMeaning, faults, latency: latencyOf(latency) },
    ...{ misses: now?.misses ?? null, entries: now?.entries ?? null, bytes: now?.bytes ?? null },
    ...{ maxBytes: now?.maxBytes ?? null, queued: now?.queued ?? null, evicted: now?.evicted ?? null },
  };
}

function rerankOf({ fold: { rerank } }: SnapshotContext): RerankMetrics {
  const { cost, tokens, searches, asked, cached, candidates, kept, gained } = rerank;
  return {
    ...rerank.outcomes,
    reasons: rerank.reasons.toObject(),
    ...{ cost, tokens, searches, asked, cached, candidates, kept, gained },
    moved: { ...rerank.moved },
    off: [...rerank.off],
    latency: latencyOf(rerank.latency),
  };
}

export function latencyOf(histogram: Histogram): LatencyMetrics {
  const at = (q: number): number | null => histogram.quantile(q) ?? null;
  return { count: histogram.count, sum: histogram.sum, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
