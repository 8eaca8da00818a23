/**
 * Two tenants never see each other's answers, whatever happens in between: ten thousand random operations on one cache, checked
 * against what each tenant stored.
 */
import { expect, test } from "vitest";
import type { CallContext } from "../../src/cache/call-control.ts";
import { memoryTier } from "../../src/cache/tiers/memory.ts";
import type { Scope } from "../../src/core/scope.ts";
import { cacheBed } from "../support/cache-bed.ts";
import { chatAnswer, llmKey, textOf } from "../support/model-answers.ts";
import { scriptedTier } from "../support/scripted-tier.ts";
import { seededRandom } from "../support/seeded-random.ts";

const KEY = llmKey();
const OPERATIONS = 10_000;
const PROMPTS = 40;

/** Names that a careless join would confuse. */
const tenantNames = ["a", "b"] as const;

test.each([1, 2, 3])("ten thousand operations of two tenants, seed %i", async (seed) => {
  const random = seededRandom(seed);
  const pick = (below: number): number => Math.floor(random() * below);
  let tenant: string = "a";
  const disk = scriptedTier({ name: "disk", compression: "fast" });
  const { cache, clock } = cacheBed({
    tiers: [memoryTier({ maxEntries: 15 }), disk],
    scope: (_context: CallContext): Scope => ({ tenant }),
    ttl: "10m",
  });
  const counts = { hits: 0, crossed: 0, stale: 0 };
  const newest = new Map<string, string>();

  for (let operation = 0; operation < OPERATIONS; operation++) {
    tenant = tenantNames[pick(2)] ?? "a";
    const prompt = `prompt ${pick(PROMPTS)}`;
    const slot = `${tenant} ${prompt}`;
    const dice = pick(100);
    if (dice < 60) {
      const found = textOf(await cache.lookup(prompt, KEY));
      if (found === undefined) continue;
      counts.hits++;
      if (!found.startsWith(`${tenant}:`)) counts.crossed++;
      else if (found !== newest.get(slot)) counts.stale++;
    } else if (dice < 90) {
      const text = `${tenant}: answer ${operation}`;
      newest.set(slot, text);
      await cache.update(prompt, KEY, chatAnswer(text));
    } else if (dice < 93) {
      await cache.flush();
    } else if (dice < 94) {
      await cache.clear({ scope: { tenant } });
      for (const known of newest.keys()) if (known.startsWith(`${tenant} `)) newest.delete(known);
    } else if (dice < 95) {
      await cache.clear({ tier: pick(2) === 0 ? "memory" : "disk" });
    } else if (dice < 99) {
      await clock.advance(pick(60_000));
    } else {
      // Bytes of one tenant under the key of another, as a desynchronised connection would give them.
      const [one, other] = [...disk.held.values()];
      if (one !== undefined && other !== undefined) disk.held.set(one.key, { ...one, value: other.value });
    }
  }
  expect(counts).toMatchObject({ crossed: 0, stale: 0 });
  expect(counts.hits).toBeGreaterThan(OPERATIONS / 10);
  expect(cache.stats().rejected).toBeGreaterThan(0);
  await cache.close();
});

test("scopes whose names run into each other are different scopes", async () => {
  const scopes: Scope[] = [
    { tenant: "a" },
    { tenant: "b" },
    { user: "a" },
    { feature: "a" },
    { tenant: "a", user: "b" },
    { tenant: "ab" },
    { tenant: "a", feature: "b" },
    { tenant: "a|1:b" },
    { tenant: "1:a" },
    { tenant: "a\0" },
    { tenant: "A" },
    { tenant: "a " },
    { tenant: "\ud83d\ude00" },
    { tenant: "é" },
    { tenant: "e\u0301" },
  ];
  let scope: Scope = {};
  const { cache, store, lookup } = cacheBed({ tiers: [memoryTier()], scope: () => scope });
  for (const [index, own] of scopes.entries()) {
    scope = own;
    expect(await lookup("prompt")).toBeUndefined();
    await store("prompt", `answer ${index}`);
  }
  for (const [index, own] of scopes.entries()) {
    scope = own;
    expect(await lookup("prompt")).toBe(`answer ${index}`);
  }
  await cache.close();
});

test("a call without a scope, where one is required, neither looks nor stores", async () => {
  const reasons = new Map<unknown, string>([
    [undefined, "no-scope"],
    ...[{}, { tenant: undefined }, null, "a", Promise.resolve({ tenant: "a" })].map((given) => [given, "bad-control"] as const),
  ]);
  for (const [given, reason] of reasons) {
    let isKnown = true;
    const { cache, store, lookup, events } = cacheBed({
      tiers: [memoryTier()],
      scope: () => (isKnown ? { tenant: "a" } : (given as Scope)),
    });
    await store("prompt", "42");
    isKnown = false;
    expect(await lookup("prompt")).toBeUndefined();
    await store("another", "42");
    expect(events("cache.bypass")).toEqual([{ reason }, { reason }]);
    expect(cache.stats().tiers[0]?.entries).toBe(1);
    await cache.close();
  }
});
