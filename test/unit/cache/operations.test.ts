import { InMemoryCache } from "@langchain/core/caches";
import { describe, expect, test, vi } from "vitest";
import {
  baseCacheTier,
  cached,
  manualClock,
  memoryTier,
  StrataError,
  TieredCache,
  type CacheTier,
  type TieredCacheOptions,
} from "../../../src/index.ts";

const MODEL = 'model:"m"';
const answer = (text: string) => [{ text }];

function cacheWith(options: TieredCacheOptions = {}): TieredCache {
  return new TieredCache({ tiers: [memoryTier()], coalesce: false, ...options });
}

async function textOf(cache: TieredCache, prompt: string): Promise<string | undefined> {
  return (await cache.lookup(prompt, MODEL))?.[0]?.text;
}

describe("stale answers", () => {
  const options = { ttl: 1000, stale: 500, random: () => 0, clock: manualClock() };

  test("one caller is sent to refresh, the others are served; past the grace nobody is", async () => {
    const clock = manualClock();
    const cache = cacheWith({ ...options, clock });
    await cache.update("p", MODEL, answer("old"));
    expect(await textOf(cache, "p")).toBe("old");
    await clock.advance(1200);
    expect(await textOf(cache, "p")).toBeUndefined();
    expect([await textOf(cache, "p"), await textOf(cache, "p")]).toEqual(["old", "old"]);
    await cache.update("p", MODEL, answer("new"));
    expect(await textOf(cache, "p")).toBe("new");
    await clock.advance(1600);
    expect(await textOf(cache, "p")).toBeUndefined();
  });

  test("when the refresher does not come back, another is sent", async () => {
    const clock = manualClock();
    const cache = cacheWith({ ...options, clock, stale: 120_000 });
    await cache.update("p", MODEL, answer("old"));
    await clock.advance(1200);
    expect(await textOf(cache, "p")).toBeUndefined();
    expect(await textOf(cache, "p")).toBe("old");
    await clock.advance(31_000);
    expect(await textOf(cache, "p")).toBeUndefined();
  });

  test("waiting callers do not wait for the refresh", async () => {
    const clock = manualClock();
    const cache = new TieredCache({ tiers: [memoryTier()], ...options, clock });
    await cache.update("p", MODEL, answer("old"));
    await clock.advance(1200);
    const answers = await Promise.all([1, 2, 3].map(() => textOf(cache, "p")));
    expect(answers.toSorted()).toEqual(["old", "old", undefined]);
  });

  test("needs a ttl", () => {
    expect(() => cacheWith({ stale: "1m" })).toThrow("`stale`");
  });
});

describe("configure", () => {
  test("changes limits and eviction while running", async () => {
    const cache = cacheWith();
    for (let index = 0; index < 100; index++) await cache.update(`p${index}`, MODEL, answer("x".repeat(1000)));
    await cache.configure({ tier: "memory", maxEntries: 10, eviction: "lru" });
    expect(cache.stats().tiers[0]?.entries).toBe(10);
    expect(await textOf(cache, "p99")).toBe("x".repeat(1000));
  });

  test.each([
    ["an unknown tier", { tier: "disc", maxBytes: "1mb" as const }, "configure.tier"],
    ["a bad size", { tier: "memory", maxBytes: "much" as never }, "configure.maxBytes"],
    ["a bad policy", { tier: "memory", eviction: "mru" as never }, "eviction"],
    ["an unknown option", { tier: "memory", maxByte: 5 } as never, "maxByte"],
    ["a bad algorithm", { tier: "memory", compression: { algorithm: "lzma" as never } }, "lzma"],
  ])("refuses %s whole: nothing is changed", async (_name, change, message) => {
    const cache = cacheWith();
    await cache.update("p", MODEL, answer("a"));
    await expect(cache.configure({ maxEntries: 1, ...change })).rejects.toThrow(message);
    await cache.update("q", MODEL, answer("b"));
    expect(cache.stats().tiers[0]?.entries).toBe(2);
  });
});

