import { expect, test } from "vitest";
import { manualClock, memoryTier, type CacheTier, type TierEntry } from "../../../src/index.ts";
import { digest } from "../../../src/core/key.ts";

const VALUE = new Uint8Array(1000);
/** What the memory tier counts for such an entry: the bytes twice, and 832. */
const CHARGE = 2832;

function entry(tenant: string, index: number): TierEntry {
  return { key: digest(tenant, String(index)), value: VALUE, scope: digest("scope", tenant) };
}

function tierWithQuota(maxBytes: number, quotaBytes: number | undefined): CacheTier {
  const tier = memoryTier({ maxBytes, eviction: "lru" });
  let seed = 1;
  const random = (): number => (seed = (seed * 16807) % 2147483647) / 2147483647;
  tier.attach?.({ clock: manualClock(), random, quotaBytes, evicted: () => undefined, fault: () => undefined });
  return tier;
}

async function resident(tier: CacheTier, tenant: string, count: number): Promise<number> {
  const found = await tier.get(Array.from({ length: count }, (_, index) => entry(tenant, index).key));
  return found.filter((hit) => hit !== undefined).length;
}

test("a scope above its quota loses its own entries, not another's", async () => {
  const tier = tierWithQuota(100 * CHARGE, 20 * CHARGE);
  for (let index = 0; index < 15; index++) await tier.set([entry("quiet", index)]);
  for (let index = 0; index < 1000; index++) await tier.set([entry("loud", index)]);
  expect(await resident(tier, "quiet", 15)).toBe(15);
  expect(await resident(tier, "loud", 1000)).toBe(20);
  expect(tier.stats().bytes).toBe(35 * CHARGE);
});

test("without a quota the loud one takes all", async () => {
  const tier = tierWithQuota(100 * CHARGE, undefined);
  for (let index = 0; index < 15; index++) await tier.set([entry("quiet", index)]);
  for (let index = 0; index < 1000; index++) await tier.set([entry("loud", index)]);
  expect(await resident(tier, "quiet", 15)).toBe(0);
});

test("when the quotas together exceed the tier, large scopes give way before small ones", async () => {
  const tier = tierWithQuota(100 * CHARGE, 60 * CHARGE);
  for (let index = 0; index < 5; index++) await tier.set([entry("small", index)]);
  for (let index = 0; index < 500; index++) {
    await tier.set([entry("large", index)]);
    await tier.set([entry("larger", index)]);
  }
  expect(await resident(tier, "small", 5)).toBe(5);
  expect(tier.stats().bytes).toBeLessThanOrEqual(100 * CHARGE);
});

test("an entry larger than the quota is not taken, and evicts nothing", async () => {
  const tier = tierWithQuota(100 * CHARGE, 2 * CHARGE);
  await tier.set([entry("a", 0)]);
  await tier.set([{ ...entry("a", 1), value: new Uint8Array(10_000) }]);
  expect(await resident(tier, "a", 2)).toBe(1);
});

test("bytes are right after entries of many scopes came, went, moved and were replaced", async () => {
  const tier = tierWithQuota(50 * CHARGE, 10 * CHARGE);
  for (let index = 0; index < 2000; index++) await tier.set([entry(`tenant-${index % 37}`, index % 90)]);
  await tier.delete(Array.from({ length: 90 }, (_, index) => entry("tenant-3", index).key));
  await tier.clear({ scope: digest("scope", "tenant-5") });
  let counted = 0;
  for await (const _ of tier.entries()) counted += CHARGE;
  expect(tier.stats().bytes).toBe(counted);
});
