/**
 * What the events of the cache add up to. `hit` runs with every hit, of which one from memory takes two microseconds, so it writes
 * plain fields, allocates nothing, and records one duration in one place: those of all lookups are the sum of those by tier.
 */
import type { Clock } from "../core/clock.ts";
import type { CacheLookupEvent, SavedUsage, TuningDecisionEvent } from "../core/events.ts";
import { Histogram } from "../core/histogram.ts";
import { BoundedCounts, OTHER } from "./bounded-counts.ts";
import type { Prices } from "./prices.ts";
import { Savings } from "./savings.ts";
import { TierFold } from "./tier-fold.ts";

/** Tiers told apart. */
const MAX_TIERS = 32;

export class CacheFold {
  readonly savings: Savings;
  readonly tiers: Map<string, TierFold> = new Map();
  readonly bypassed: BoundedCounts = new BoundedCounts(32);
  /** Decisions of auto-tuning. */
  readonly tuning: Record<TuningDecisionEvent["action"], number> = { advise: 0, step: 0, keep: 0, revert: 0, relax: 0, undo: 0 };
  bypasses = 0;
  writes = 0;
  writtenBytes = 0;
  promoted = 0;
  demoted = 0;
  rejected = 0;
  cleared = 0;
  readonly #clock: Clock;
  readonly #misses = new Histogram();
  readonly #coalesced = new Histogram();
  #last: TierFold | undefined;

  constructor(clock: Clock, prices: Prices) {
    this.#clock = clock;
    this.savings = new Savings(prices);
  }

  lookup(event: CacheLookupEvent): void {
    const { tier, coalesced, source, saved, savedMs = 0, ms } = event;
    if (tier === undefined) {
      this.#misses.record(ms);
      return;
    }
    if (!coalesced && (source === "semantic" || source === "adapted")) this.tier(tier).byMeaning++;
    this.hit(tier, coalesced, ms, savedMs, saved);
  }

  hit(tier: string, coalesced: boolean, ms: number, savedMs: number, saved: SavedUsage | undefined): void {
    if (coalesced) this.#coalesced.record(ms);
    else (this.#last?.name === tier ? this.#last : this.tier(tier)).latency.record(ms);
    if (saved !== undefined) this.savings.add(savedMs, saved);
  }

  tier(name: string): TierFold {
    let tier = this.tiers.get(name);
    if (tier === undefined && this.tiers.size >= MAX_TIERS && name !== OTHER) return this.tier(OTHER);
    if (tier === undefined) {
      tier = new TierFold(name, this.#clock);
      this.tiers.set(name, tier);
    }
    this.#last = tier;
    return tier;
  }

  get misses(): number {
    return this.#misses.count;
  }

  get coalesced(): number {
    return this.#coalesced.count;
  }

  get hits(): number {
    let hits = this.#coalesced.count;
    for (const { latency } of this.tiers.values()) hits += latency.count;
    return hits;
  }

  get lookups(): number {
    return this.hits + this.misses;
  }

  /** Of all lookups; a copy. */
  latency(): Histogram {
    const all = this.#misses.copy();
    all.add(this.#coalesced);
    for (const { latency } of this.tiers.values()) all.add(latency);
    return all;
  }

  /** By the tier that answered, `"coalesced"` and `"miss"` beside them; copies. */
  latencies(): ReadonlyMap<string, Histogram> {
    const tiers = [...this.tiers.values()].map(({ name, latency }) => [name, latency.copy()] as const);
    return new Map([...tiers, ["coalesced", this.#coalesced.copy()], ["miss", this.#misses.copy()]]);
  }
}
