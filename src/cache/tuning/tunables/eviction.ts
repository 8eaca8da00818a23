import { EVICTION_NAMES } from "../../evictions/create-eviction.ts";
import { withTier } from "../plan.ts";
import type { Candidate, Tunable } from "../tunable.ts";

/** Which entry goes first when a tier is full: any other policy of the package. */
export function evictionTunable(tiers: readonly string[]): Tunable {
  return {
    name: "eviction",
    current: (plan) =>
      plan.tiers
        .filter(({ name }) => tiers.includes(name))
        .map(({ name, eviction }) => `${name} ${eviction}`)
        .join(", "),
    candidates(plan) {
      const found: Candidate[] = [];
      for (const { name, eviction: from } of plan.tiers) {
        if (!tiers.includes(name)) continue;
        for (const to of EVICTION_NAMES) {
          if (to === from) continue;
          const changed = withTier(plan, name, { eviction: to });
          found.push({
            role: `eviction ${name} ${to}`,
            setting: "eviction",
            plan: changed,
            from: `${name} ${from}`,
            to: `${name} ${to}`,
          });
        }
      }
      return found;
    },
    apply(from, to, controls) {
      for (const [index, { name, eviction }] of to.tiers.entries()) {
        if (eviction !== from.tiers[index]?.eviction) controls.limit(name, { eviction });
      }
    },
  };
}