describe("invalidate", () => {
  test("removes by a pattern over tags, and only those", async () => {
    const cache = cacheWith();
    await cache.set("a", 1, { tags: ["product:1", "en"] });
    await cache.set("b", 2, { tags: ["product:22"] });
    await cache.set("c", 3, { tags: ["order:1"] });
    await cache.set("d", 4);
    expect(await cache.invalidate("product:*")).toBe(2);
    expect([await cache.get("a"), await cache.get("b"), await cache.get("c"), await cache.get("d")]).toEqual([
      undefined,
      undefined,
      3,
      4,
    ]);
  });

  test.each([
    ["*", ["a", "product:1"], ["a", "product:1"]],
    ["a*a", ["a", "aa", "aba"], ["aa", "aba"]],
    ["*1", ["product:1", "1", "12"], ["product:1", "1"]],
    ["a.c", ["abc", "a.c"], ["a.c"]],
    ["(a+)+$", ["aaaa", "(a+)+$"], ["(a+)+$"]],
  ])("the pattern %s has one meaning for its characters", async (pattern, tags, expected) => {
    const cache = cacheWith();
    for (const tag of tags) await cache.set(tag, tag, { tags: [tag] });
    await cache.invalidate(pattern);
    const left: unknown[] = [];
    for (const tag of tags) if ((await cache.get(tag)) === undefined) left.push(tag);
    expect(left).toEqual(expected);
  });

  test("never reaches the marks of scopes", async () => {
    const cache = cacheWith();
    await cache.set("a", 1, { scope: { tenant: "t", user: "u" } });
    expect(await cache.invalidate("*")).toBe(0);
    expect(await cache.get("a", { scope: { tenant: "t", user: "u" } })).toBe(1);
  });
});

describe("forget", () => {
  const scoped = (scope: TieredCacheOptions["scope"], tier: CacheTier) =>
    new TieredCache({ tiers: [tier], scope, coalesce: false });

  test("removes a scope with all that lies within it, and nothing else; the receipt counts", async () => {
    const cache = cacheWith();
    await cache.set("k", 1, { scope: { tenant: "a" } });
    await cache.set("k", 2, { scope: { tenant: "a", user: "u" } });
    await cache.set("k", 3, { scope: { tenant: "a", user: "u", feature: "f" } });
    await cache.set("k", 4, { scope: { tenant: "b", user: "u" } });
    await cache.set("k", 5);
    const receipt = await cache.forget({ tenant: "a" });
    expect(receipt).toMatchObject({ removed: { memory: 3 }, failed: {}, complete: true });
    expect(await cache.get("k", { scope: { tenant: "b", user: "u" } })).toBe(4);
    expect(await cache.get("k", { scope: { tenant: "a", user: "u", feature: "f" } })).toBeUndefined();
    expect(await cache.get("k")).toBe(5);
    expect((await cache.forget({ user: "u" })).removed).toEqual({ memory: 1 });
  });

  test("refuses the answer of a call that was under way, and takes later ones", async () => {
    const clock = manualClock();
    const cache = new TieredCache({ tiers: [memoryTier()], scope: { tenant: "a", user: "u" }, clock });
    await cache.lookup("p", MODEL);
    await clock.advance(100);
    await cache.forget({ user: "u" });
    await clock.advance(100);
    await cache.update("p", MODEL, answer("late"));
    expect(cache.stats().tiers[0]?.entries).toBe(0);
    expect(cache.stats().bypassed).toMatchObject({ forgotten: 1 });
    await cache.lookup("p", MODEL);
    await clock.advance(100);
    await cache.update("p", MODEL, answer("new"));
    expect(await textOf(cache, "p")).toBe("new");
  });

  test("says which tier could not", async () => {
    const tier = memoryTier();
    const cache = scoped({ tenant: "a" }, { ...tier, clear: () => Promise.reject(new Error("down")) });
    await cache.update("p", MODEL, answer("a"));
    expect(await cache.forget({ tenant: "a" })).toMatchObject({ complete: false, failed: { memory: "down" } });
  });
});

