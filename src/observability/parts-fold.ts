/** What the events of everything but the tiers add up to. None of them is as frequent as a hit, or as cheap. */
import type { Clock } from "../core/clock.ts";
import type {
  EmbeddingsCallEvent,
  EmbeddingsLookupEvent,
  HistoryAppendEvent,
  HistoryLagEvent,
  MemoryRecallEvent,
  RerankEvent,
  SemanticLookupEvent,
  SemanticPart,
} from "../core/events.ts";
import { Histogram } from "../core/histogram.ts";
import { ActiveConversations } from "./active-conversations.ts";
import { BoundedCounts } from "./bounded-counts.ts";
import { STRATEGIES, type StrategyName } from "./series.ts";

export class SemanticFold {
  readonly outcomes: Record<SemanticLookupEvent["outcome"], number> = { served: 0, adapted: 0, withheld: 0, missed: 0 };
  readonly reasons: BoundedCounts = new BoundedCounts(64);
  readonly vetoes: BoundedCounts = new BoundedCounts(64);
  readonly audit = { right: 0, wrong: 0 };
  readonly feedback = { right: 0, wrong: 0 };
  readonly off: Set<SemanticPart> = new Set();
  readonly latency: Histogram = new Histogram();
  lookups = 0;
  /** Of what was served, adapted or withheld. */
  similarity = 0;
  similarities = 0;

  lookup({ outcome, reason, veto, similarity, ms }: SemanticLookupEvent): void {
    this.lookups++;
    this.outcomes[outcome]++;
    this.reasons.add(reason);
    if (veto !== undefined) this.vetoes.add(veto);
    if (outcome !== "missed" && similarity !== undefined) {
      this.similarity += similarity;
      this.similarities++;
    }
    this.latency.record(ms);
  }
}

export class EmbeddingsFold {
  readonly latency: Histogram = new Histogram();
  readonly calls: Histogram = new Histogram();
  lookups = 0;
  texts = 0;
  hits = 0;
  near = 0;
  coalesced = 0;
  failed = 0;
  savedMs = 0;

  lookup({ texts, hits, near, coalesced, savedMs, ms }: EmbeddingsLookupEvent): void {
    this.lookups++;
    this.texts += texts;
    this.hits += hits;
    this.near += near;
    this.coalesced += coalesced;
    this.savedMs += savedMs;
    this.latency.record(ms);
  }

  call({ outcome, ms }: EmbeddingsCallEvent): void {
    if (outcome === "failed") this.failed++;
    this.calls.record(ms);
  }
}

export class HistoryFold {
  readonly latency: Histogram = new Histogram();
  readonly active: ActiveConversations;
  readonly summaries = { made: 0, failed: 0 };
  failed = 0;
  messages = 0;
  deadLetters = 0;
  waiting = 0;
  /** The worst since it was last looked at. */
  #lag = 0;

  constructor(clock: Clock, activeWithinMs: number) {
    this.active = new ActiveConversations(clock, activeWithinMs);
  }

  append({ outcome, messages, ms, conversation }: HistoryAppendEvent): void {
    if (outcome === "failed") this.failed++;
    else {
      this.messages += messages;
      this.active.see(conversation);
    }
    this.latency.record(ms);
  }

  lag({ ms, waiting }: HistoryLagEvent): void {
    this.#lag = Math.max(this.#lag, ms);
    this.waiting = waiting;
  }

  get lagMs(): number {
    return this.#lag;
  }

  /** A batch that was stored has had its say; one that waits goes on being behind. */
  sampled(): void {
    if (this.waiting === 0) this.#lag = 0;
  }
}

export class StrategyFold {
  readonly latency: Histogram = new Histogram();
  routed = 0;
  cacheHits = 0;
  results = 0;
  degraded = 0;
}

export class MemoryFold {
  readonly strategies: Readonly<Record<StrategyName, StrategyFold>> = Object.fromEntries(
    STRATEGIES.map((name) => [name, new StrategyFold()]),
  ) as Record<StrategyName, StrategyFold>;
  recalls = 0;
  cacheHits = 0;

  recall({ strategy, routed, cacheHit, results, degraded, ms }: MemoryRecallEvent): void {
    this.recalls++;
    if (cacheHit) this.cacheHits++;
    const of = this.strategies[strategy];
    if (routed) of.routed++;
    if (cacheHit) of.cacheHits++;
    if (degraded) of.degraded++;
    of.results += results;
    of.latency.record(ms);
  }

  /** Of all recalls; a copy. */
  latency(): Histogram {
    const all = new Histogram();
    for (const { latency } of Object.values(this.strategies)) all.add(latency);
    return all;
  }
}

export class RerankFold {
  readonly outcomes: Record<RerankEvent["outcome"], number> = { reranked: 0, skipped: 0, failed: 0 };
  readonly reasons: BoundedCounts = new BoundedCounts(32);
  readonly latency: Histogram = new Histogram();
  readonly off: Set<string> = new Set();
  readonly moved = { up: 0, down: 0, same: 0 };
  gained = 0;
  /** Given, of lists that were reranked. */
  given = 0;
  cost = 0;
  tokens = 0;
  searches = 0;
  asked = 0;
  cached = 0;
  candidates = 0;
  kept = 0;

  rerank(event: RerankEvent): void {
    const { outcome } = event;
    this.outcomes[outcome]++;
    this.reasons.add(event.reason);
    for (const part of ["cost", "tokens", "searches", "asked", "cached", "candidates", "kept"] as const)
      this[part] += event[part];
    this.latency.record(event.ms);
    if (outcome !== "reranked") return;
    for (const way of ["up", "down", "same"] as const) this.moved[way] += event[way];
    this.gained += event.gained;
    this.given += event.kept;
  }
}
