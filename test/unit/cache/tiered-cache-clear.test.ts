import { describe, expect, test } from "vitest";
import type { CallContext } from "../../../src/cache/call-control.ts";
import type { CacheTier } from "../../../src/cache/tier.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { sleep } from "../../../src/core/abort.ts";
import { manualClock } from "../../../src/core/clock.ts";
import { StrataConfigError } from "../../../src/core/errors.ts";
import type { Scope } from "../../../src/core/scope.ts";
import { cacheBed, type CacheBed } from "../../support/cache-bed.ts";
import { scriptedTier } from "../../support/scripted-tier.ts";

/** A cache in which each call belongs to the tenant named by `tenant.name`. */
function tenants(tiers: readonly CacheTier[]): CacheBed & { readonly tenant: { name: string } } {
  const tenant = { name: "a" };
  return { ...cacheBed({ tiers, scope: (_context: CallContext): Scope => ({ tenant: tenant.name }) }), tenant };
}

describe("clear", () => {
  test("without a filter removes everything everywhere, also what still waits to be written", async () => {
    const disk = scriptedTier({ name: "disk" });
    const { store, lookup, cache, events } = cacheBed({ tiers: [memoryTier(), disk] });
    await store("written", "1");
    await cache.flush();
    await store("waiting", "2");
    expect(await cache.clear()).toBe(2);
    await cache.flush();
    expect(disk.held.size).toBe(0);
    expect(await lookup("written")).toBeUndefined();
    expect(await lookup("waiting")).toBeUndefined();
    expect(events("cache.cleared")).toEqual([{ entries: 2 }]);
    await cache.close();
  });

  test("of one tier leaves the others", async () => {
    const disk = scriptedTier({ name: "disk" });
    const { store, lookup, cache } = cacheBed({ tiers: [memoryTier(), disk] });
    await store("prompt", "42");
    await cache.flush();
    expect(await cache.clear({ tier: "memory" })).toBe(1);
    expect(cache.stats().tiers[0]?.entries).toBe(0);
    expect(await lookup("prompt")).toBe("42");
    expect(await cache.clear({ tier: "disk" })).toBe(1);
    expect(disk.held.size).toBe(0);
    await cache.close();
  });

  test("of one scope leaves the others, in memory and below, after moving up too", async () => {
    const disk = scriptedTier({ name: "disk" });
    const { store, lookup, cache, tenant } = tenants([memoryTier(), disk]);
    for (const name of ["a", "b"]) {
      tenant.name = name;
      await store("prompt", name);
    }
    await cache.flush();
    await cache.clear({ tier: "memory" });
    for (const name of ["a", "b"]) {
      tenant.name = name;
      expect(await lookup("prompt")).toBe(name);
    }
    expect(await cache.clear({ scope: { tenant: "a" } })).toBe(1);
    tenant.name = "a";
    expect(await lookup("prompt")).toBeUndefined();
    tenant.name = "b";
    expect(await lookup("prompt")).toBe("b");
    await cache.close();
  });

  test("of one tag leaves the others", async () => {
    const disk = scriptedTier({ name: "disk" });
    const { cache } = cacheBed({ tiers: [memoryTier(), disk] });
    await cache.set("one", 1, { tags: ["prices", "daily"] });
    await cache.set("two", 2, { tags: ["prices"] });
    await cache.set("three", 3, { tags: ["price"] });
    await cache.set("four", 4);
    await cache.flush();
    expect(await cache.clear({ tag: "daily" })).toBe(1);
    expect(await cache.clear({ tag: "prices" })).toBe(1);
    expect(await Promise.all(["one", "two", "three", "four"].map((key) => cache.get(key)))).toEqual([undefined, undefined, 3, 4]);
    await cache.close();
  });

  test("of a scope and a tag removes what has both", async () => {
    const { cache } = cacheBed({ tiers: [memoryTier()] });
    const [a, b] = [{ tenant: "a" }, { tenant: "b" }];
    await cache.set("one", 1, { scope: a, tags: ["t"] });
    await cache.set("two", 2, { scope: a });
    await cache.set("one", 3, { scope: b, tags: ["t"] });
    expect(await cache.clear({ scope: a, tag: "t" })).toBe(1);
    expect(await cache.get("one", { scope: a })).toBeUndefined();
    expect(await cache.get("two", { scope: a })).toBe(2);
    expect(await cache.get("one", { scope: b })).toBe(3);
    await cache.close();
  });

  test("is final: what a reader found while it ran is not put back", async () => {
    for (const when of ["during", "after"]) {
      const clock = manualClock();
      const slow = scriptedTier({ name: "slow", deadline: "1s" });
      const { store, lookup, cache } = cacheBed({ clock, tiers: [memoryTier(), slow] });
      await store("prompt", "42");
      await cache.flush();
      await cache.clear({ tier: "memory" });
      slow.script = {
        get: async (pass) => {
          const found = pass();
          await sleep(clock, 100);
          return found;
        },
        clear: async (pass) => {
          const removed = pass();
          await sleep(clock, when === "during" ? 200 : 50);
          return removed;
        },
      };
      const reading = lookup("prompt", 1_000);
      const clearing = cache.clear();
      expect(await reading).toBe("42");
      await clearing;
      expect(cache.stats().tiers[0]?.entries).toBe(0);
      await cache.close();
    }
  });

  test.each([
    ["tags", { tags: "prices" }],
    ["tier", { tier: "dsik" }],
    ["tier", { tier: 1 }],
    ["scope.tenat", { scope: { tenat: "a" } }],
    ["scope", { scope: {} }],
  ])("refuses a wrong %s and removes nothing", async (option, filter) => {
    const { cache } = cacheBed({ tiers: [memoryTier()] });
    await cache.set("key", 1, { tags: ["prices"] });
    const refusal = await cache.clear(filter as never).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(StrataConfigError);
    expect((refusal as StrataConfigError).option).toContain(option);
    expect(await cache.get("key")).toBe(1);
    await cache.close();
  });

  test("takes parts that are `undefined` as absent", async () => {
    const { cache } = cacheBed({ tiers: [memoryTier()] });
    await cache.set("key", 1);
    expect(await cache.clear({ tier: undefined, scope: undefined, tag: undefined } as never)).toBe(1);
    await cache.close();
  });
});
