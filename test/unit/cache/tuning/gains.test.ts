import { expect, test } from "vitest";
import { memoryTier, type CacheTier, type TieredCacheOptions } from "../../../../src/index.ts";
import { ENTRY_BYTES, looped, trafficBed, zipf } from "../../../support/traffic.ts";

// The short form of `npm run bench:tuning`: what tuning gains where the workload changes, and that it never loses a point.

const ROOM = 200;
const POPULAR = zipf(1_600, 0.9, 12_000, 3);
const CHANGING = [...POPULAR, ...looped(300, 8_000), ...zipf(1_600, 0.9, 6_000, 8).map((id) => id + 50_000)];
const QUICK = { mode: "apply", every: "18s", minSamples: 500 } as const;

async function hitRate(
  ids: readonly number[],
  tiers: CacheTier[],
  options: Omit<TieredCacheOptions, "tiers"> = {},
): Promise<number> {
  const { cache, ask } = trafficBed({ tiers, ...options });
  const rate = await ask(ids);
  await cache.close();
  return rate;
}

const memory = (eviction: "lru" | "adaptive", entries = ROOM): CacheTier =>
  memoryTier({ maxBytes: entries * ENTRY_BYTES, eviction });
const lower = (entries: number): CacheTier => ({
  ...memoryTier({ maxBytes: entries * ENTRY_BYTES, eviction: "lru" }),
  name: "lower",
  writes: "behind",
  configurable: ["maxBytes"],
});

test("from a policy that does not suit what comes, tuning gains more than ten points", async () => {
  const fixed = await hitRate(CHANGING, [memory("lru")]);
  expect(await hitRate(CHANGING, [memory("lru")], { tuning: QUICK })).toBeGreaterThan(fixed + 0.1);
});

test.each<[string, readonly number[]]>([
  ["a workload that changes", CHANGING],
  ["one that does not", POPULAR],
])("from the default, on %s, it loses less than a point", async (_name, ids) => {
  const fixed = await hitRate(ids, [memory("adaptive")]);
  expect(await hitRate(ids, [memory("adaptive")], { tuning: QUICK })).toBeGreaterThan(fixed - 0.01);
});

test("two tiers that share a budget: it loses less than a point, and the budget holds at every moment", async () => {
  const tiers = (): CacheTier[] => [memory("adaptive", 40), lower(160)];
  const fixed = await hitRate(CHANGING, tiers());
  const own = tiers();
  const { cache, clock, ask } = trafficBed({ tiers: own, tuning: { ...QUICK, budget: ROOM * ENTRY_BYTES } });
  let hits = 0;
  for (let at = 0; at < CHANGING.length; at += 500) {
    hits += (await ask(CHANGING.slice(at, at + 500))) * Math.min(500, CHANGING.length - at);
    const total = own.reduce((sum, tier) => sum + (tier.stats().maxBytes ?? 0), 0);
    expect(total).toBeLessThanOrEqual(ROOM * ENTRY_BYTES);
    for (const tier of own) expect(tier.stats().bytes).toBeLessThanOrEqual(tier.stats().maxBytes ?? 0);
  }
  expect(hits / CHANGING.length).toBeGreaterThan(fixed - 0.01);
  await cache.close();
  expect(clock.pending).toBe(0);
});

test("lives that are shorter than it takes questions to come back are made longer, and no longer than allowed", async () => {
  const late = zipf(600, 0.5, 20_000, 4);
  const fixed = await hitRate(late, [memory("adaptive", 1_000)], { ttl: "10s" });
  const { cache, ask } = trafficBed({
    tiers: [memory("adaptive", 1_000)],
    ttl: "10s",
    tuning: { ...QUICK, ttl: { max: "25s" } },
  });
  expect(await ask(late)).toBeGreaterThan(fixed + 0.05);
  const steps = cache.tuning.decisions().filter(({ action }) => action === "step");
  expect(steps.map(({ to }) => to).toReversed()).toEqual(["15 s", "22.5 s", "25 s"].slice(0, steps.length));
  expect(steps.length).toBeGreaterThan(1);
  await cache.close();
});
