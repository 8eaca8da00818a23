/** How hard values are packed in a tier with a bound: the harder, the more of them it holds. One step is one level of effort. */
import type { Effort } from "../../compressions/plan.ts";
import { withTier } from "../plan.ts";
import type { Candidate, Tunable } from "../tunable.ts";

const EFFORTS: readonly Effort[] = ["none", "fast", "best"];

export function compressionTunable(tiers: readonly string[]): Tunable {
  return {
    name: "compression",
    current: (plan) =>
      plan.tiers
        .filter(({ name }) => tiers.includes(name))
        .map(({ name, compression }) => `${name} ${compression}`)
        .join(", "),
    candidates(plan) {
      const found: Candidate[] = [];
      for (const { name, compression: from } of plan.tiers) {
        if (!tiers.includes(name)) continue;
        const place = EFFORTS.indexOf(from);
        for (const [direction, to] of [["less", EFFORTS[place - 1]] as const, ["more", EFFORTS[place + 1]] as const]) {
          if (to === undefined) continue;
          const changed = withTier(plan, name, { compression: to });
          found.push({
            role: `compression ${name} ${direction}`,
            setting: "compression",
            plan: changed,
            from: `${name} "${from}"`,
            to: `${name} "${to}"`,
            compression: { from, to },
          });
        }
      }
      return found;
    },
    apply(from, to, controls) {
      for (const [index, { name, compression }] of to.tiers.entries()) {
        if (compression !== from.tiers[index]?.compression) controls.compress(name, compression);
      }
    },
  };
}
