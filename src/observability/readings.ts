/** A snapshot as flat readings, named as monitoring systems name them: what every exporter sends. */
import type { Histogram } from "../core/histogram.ts";
import type { DurationKind, Metrics } from "./metrics.ts";
import type { MetricsSnapshot } from "./metrics-snapshot.ts";

export interface Reading {
  /** In the manner of Prometheus, without prefix: base units, `_total` for counters. */
  readonly name: string;
  readonly type: "counter" | "gauge";
  readonly help: string;
  readonly values: ReadonlyArray<{ readonly labels: Readonly<Record<string, string>>; readonly value: number }>;
}

export interface DurationReading {
  readonly name: string;
  readonly help: string;
  /** What tells its histograms apart; `undefined` where there is one. */
  readonly label: string | undefined;
  readonly histograms: ReadonlyMap<string, Histogram>;
}

type Values = Reading["values"];

const NOTHING: Values = [];

function one(value: number | null | undefined): Values {
  return value === null || value === undefined ? NOTHING : [{ labels: {}, value }];
}

function by(label: string, values: Readonly<Record<string, number | undefined>>): Values {
  return Object.entries(values).map(([word, value]) => ({ labels: { [label]: word }, value: value ?? 0 }));
}

function counter(name: string, help: string, values: Values): Reading {
  return { name, type: "counter", help, values };
}

function gauge(name: string, help: string, values: Values): Reading {
  return { name, type: "gauge", help, values };
}

