import { durationText } from "../amounts.ts";
import type { Candidate, Tunable } from "../tunable.ts";

/** How much longer or shorter one step makes lives. */
export const TTL_STEP = 1.5;
/** A change by less is not worth a try. */
const LEAST_STEP = 1.05;

/** How long what is stored lives, between two bounds that say how old an answer may be. */
export function ttlTunable({ minMs, maxMs }: { readonly minMs: number; readonly maxMs: number }): Tunable {
  return {
    name: "ttl",
    current: ({ ttlMs }) => durationText(ttlMs),
    candidates(plan) {
      const { ttlMs } = plan;
      if (ttlMs === undefined) return [];
      const found: Candidate[] = [];
      const steps = [
        ["longer", Math.min(maxMs, ttlMs * TTL_STEP)] as const,
        ["shorter", Math.max(minMs, ttlMs / TTL_STEP)] as const,
      ];
      for (const [direction, to] of steps) {
        if (Math.max(to / ttlMs, ttlMs / to) < LEAST_STEP) continue;
        const changed = { ...plan, ttlMs: to };
        found.push({ role: `ttl ${direction}`, setting: "ttl", plan: changed, from: durationText(ttlMs), to: durationText(to) });
      }
      return found;
    },
    apply(from, to, controls) {
      if (from.ttlMs !== to.ttlMs) controls.live(to.ttlMs);
    },
  };
}
