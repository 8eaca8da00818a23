/** A plan: every setting of a cache that tuning may change, as one value. Plans are compared, simulated and applied; none is changed in place. */
import type { Effort } from "../compressions/plan.ts";
import type { EvictionName } from "../eviction.ts";

export interface TierPlan {
  readonly name: string;
  /** `Infinity` where the tier has no bound of its own. */
  readonly maxBytes: number;
  /** `Infinity` = no bound. */
  readonly maxEntries: number;
  readonly eviction: EvictionName;
  readonly compression: Effort;
}

export interface CachePlan {
  /** In the order in which they are read. */
  readonly tiers: readonly TierPlan[];
  /** How long an entry lives that was given no life of its own; `undefined` = for ever. */
  readonly ttlMs: number | undefined;
  /** After how many hits below an entry is put into the tiers above: 1 or 2. */
  readonly promoteAfter: number;
}

/** A plan that differs in one tier. */
export function withTier(plan: CachePlan, name: string, change: Partial<TierPlan>): CachePlan {
  return { ...plan, tiers: plan.tiers.map((tier) => (tier.name === name ? { ...tier, ...change } : tier)) };
}

export function isSamePlan(a: CachePlan, b: CachePlan): boolean {
  return planText(a) === planText(b);
}

/** Text that is equal for equal plans. */
export function planText({ tiers, ttlMs, promoteAfter }: CachePlan): string {
  const parts = tiers.map((tier) => [tier.name, tier.maxBytes, tier.maxEntries, tier.eviction, tier.compression].join(" "));
  return [...parts, `ttl ${ttlMs}`, `promote ${promoteAfter}`].join("\n");
}

const EFFORTS = ["none", "fast", "best"];

/** How far two plans are apart in what costs something else than bytes: how old answers are, and processor time. */
export function distanceOf(a: CachePlan, b: CachePlan): number {
  const lives = Math.abs(Math.log((a.ttlMs ?? 1) / (b.ttlMs ?? 1)));
  const efforts = a.tiers.map(({ compression }, index) =>
    Math.abs(EFFORTS.indexOf(compression) - EFFORTS.indexOf(b.tiers[index]?.compression ?? compression)),
  );
  return efforts.reduce((sum, effort) => sum + effort, lives);
}
