import { expect, test } from "vitest";
import { digest } from "../../../../src/core/key.ts";
import { manualClock } from "../../../../src/index.ts";
import { GhostCache, type GhostFacts } from "../../../../src/cache/tuning/ghost-cache.ts";
import type { CachePlan } from "../../../../src/cache/tuning/plan.ts";
import { Traffic } from "../../../../src/cache/tuning/traffic.ts";
import type { EvictionName } from "../../../../src/cache/eviction.ts";
import { looped, zipf } from "../../../support/traffic.ts";

const BYTES = 1_000;
const FACTS: GhostFacts = { shapes: [{ charge: () => BYTES, isDemotedTo: false }], ratio: () => 1 };

function plan(entries: number, eviction: EvictionName, ttlMs?: number): CachePlan {
  const tier = { name: "memory", maxBytes: entries * BYTES, maxEntries: Infinity, eviction, compression: "none" } as const;
  return { tiers: [tier], ttlMs, promoteAfter: 1 };
}

/**
 * The hit rate of a ghost that sees a share of the keys, as tuning computes it: hits of the sample, over as many requests as the sample
 * should have had, with those that it has too many or too few of counted as hits of the hottest keys ("SHARDS-adj").
 */
function hitRate(ids: readonly number[], of: CachePlan, halvings: number): number {
  const clock = manualClock();
  const traffic = new Traffic({ clock, ttlMs: () => undefined, staleMs: 0, onWaiting: () => undefined });
  for (let count = 0; count < halvings; count++) traffic.halve();
  const ghost = new GhostCache(of, FACTS, traffic.rate);
  const keys = new Map<number, string>();
  let hits = 0;
  let samples = 0;
  for (const id of ids) {
    let key = keys.get(id);
    if (key === undefined) keys.set(id, (key = digest("test", String(id))));
    if (!traffic.wants(key)) continue;
    samples++;
    const base = { key, at: 0, rawBytes: BYTES, cost: 1, tier: -1, lifeMs: Infinity, ttlMs: undefined };
    if (ghost.observe({ ...base, kind: "lookup" }) >= 0) hits++;
    else ghost.observe({ ...base, kind: "store" });
  }
  const expected = ids.length * traffic.rate;
  return (hits + expected - samples) / expected;
}

const POPULAR = zipf(10_000, 0.8, 60_000, 11);
const MIXED = [...POPULAR.slice(0, 30_000), ...looped(3_000, 30_000)];

test.each<[EvictionName, number]>([
  ["lru", 1_000],
  ["lru", 4_000],
  ["lfu", 2_000],
  ["s3-fifo", 2_000],
  ["adaptive", 2_000],
  ["hybrid", 2_000],
])("a ghost of %s with room for %i that sees an eighth of the keys is within 2 points of the whole", (eviction, entries) => {
  const whole = hitRate(POPULAR, plan(entries, eviction), 0);
  expect(whole).toBeGreaterThan(0.2);
  expect(Math.abs(hitRate(POPULAR, plan(entries, eviction), 3) - whole)).toBeLessThan(0.02);
});

test.each<EvictionName>(["lru", "adaptive"])("a ghost of %s follows a change of the workload within 2 points", (eviction) => {
  const of = plan(2_000, eviction);
  expect(Math.abs(hitRate(MIXED, of, 3) - hitRate(MIXED, of, 0))).toBeLessThan(0.02);
});

test("what two ghosts differ by is known to a point, also where the loop makes it large", () => {
  const difference = (halvings: number): number =>
    hitRate(MIXED, plan(2_000, "adaptive"), halvings) - hitRate(MIXED, plan(2_000, "lru"), halvings);
  expect(difference(0)).toBeGreaterThan(0.2);
  expect(Math.abs(difference(3) - difference(0))).toBeLessThan(0.01);
});

test("a ghost that is thinned while it runs goes on as one that was thin from the start", () => {
  const clock = manualClock();
  const traffic = new Traffic({ clock, ttlMs: () => undefined, staleMs: 0, onWaiting: () => undefined });
  const ghost = new GhostCache(plan(2_000, "lru"), FACTS, 1);
  let [hits, samples] = [0, 0];
  for (const [at, id] of POPULAR.entries()) {
    const key = digest("test", String(id));
    if (at === 20_000) {
      for (let count = 0; count < 3; count++) traffic.halve();
      ghost.thin(traffic.rate, (known) => traffic.wants(known));
      expect(ghost.size).toBeLessThan(300);
    }
    if (!traffic.wants(key)) continue;
    const base = { key, at: 0, rawBytes: BYTES, cost: 1, tier: -1, lifeMs: Infinity, ttlMs: undefined };
    const found = ghost.observe({ ...base, kind: "lookup" });
    if (found < 0) ghost.observe({ ...base, kind: "store" });
    if (at < 20_000) continue;
    samples++;
    if (found >= 0) hits++;
  }
  const expected = 40_000 * traffic.rate;
  const thinned = (hits + expected - samples) / expected;
  expect(Math.abs(thinned - hitRate(POPULAR, plan(2_000, "lru"), 0))).toBeLessThan(0.03);
});
