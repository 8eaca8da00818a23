/**
 * How the bytes of a budget are divided among tiers. A step gives a tier at most a quarter more, of what is left of the budget or of what
 * another tier gives, which loses at most a quarter. What shrinks is shrunk first: the budget holds at every moment.
 */
import { bytesText } from "../amounts.ts";
import { withTier, type CachePlan, type TierPlan } from "../plan.ts";
import type { Candidate, Tunable } from "../tunable.ts";

export interface SizeBounds {
  /** Of all tiers named here together. */
  readonly budgetBytes: number;
  readonly tiers: ReadonlyMap<string, { readonly minBytes: number; readonly maxBytes: number }>;
}

/** The most that a step changes a tier by. */
export const LARGEST_STEP = 0.25;
/** A step that changes the tier that grows by less is not worth a try. */
const LEAST_STEP = 0.02;

export function sizeTunable({ budgetBytes, tiers: bounds }: SizeBounds): Tunable {
  const sized = (plan: CachePlan): TierPlan[] => plan.tiers.filter(({ name }) => bounds.has(name));
  return {
    name: "size",
    current: (plan) =>
      sized(plan)
        .map(({ name, maxBytes }) => `${name} ${bytesText(maxBytes)}`)
        .join(", "),
    candidates(plan) {
      const tiers = sized(plan);
      const slack = Math.max(0, budgetBytes - tiers.reduce((sum, { maxBytes }) => sum + maxBytes, 0));
      const found: Candidate[] = [];
      for (const to of tiers) {
        const most = Math.min(to.maxBytes * LARGEST_STEP, (bounds.get(to.name)?.maxBytes ?? 0) - to.maxBytes);
        const free = Math.floor(Math.min(most, slack));
        if (free >= to.maxBytes * LEAST_STEP) {
          const grown = withTier(plan, to.name, { maxBytes: to.maxBytes + free });
          found.push(candidate(`size ${to.name}`, plan, grown, [to.name]));
        }
        for (const from of tiers) {
          if (from === to) continue;
          const given = Math.min(from.maxBytes * LARGEST_STEP, from.maxBytes - (bounds.get(from.name)?.minBytes ?? Infinity));
          const moved = Math.floor(Math.min(most, given));
          if (moved < to.maxBytes * LEAST_STEP) continue;
          const shrunk = withTier(plan, from.name, { maxBytes: from.maxBytes - moved });
          const changed = withTier(shrunk, to.name, { maxBytes: to.maxBytes + moved });
          found.push(candidate(`size ${from.name} ${to.name}`, plan, changed, [from.name, to.name]));
        }
      }
      return found;
    },
    apply(from, to, controls) {
      const changes = to.tiers.map((tier, index) => ({ tier, growth: tier.maxBytes - (from.tiers[index]?.maxBytes ?? 0) }));
      for (const { tier, growth } of changes.toSorted((a, b) => a.growth - b.growth)) {
        if (growth !== 0 && bounds.has(tier.name)) controls.limit(tier.name, { maxBytes: tier.maxBytes });
      }
    },
  };
}

function candidate(role: string, plan: CachePlan, changed: CachePlan, names: readonly string[]): Candidate {
  const words = ({ tiers }: CachePlan): string =>
    tiers
      .filter(({ name }) => names.includes(name))
      .map(({ name, maxBytes }) => `${name} ${bytesText(maxBytes)}`)
      .join(", ");
  return { role, setting: "size", plan: changed, from: words(plan), to: words(changed) };
}
