/**
 * A ghost: the whole cache under a plan, without values and scaled down to the sample (miniature simulation, C. Waldspurger et al.,
 * ATC 2017). It finds, promotes, stores, demotes and evicts as the tiered store does, and so says what the hit rate would be.
 *
 * Not simulated: quotas of scopes, removals by scope or tag, entries that other processes store, faults. They are the same for all
 * ghosts, and what is compared are ghosts; what is left is measured as the distance between the ghost of the present plan and
 * the cache itself, and taken off.
 */
import type { Digest } from "../../core/key.ts";
import type { Effort } from "../compressions/plan.ts";
import { GhostTier, type GhostEntry } from "./ghost-tier.ts";
import type { Observation } from "./observation.ts";
import type { CachePlan } from "./plan.ts";

/** What does not change with a plan, of one tier. */
export interface TierShape {
  /** About what an entry takes of the tier's bytes. */
  charge(valueBytes: number, rawBytes: number): number;
  readonly isDemotedTo: boolean;
}

export interface GhostFacts {
  /** In the order of the tiers. */
  readonly shapes: readonly TierShape[];
  /** What is left of a value, 0 to 1, as measured on this traffic. */
  ratio(effort: Effort): number;
}

/** About what an envelope adds to its payload: 76 without tags, measured. */
const ENVELOPE_BYTES = 80;

/** Something that answers what would have been found; {@link GhostCache}, or a stand-in in tests. */
export interface Ghost {
  readonly plan: CachePlan;
  /** Entries of its largest bounded tier. */
  readonly size: number;
  /** @returns of a lookup: the place of the tier that would have answered; -1 = none */
  observe(observation: Observation): number;
  /** One with the same contents under another plan: what there would be if the plan were changed now. */
  fork(plan: CachePlan): Ghost;
  /** Goes on under another plan, with what it has learned. */
  retune(plan: CachePlan): void;
  thin(rate: number, keeps: (key: Digest) => boolean): void;
}

export class GhostCache implements Ghost {
  plan: CachePlan;
  readonly #facts: GhostFacts;
  readonly #tiers: readonly GhostTier[];
  #rate: number;

  constructor(plan: CachePlan, facts: GhostFacts, rate: number) {
    this.plan = plan;
    this.#facts = facts;
    this.#rate = rate;
    this.#tiers = plan.tiers.map((tier) => new GhostTier(tier, rate));
  }

  get size(): number {
    return Math.max(0, ...this.#tiers.map((tier) => (tier.isBounded ? tier.size : 0)));
  }

  observe(observation: Observation): number {
    switch (observation.kind) {
      case "lookup":
        return this.#lookup(observation);
      case "store":
        this.#store(observation);
        return -1;
      case "remove":
        for (const tier of this.#tiers) tier.remove(observation.key);
        return -1;
      case "clear":
        for (const tier of this.#tiers) tier.clear();
        return -1;
    }
  }

  fork(plan: CachePlan): Ghost {
    const fork = new GhostCache(plan, this.#facts, this.#rate);
    for (const [index, tier] of fork.#tiers.entries()) {
      const from = this.#tiers[index];
      if (from !== undefined) tier.copy(from);
    }
    return fork;
  }

  retune(plan: CachePlan): void {
    this.plan = plan;
    for (const [index, tier] of this.#tiers.entries()) {
      const limits = plan.tiers[index];
      if (limits !== undefined) tier.limit(limits);
    }
  }

  thin(rate: number, keeps: (key: Digest) => boolean): void {
    this.#rate = rate;
    for (const tier of this.#tiers) tier.thin(rate, keeps);
  }

  #lookup(asked: Observation): number {
    for (const [index, tier] of this.#tiers.entries()) {
      const entry = tier.use(asked.key, asked.at);
      if (entry === undefined) continue;
      if (index > 0 && entry.hits >= this.plan.promoteAfter) this.#promote(index, asked, entry);
      return index;
    }
    // The cache had it: where this ghost would have missed, the answer would have been made anew and stored.
    if (asked.tier >= 0) this.#store(asked);
    return -1;
  }

  #promote(from: number, { key }: Observation, entry: GhostEntry): void {
    for (let index = 0; index < from; index++) {
      if (this.#facts.shapes[index]?.isDemotedTo !== true) this.#admit(index, key, entry);
    }
  }

  #store(made: Observation): void {
    const { key, at, rawBytes, cost } = made;
    const deadline = at + this.#life(made);
    const entry: GhostEntry = { bytes: 0, rawBytes, cost, deadline, hits: 0, usedAt: 0 };
    for (const [index, shape] of this.#facts.shapes.entries()) {
      if (shape.isDemotedTo) continue;
      // Still there in this ghost, though not in the cache: nobody would have made it anew.
      if (this.#tiers[index]?.peek(key, at)?.rawBytes === rawBytes) continue;
      this.#admit(index, key, entry);
    }
  }

  /** The rest of a life that follows the cache's time to live changes with it. */
  #life({ kind, lifeMs, ttlMs }: Observation): number {
    const planned = this.plan.ttlMs;
    if (planned === undefined || ttlMs === undefined) return lifeMs;
    return kind === "lookup" ? planned : lifeMs + planned - ttlMs;
  }

  #admit(index: number, key: Digest, { rawBytes, cost, deadline }: GhostEntry): void {
    const tier = this.#tiers[index];
    if (tier === undefined) return;
    const gone = tier.admit(key, { bytes: this.#bytes(index, rawBytes), rawBytes, cost, deadline, hits: 0, usedAt: 0 });
    if (gone.length === 0) return;
    const below = this.#facts.shapes.findIndex(({ isDemotedTo }, place) => place > index && isDemotedTo);
    if (below > index) for (const [goneKey, entry] of gone) this.#admit(below, goneKey, entry);
  }

  #bytes(index: number, rawBytes: number): number {
    const effort = this.plan.tiers[index]?.compression ?? "none";
    const value = rawBytes * this.#facts.ratio(effort) + ENVELOPE_BYTES;
    return this.#facts.shapes[index]?.charge(value, rawBytes) ?? value;
  }
}
