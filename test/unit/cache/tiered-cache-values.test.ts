import * as fc from "fast-check";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { TieredCache } from "../../../src/cache/tiered-cache.ts";
import { diskTier } from "../../../src/cache/tiers/disk.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import type { Json } from "../../../src/core/plain.ts";
import { cacheBed } from "../../support/cache-bed.ts";
import { seeded } from "../core/seeded.ts";

/** Minus zero, which JSON does not have, and own `__proto__` keys are refused; see below. */
const json = fc
  .jsonValue({ stringUnit: "binary" })
  .filter((value) => !JSON.stringify(value).includes("__proto__"))
  .map((value) => JSON.parse(JSON.stringify(value)) as Json);

describe("get and set", () => {
  test("give any JSON value back equal, from memory and from a disk that was opened again", async () => {
    const path = await mkdtemp(join(tmpdir(), "strata-values-"));
    onTestFinished(() => rm(path, { recursive: true, force: true }));
    const values = fc.sample(json, { seed: 20_260_715, numRuns: 200 });
    const before = new TieredCache({ tiers: [memoryTier(), diskTier({ path })] });
    for (const [index, value] of values.entries()) await before.set(`key ${index}`, value);
    for (const [index, value] of values.entries()) expect(await before.get(`key ${index}`)).toEqual(value);
    await before.close();
    const after = new TieredCache({ tiers: [diskTier({ path })] });
    for (const [index, value] of values.entries()) expect(await after.get(`key ${index}`)).toEqual(value);
    await after.close();
  });

  test("give each caller objects of its own, and keep none of the caller's", async () => {
    const { cache } = cacheBed({ tiers: [memoryTier()] });
    const value = { list: [{ deep: [1] }] };
    await cache.set("key", value);
    value.list[0]?.deep.push(2);
    const first = await cache.get<typeof value>("key");
    first?.list[0]?.deep.push(3);
    first?.list.push({ deep: [] });
    expect(await cache.get("key")).toEqual({ list: [{ deep: [1] }] });
    await cache.close();
  });

  test("tell every key from every other", async () => {
    const { cache } = cacheBed({ tiers: [memoryTier()] });
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), async (one, other) => {
        fc.pre(one !== other);
        await cache.set(one, "one");
        await cache.set(other, "other");
        expect(await cache.get(one)).toBe("one");
      }),
      seeded(200),
    );
    await cache.close();
  });

  test("keep scopes apart, and apart from everybody's", async () => {
    const { cache } = cacheBed({ tiers: [memoryTier()] });
    await cache.set("key", "everybody");
    await cache.set("key", "a", { scope: { tenant: "a" } });
    await cache.set("key", "a/u", { scope: { tenant: "a", user: "u" } });
    expect(await cache.get("key")).toBe("everybody");
    expect(await cache.get("key", { scope: { tenant: "a" } })).toBe("a");
    expect(await cache.get("key", { scope: { tenant: "a", user: "u" } })).toBe("a/u");
    expect(await cache.get("key", { scope: { tenant: "au" } })).toBeUndefined();
    await cache.close();
  });

  test("belong to the cache's own scope and live for its `ttl`, unless the call says otherwise", async () => {
    const { cache, clock } = cacheBed({ tiers: [memoryTier()], scope: { tenant: "a" }, ttl: "1m" });
    await cache.set("key", "own");
    await cache.set("key", "everybody", { scope: "global", ttl: "1h" });
    expect(await cache.get("key")).toBe("own");
    expect(await cache.get("key", { scope: { tenant: "a" } })).toBe("own");
    expect(await cache.get("key", { scope: "global" })).toBe("everybody");
    await clock.advance(60_000);
    expect(await cache.get("key")).toBeUndefined();
    expect(await cache.get("key", { scope: "global" })).toBe("everybody");
    await cache.close();
  });

  test("are refused where the cache's scope function gives none, instead of becoming everybody's", async () => {
    const { cache } = cacheBed({ tiers: [memoryTier()], scope: () => undefined });
    await expect(cache.set("key", 1)).rejects.toMatchObject({ code: "CONFIG", option: "scope" });
    await expect(cache.get("key")).rejects.toMatchObject({ option: "scope" });
    await cache.set("key", 1, { scope: { tenant: "a" } });
    expect(await cache.get("key", { scope: { tenant: "a" } })).toBe(1);
    await cache.close();
  });

  test("know nothing of answers, nor answers of them", async () => {
    const { cache, store, lookup } = cacheBed({ tiers: [memoryTier()] });
    await store("key", "42");
    expect(await cache.get("key")).toBeUndefined();
    await cache.set("another", "value");
    expect(await lookup("another")).toBeUndefined();
    await cache.close();
  });

  test("end a value at its `ttl`", async () => {
    const { cache, clock } = cacheBed({ tiers: [memoryTier()] });
    await cache.set("short", 1, { ttl: "1s" });
    await cache.set("long", 2);
    await clock.advance(999);
    expect(await cache.get("short")).toBe(1);
    await clock.advance(1);
    expect(await cache.get("short")).toBeUndefined();
    expect(await cache.get("long")).toBe(2);
    await cache.close();
  });

  test.each<[string, unknown]>([
    ["undefined", undefined],
    ["a function", () => 1],
    ["a date", new Date(0)],
    ["NaN", { a: [Number.NaN] }],
    ["minus zero", -0],
    ["bytes", Buffer.from("x")],
    ["a big integer", 1n],
    ["an own key __proto__", JSON.parse('{"__proto__":1}')],
  ])("refuse %s before anything is written", async (_name, value) => {
    const { cache } = cacheBed({ tiers: [memoryTier()] });
    await cache.set("key", "before");
    await expect(cache.set("key", value as Json)).rejects.toMatchObject({ code: "UNSTORABLE" });
    expect(await cache.get("key")).toBe("before");
    await cache.close();
  });

  test("refuse a value larger than `maxValueBytes`", async () => {
    const { cache } = cacheBed({ tiers: [memoryTier()], maxValueBytes: 100 });
    await cache.set("fits", "x".repeat(98));
    await expect(cache.set("key", "x".repeat(99))).rejects.toThrow(/101 bytes; at most 100/);
    expect(await cache.get("key")).toBeUndefined();
    await cache.close();
  });

  test.each([
    ["ttl", { ttl: "soon" }],
    ["ttl", { ttl: 0 }],
    ["tags", { tags: "prices" }],
    ["tags", { tags: [1] }],
    ["scope.tenat", { scope: { tenat: "a" } }],
    ["set.tll", { tll: "1s" }],
  ])("refuse a wrong %s of set by its name", async (option, options) => {
    const { cache } = cacheBed({ tiers: [memoryTier()] });
    await expect(cache.set("key", 1, options as never)).rejects.toMatchObject({ code: "CONFIG", option });
    expect(await cache.get("key")).toBeUndefined();
    await cache.close();
  });

  test.each([[undefined], [7], [{}]])("refuse %j in the place of a key", async (key) => {
    const { cache } = cacheBed({ tiers: [memoryTier()] });
    await expect(cache.get(key as never)).rejects.toMatchObject({ code: "CONFIG", option: "key" });
    await expect(cache.set(key as never, 1)).rejects.toMatchObject({ code: "CONFIG", option: "key" });
    await cache.close();
  });

  test("refuse a number of seconds in the place of the options", async () => {
    const { cache } = cacheBed({ tiers: [memoryTier()] });
    await expect(cache.set("key", 1, 60 as never)).rejects.toMatchObject({ code: "CONFIG", option: "set" });
    await cache.close();
  });

  test("refuse a wrong option of get by its name", async () => {
    const { cache } = cacheBed({ tiers: [memoryTier()] });
    await expect(cache.get("key", { scopes: {} } as never)).rejects.toMatchObject({ option: "get.scopes" });
    await cache.close();
  });
});