describe("cached", () => {
  test("runs once for calls that overlap and for later ones, and tells calls apart by their arguments", async () => {
    const cache = cacheWith();
    const search = vi.fn(async (query: string, limit: number) => ({ query, limit }));
    const memo = cached(search, { cache, keyPrefix: "search" });
    expect(await Promise.all([memo("a", 1), memo("a", 1), memo("b", 1)])).toEqual([
      { query: "a", limit: 1 },
      { query: "a", limit: 1 },
      { query: "b", limit: 1 },
    ]);
    await memo("a", 1);
    expect(search).toHaveBeenCalledTimes(2);
  });

  test("a failure reaches all who wait and is not stored", async () => {
    const cache = cacheWith();
    let calls = 0;
    const memo = cached(() => (++calls === 1 ? Promise.reject(new Error("once")) : Promise.resolve(calls)), {
      cache,
      keyPrefix: "f",
    });
    const results = await Promise.allSettled([memo(), memo()]);
    expect(results.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(await memo()).toBe(2);
  });

  test("undefined is a result; what cannot be stored is returned all the same", async () => {
    const cache = cacheWith();
    const nothing = vi.fn(async () => undefined);
    const dates = vi.fn(async () => new Date(0));
    const [memoNothing, memoDates] = [cached(nothing, { cache, keyPrefix: "n" }), cached(dates, { cache, keyPrefix: "d" })];
    await memoNothing();
    expect(await memoNothing()).toBeUndefined();
    expect(nothing).toHaveBeenCalledTimes(1);
    expect(await memoDates()).toEqual(new Date(0));
    await memoDates();
    expect(dates).toHaveBeenCalledTimes(2);
  });

  test("needs a name for a function without one, and plain arguments without a key", async () => {
    const cache = cacheWith();
    expect(() => cached(async () => 1, { cache })).toThrow("keyPrefix");
    const memo = cached(async (_when: Date) => 1, { cache, keyPrefix: "x" });
    await expect(memo(new Date())).rejects.toSatisfy(
      (error: unknown) => StrataError.isInstance(error) && error.code === "UNSTORABLE",
    );
    const byTime = cached(async (when: Date) => when.getTime(), { cache, keyPrefix: "y", key: (when) => when.getTime() });
    expect(await byTime(new Date(7))).toBe(7);
  });
});

test.each([[undefined], [/x/], [["a"]]])("%s is no pattern to invalidate by", async (pattern) => {
  await expect(cacheWith().invalidate(pattern as never)).rejects.toMatchObject({ option: "invalidate.pattern" });
});

test("a tag that is no text clears nothing", async () => {
  await expect(cacheWith().clear({ tag: 7 as never })).rejects.toMatchObject({ option: "clear.tag" });
});

describe("an existing LangChain cache as a tier", () => {
  test("is read, and what it has moves up", async () => {
    const old = new InMemoryCache();
    await old.update("p", MODEL, answer("from before"));
    const cache = cacheWith({ tiers: [memoryTier(), baseCacheTier(old)] });
    const [first] = (await cache.lookup("p", MODEL)) ?? [];
    expect(first?.text).toBe("from before");
    expect(first?.generationInfo?.["strata"]).toMatchObject({ tier: "base-cache" });
    const [second] = (await cache.lookup("p", MODEL)) ?? [];
    expect(second?.generationInfo?.["strata"]).toMatchObject({ tier: "memory" });
  });

  test("is asked for the global scope alone, and is never written", async () => {
    const old = new InMemoryCache();
    await old.update("p", MODEL, answer("everybody's"));
    const cache = cacheWith({ tiers: [memoryTier(), baseCacheTier(old)], scope: { tenant: "a" } });
    expect(await cache.lookup("p", MODEL)).toBeNull();
    await cache.update("p", MODEL, answer("tenant's"));
    await cache.flush();
    expect((await old.lookup("p", MODEL))?.[0]?.text).toBe("everybody's");
  });

  test("a failing one is a miss", async () => {
    const old = Object.assign(new InMemoryCache(), { lookup: () => Promise.reject(new Error("gone")) });
    const cache = cacheWith({ tiers: [memoryTier(), baseCacheTier(old)] });
    expect(await cache.lookup("p", MODEL)).toBeNull();
  });
});
