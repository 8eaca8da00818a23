import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EVICTION_NAMES } from "../../../../src/cache/evictions/create-eviction.ts";
import { isSamePlan, planText, type CachePlan, type TierPlan } from "../../../../src/cache/tuning/plan.ts";
import type { Tunable, TuningControls } from "../../../../src/cache/tuning/tunable.ts";
import { compressionTunable } from "../../../../src/cache/tuning/tunables/compression.ts";
import { evictionTunable } from "../../../../src/cache/tuning/tunables/eviction.ts";
import { movementTunable } from "../../../../src/cache/tuning/tunables/movement.ts";
import { LARGEST_STEP, sizeTunable } from "../../../../src/cache/tuning/tunables/size.ts";
import { TTL_STEP, ttlTunable } from "../../../../src/cache/tuning/tunables/ttl.ts";

const MIB = 1024 * 1024;
const BUDGET = 2_000 * MIB;
const BOUNDS = new Map([
  ["memory", { minBytes: 16 * MIB, maxBytes: 500 * MIB }],
  ["disk", { minBytes: 100 * MIB, maxBytes: BUDGET }],
]);

/** The settings of a cache, changed as `configure()` would; told of what the sizes add up to at every moment. */
function settings(start: CachePlan): { readonly controls: TuningControls; readonly largest: () => number } {
  let plan = start;
  let largest = 0;
  const change = (name: string, of: Partial<TierPlan>): void => {
    plan = { ...plan, tiers: plan.tiers.map((tier) => (tier.name === name ? { ...tier, ...of } : tier)) };
    const bounded = plan.tiers.filter(({ maxBytes }) => maxBytes < Infinity);
    const total = bounded.reduce((sum, { maxBytes }) => sum + maxBytes, 0);
    largest = Math.max(largest, total);
  };
  const controls: TuningControls = {
    plan: () => plan,
    get ttlMs() {
      return plan.ttlMs;
    },
    limit: change,
    compress: (name, compression) => change(name, { compression }),
    live: (ttlMs) => (plan = { ...plan, ttlMs }),
    promoteAfter: (promoteAfter) => (plan = { ...plan, promoteAfter }),
  };
  return { controls, largest: () => largest };
}

const plans: fc.Arbitrary<CachePlan> = fc.record({
  tiers: fc
    .record({
      memory: fc.integer({ min: 16, max: 500 }),
      disk: fc.integer({ min: 100, max: 1_500 }),
      eviction: fc.constantFrom(...EVICTION_NAMES),
      compression: fc.constantFrom("none", "fast", "best"),
    })
    .map(({ memory, disk, eviction, compression }): TierPlan[] => [
      { name: "memory", maxBytes: memory * MIB, maxEntries: Infinity, eviction, compression: "none" },
      { name: "disk", maxBytes: disk * MIB, maxEntries: Infinity, eviction: "lru", compression },
      { name: "archive", maxBytes: Infinity, maxEntries: Infinity, eviction: "lru", compression: "best" },
    ]),
  ttlMs: fc.option(fc.integer({ min: 60_000, max: 3_600_000 }), { nil: undefined }),
  promoteAfter: fc.constantFrom(1, 2),
});

const TUNABLES: readonly Tunable[] = [
  sizeTunable({ budgetBytes: BUDGET, tiers: BOUNDS }),
  evictionTunable(["memory"]),
  compressionTunable(["disk"]),
  movementTunable(),
  ttlTunable({ minMs: 60_000, maxMs: 3_600_000 }),
];

describe.each(TUNABLES.map((tunable) => [tunable.name, tunable] as const))(
  "what is promised of every setting: %s",
  (name, tunable) => {
    test("a candidate differs from the plan in this setting alone, and has a role of its own", () => {
      fc.assert(
        fc.property(plans, (plan) => {
          const candidates = tunable.candidates(plan);
          expect(new Set(candidates.map(({ role }) => role)).size).toBe(candidates.length);
          for (const candidate of candidates) {
            expect(candidate.setting).toBe(name);
            expect(candidate.from).not.toBe(candidate.to);
            expect(isSamePlan(candidate.plan, plan)).toBe(false);
            for (const other of TUNABLES) {
              if (other !== tunable) expect(other.current(candidate.plan)).toBe(other.current(plan));
            }
          }
        }),
      );
    });

    test("a candidate that is applied is the plan, and applying the plan before takes it back", () => {
      fc.assert(
        fc.property(plans, fc.nat(), (plan, choice) => {
          const candidates = tunable.candidates(plan);
          const candidate = candidates[choice % Math.max(1, candidates.length)];
          fc.pre(candidate !== undefined);
          const { controls } = settings(plan);
          tunable.apply(plan, candidate.plan, controls);
          expect(planText(controls.plan())).toBe(planText(candidate.plan));
          tunable.apply(candidate.plan, plan, controls);
          expect(planText(controls.plan())).toBe(planText(plan));
        }),
      );
    });
  },
);

test("however many steps are taken, and taken back, the budget holds at every moment, and so do the bounds", () => {
  const [size] = TUNABLES as [Tunable];
  fc.assert(
    fc.property(plans, fc.array(fc.tuple(fc.nat(), fc.boolean()), { maxLength: 40 }), (start, steps) => {
      const { controls, largest } = settings(start);
      for (const [choice, back] of steps) {
        const before = controls.plan();
        const candidates = size.candidates(before);
        const candidate = candidates[choice % Math.max(1, candidates.length)];
        if (candidate === undefined) continue;
        size.apply(before, candidate.plan, controls);
        for (const [index, tier] of controls.plan().tiers.entries()) {
          const was = before.tiers[index]?.maxBytes ?? 0;
          const bounds = BOUNDS.get(tier.name);
          if (bounds === undefined) continue;
          expect(tier.maxBytes).toBeGreaterThanOrEqual(bounds.minBytes);
          expect(tier.maxBytes).toBeLessThanOrEqual(bounds.maxBytes);
          expect(tier.maxBytes).toBeLessThanOrEqual(was * (1 + LARGEST_STEP));
          expect(tier.maxBytes).toBeGreaterThanOrEqual(Math.floor(was * (1 - LARGEST_STEP)));
        }
        if (back) size.apply(candidate.plan, before, controls);
      }
      expect(largest()).toBeLessThanOrEqual(BUDGET);
    }),
  );
});

test("a life changes by at most half of itself, within its bounds", () => {
  const ttl = ttlTunable({ minMs: 60_000, maxMs: 3_600_000 });
  fc.assert(
    fc.property(plans, (plan) => {
      for (const { plan: changed } of ttl.candidates(plan)) {
        const factor = (changed.ttlMs ?? 0) / (plan.ttlMs ?? 1);
        expect(Math.max(factor, 1 / factor)).toBeLessThanOrEqual(TTL_STEP + 1e-9);
        expect(changed.ttlMs).toBeGreaterThanOrEqual(60_000);
        expect(changed.ttlMs).toBeLessThanOrEqual(3_600_000);
      }
    }),
  );
});
