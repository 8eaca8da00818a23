/** Counts of one cache, and the snapshot that `stats()` gives. */
import type { BypassReason } from "../core/events.ts";
import { Histogram } from "../core/histogram.ts";
import type { LevelStats } from "./level.ts";
import type { SemanticStats } from "./semantic/semantic-stats.ts";

export interface CacheStats {
  /** Lookups that were answered. */
  readonly hits: number;
  /** Lookups that were not. */
  readonly misses: number;
  /** Hits among the lookups that were not bypassed, 0 to 1. */
  readonly hitRate: number;
  /** Hits that were awaited from another caller's model call; among `hits`. */
  readonly coalesced: number;
  /** Answers accepted for storing. */
  readonly writes: number;
  /** Calls that the cache stood aside for, by reason; a lookup and its update count once each. */
  readonly bypassed: Readonly<Partial<Record<BypassReason, number>>>;
  /** Hits that the rollout did not serve, and that count as misses. */
  readonly withheld: number;
  /** Stored entries that were found damaged or foreign, dropped, and counted as misses. */
  readonly rejected: number;
  /** Milliseconds of one lookup. */
  readonly p50: number | undefined;
  /** The same for the slowest in a hundred. */
  readonly p99: number | undefined;
  /** What the hits saved: model time in milliseconds, and tokens as the provider counted them. */
  readonly saved: { readonly ms: number; readonly tokens: number };
  /** By tier, in their order. */
  readonly tiers: readonly LevelStats[];
  /** What the semantic step did; `undefined` where there is none. */
  readonly semantic?: SemanticStats | undefined;
}

export class CacheCounters {
  readonly #lookups = new Histogram();
  readonly #bypassed: Partial<Record<BypassReason, number>> = {};
  #hits = 0;
  #misses = 0;
  #coalesced = 0;
  #writes = 0;
  #withheld = 0;
  #savedMs = 0;
  #savedTokens = 0;

  hit(ms: number, coalesced: boolean, savedMs: number, savedTokens: number): void {
    this.#hits++;
    if (coalesced) this.#coalesced++;
    this.#savedMs += savedMs;
    this.#savedTokens += savedTokens;
    this.#lookups.record(ms);
  }

  miss(ms: number): void {
    this.#misses++;
    this.#lookups.record(ms);
  }

  withheld(): void {
    this.#withheld++;
  }

  written(): void {
    this.#writes++;
  }

  bypassed(reason: BypassReason): void {
    this.#bypassed[reason] = (this.#bypassed[reason] ?? 0) + 1;
  }

  snapshot(store: { readonly tiers: readonly LevelStats[]; readonly rejected: number }): CacheStats {
    const lookups = this.#hits + this.#misses;
    return {
      hits: this.#hits,
      misses: this.#misses,
      hitRate: lookups === 0 ? 0 : this.#hits / lookups,
      coalesced: this.#coalesced,
      writes: this.#writes,
      bypassed: { ...this.#bypassed },
      withheld: this.#withheld,
      rejected: store.rejected,
      p50: this.#lookups.quantile(0.5),
      p99: this.#lookups.quantile(0.99),
      saved: { ms: this.#savedMs, tokens: this.#savedTokens },
      tiers: store.tiers,
    };
  }
}
