import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { diskTier, memoryTier, TieredCache, type EvictionName } from "../../../../src/index.ts";
import { Sighting } from "../../../../src/cache/tuning/sighting.ts";
import { seededRandom } from "../../../support/seeded-random.ts";
import { ENTRY_BYTES, looped, trafficBed, zipf } from "../../../support/traffic.ts";

const ROOM = 200;
const NAMES: readonly EvictionName[] = ["lru", "lfu", "s3-fifo", "adaptive", "hybrid"];

test.each(NAMES.flatMap((from) => NAMES.filter((to) => to !== from).map((to) => [from, to] as const)))(
  "eviction switched from %s to %s while the cache runs loses no entry and stays within its bound",
  async (from, to) => {
    const tier = memoryTier({ maxBytes: ROOM * ENTRY_BYTES, eviction: from });
    const { cache, ask } = trafficBed({ tiers: [tier] });
    await ask(zipf(1_000, 0.9, 2_000, 1));
    const { entries, bytes } = tier.stats();
    await cache.configure({ tier: "memory", eviction: to });
    expect(tier.stats()).toMatchObject({ entries, bytes, eviction: to });
    await ask(zipf(1_000, 0.9, 2_000, 2));
    expect(tier.stats().bytes).toBeLessThanOrEqual(ROOM * ENTRY_BYTES);
    expect(tier.stats().entries).toBeGreaterThan(ROOM * 0.9);
    await cache.close();
  },
);

test("the new policy knows what was used: a burst of others right after the switch does not push it out", async () => {
  const { cache, ask } = trafficBed({ tiers: [memoryTier({ maxBytes: ROOM * ENTRY_BYTES, eviction: "lru" })] });
  const used = Array.from({ length: 50 }, (_, id) => id);
  await ask([...used, ...used, ...used]);
  await ask(looped(140, 140));
  await ask(used);
  await cache.configure({ tier: "memory", eviction: "s3-fifo" });
  await ask(looped(190, 190, 2_000_000));
  expect(await ask(used)).toBeGreaterThan(0.9);
  await cache.close();
});

test("what the disk tier says that an entry takes is what it takes, within a quarter, packed or not", async () => {
  for (const size of [300, 1_500, 3_000, 9_000]) {
    const path = mkdtempSync(join(tmpdir(), "strata-charge-"));
    onTestFinished(() => rmSync(path, { recursive: true, force: true }));
    const tier = diskTier({ path });
    const cache = new TieredCache({ tiers: [tier] });
    const random = seededRandom(size);
    for (let key = 0; key < 500; key++) await cache.set(`${key} ${random()}`, "x".repeat(size));
    await cache.flush();
    const { entries = 0, bytes = 0 } = tier.stats();
    const charge = tier.charge?.(size + 2 + 80, size + 2) ?? 0;
    expect(charge / (bytes / entries)).toBeGreaterThan(0.75);
    expect(charge / (bytes / entries)).toBeLessThan(1.25);
    await cache.close();
  }
});

test("lives, movement and packing can be changed while the cache runs", async () => {
  const lower = { ...memoryTier({ maxBytes: "8mb" }), name: "lower", writes: "behind" as const };
  const { cache, clock, ask } = trafficBed({
    tiers: [memoryTier({ maxBytes: 20 * ENTRY_BYTES, eviction: "lru" }), lower],
    ttl: "1h",
  });
  await cache.configure({ ttl: "10s" });
  await ask([1]);
  await clock.advance(11_000);
  expect(await ask([1])).toBe(0);
  await expect(cache.configure({ ttl: "0s" })).rejects.toThrow("Option `configure.ttl`");
  await cache.close();
});

test("a sighting is remembered until the second, and only so many are", () => {
  const sighting = new Sighting();
  expect([sighting.isFirst("a"), sighting.isFirst("a"), sighting.isFirst("a")]).toEqual([true, false, true]);
  for (let key = 0; key < 9_000; key++) sighting.isFirst(`k${key}`);
  expect(sighting.isFirst("a")).toBe(true);
});