/** Everything but durations. */
export function readingsOf(snapshot: MetricsSnapshot): Reading[] {
  const { cache, tiers, saved, semantic, embeddings, history, memory, rerank, process } = snapshot;
  const ofTiers = (read: (tier: MetricsSnapshot["tiers"][number]) => number | null): Values =>
    tiers.flatMap((tier) => one(read(tier)).map(({ value }) => ({ labels: { tier: tier.name }, value })));
  const ofModels = (read: (model: (typeof saved.byModel)[number]) => number, labels: Record<string, string> = {}): Values =>
    saved.byModel.map((model) => ({ labels: { model: model.model, ...labels }, value: read(model) }));
  const { served, adapted, withheld, missed } = semantic;
  const { right, wrong } = semantic.audit;
  const misses = Math.max(0, embeddings.texts - embeddings.hits - embeddings.near);
  return [
    counter("cache_lookups_total", "Lookups of the cache", by("outcome", { hit: cache.hits, miss: cache.misses })),
    counter("cache_coalesced_total", "Hits awaited from another caller's model call", one(cache.coalesced)),
    counter("cache_bypassed_total", "Calls that the cache stood aside for", by("reason", cache.bypassed)),
    counter("cache_writes_total", "Answers accepted for storing", one(cache.writes)),
    counter("cache_written_bytes_total", "Bytes of answers accepted for storing", one(cache.writtenBytes)),
    counter(
      "cache_moved_total",
      "Entries that went to another tier",
      by("direction", { promoted: cache.promoted, demoted: cache.demoted }),
    ),
    counter("cache_rejected_total", "Stored entries that were damaged or foreign", one(cache.rejected)),
    counter("cache_cleared_total", "Entries removed on request", one(cache.cleared)),
    counter("cache_tuning_decisions_total", "Decisions of auto-tuning", by("action", cache.tuning)),
    gauge(
      "tier_up",
      "1 while a tier is asked, 0 while it is switched off",
      ofTiers(({ state }) => (state === "on" ? 1 : 0)),
    ),
    counter(
      "tier_faults_total",
      "Failed calls to a tier",
      ofTiers(({ faults }) => faults),
    ),
    counter(
      "tier_evicted_total",
      "Entries dropped for space",
      ofTiers(({ evicted }) => evicted),
    ),
    gauge(
      "tier_entries",
      "Entries in a tier",
      ofTiers(({ entries }) => entries),
    ),
    gauge(
      "tier_bytes",
      "What the entries of a tier take",
      ofTiers(({ bytes }) => bytes),
    ),
    gauge(
      "tier_max_bytes",
      "The bound of a tier",
      ofTiers(({ maxBytes }) => maxBytes),
    ),
    gauge(
      "tier_queued",
      "Writes that wait for a tier",
      ofTiers(({ queued }) => queued),
    ),
    counter("saved_seconds_total", "Model time that hits saved", one(saved.ms / 1000)),
    counter(
      "saved_tokens_total",
      "Tokens that hits saved",
      ofModels(({ tokens }) => tokens),
    ),
    counter(
      "saved_money_total",
      "What those tokens would have cost",
      ofModels(({ money }) => money, { currency: saved.currency }),
    ),
    counter("semantic_lookups_total", "Misses looked up by meaning", by("outcome", { served, adapted, withheld, missed })),
    counter("semantic_reasons_total", "Why, for every lookup by meaning", by("reason", semantic.reasons)),
    counter("semantic_audits_total", "Withheld answers compared with the model's own", by("verdict", { right, wrong })),
    counter("semantic_feedback_total", "What people said of hits", by("verdict", semantic.feedback)),
    gauge("semantic_similarity", "Mean similarity of what was served, adapted or withheld", one(semantic.similarity)),
    counter(
      "embeddings_texts_total",
      "Texts whose vectors were asked for",
      by("result", { hit: embeddings.hits, near: embeddings.near, miss: misses }),
    ),
    counter("embeddings_saved_seconds_total", "Time of the provider that was not needed", one(embeddings.savedMs / 1000)),
    counter("embeddings_failed_calls_total", "Failed calls to the provider of embeddings", one(embeddings.failedCalls)),
    counter("history_messages_total", "Messages added to conversations", one(history.messages)),
    counter("history_dead_letters_total", "Messages set aside by the writer", one(history.deadLetters)),
    gauge("history_lag_seconds", "Age of the oldest message that waits for PostgreSQL", one(history.lagMs / 1000)),
    gauge("history_waiting", "Messages that a writer has taken and not stored yet", one(history.waiting)),
    gauge("conversations_active", "Conversations with a message lately", one(history.activeConversations)),
    counter("recall_cache_hits_total", "Recalls answered from the query cache", one(memory.cacheHits)),
    counter(
      "rerank_lists_total",
      "Lists of documents",
      by("outcome", { reranked: rerank.reranked, skipped: rerank.skipped, failed: rerank.failed }),
    ),
    counter("rerank_documents_total", "Documents that were given, by where they had come from", by("moved", rerank.moved)),
    counter("rerank_gained_total", "Documents that were given and without reranking would not have been", one(rerank.gained)),
    counter("rerank_cost_total", "What rerankers cost, as their prices say", one(rerank.cost)),
    counter(
      "errors_total",
      "Failures; calls went on without the part that failed",
      snapshot.errors.map(({ part, of, cause, count }) => ({ labels: { part, of, cause }, value: count })),
    ),
    gauge("queue_depth", "Writes that wait for tiers", one(snapshot.queueDepth)),
    gauge("resident_memory_bytes", "Resident memory of the process", one(process.rss)),
    gauge("heap_used_bytes", "JavaScript heap in use", one(process.heapUsed)),
    gauge("disk_used_ratio", "Share of the fullest watched disk in use", one(process.disk?.usedShare)),
    gauge("disk_free_bytes", "What that disk has left", one(process.disk?.freeBytes)),
  ];
}

const DURATIONS: Readonly<Record<DurationKind, readonly [name: string, help: string, label: string | undefined]>> = {
  lookup: ["cache_lookup_seconds", "Lookups of the cache, by the tier that answered", "tier"],
  semantic: ["semantic_lookup_seconds", "Lookups by meaning", undefined],
  embeddings: ["embeddings_call_seconds", "Calls to the provider of embeddings", undefined],
  append: ["history_append_seconds", "Appends to conversations", undefined],
  recall: ["recall_seconds", "Recalls of memory, by strategy", "strategy"],
  rerank: ["rerank_seconds", "Rerankings", undefined],
};

export function durationsOf(metrics: Metrics): DurationReading[] {
  return [...metrics.durations()].map(([kind, histograms]) => {
    const [name, help, label] = DURATIONS[kind];
    return { name, help, label, histograms };
  });
}
