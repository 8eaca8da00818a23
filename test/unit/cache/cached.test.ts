import { AsyncLocalStorage } from "node:async_hooks";
import { describe, expect, test, vi } from "vitest";
import { cached } from "../../../src/cache/cached.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import type { Scope } from "../../../src/core/scope.ts";
import { cacheBed } from "../../support/cache-bed.ts";

describe("calls that overlap", () => {
  test("are shared within a scope, and never between scopes", async () => {
    const caller = new AsyncLocalStorage<Scope>();
    const { cache } = cacheBed({ tiers: [memoryTier()], scope: () => caller.getStore() });
    const whose = vi.fn(async () => {
      const { tenant } = caller.getStore() ?? {};
      await new Promise((resolve) => setImmediate(resolve));
      return tenant;
    });
    const memo = cached(whose, { cache, keyPrefix: "whose" });
    const ask = (tenant: string): Promise<string | undefined> => caller.run({ tenant }, () => memo());
    expect(await Promise.all(["a", "b", "a", "b"].map(ask))).toEqual(["a", "b", "a", "b"]);
    expect(whose).toHaveBeenCalledTimes(2);
    await cache.close();
  });

  test("give each caller objects of its own", async () => {
    const { cache } = cacheBed({ tiers: [memoryTier()] });
    const memo = cached(async () => ({ list: [1] }), { cache, keyPrefix: "list" });
    const [first, second] = await Promise.all([memo(), memo()]);
    first?.list.push(2);
    expect(second).toEqual({ list: [1] });
    expect(await memo()).toEqual({ list: [1] });
    await cache.close();
  });
});

test.each<[string, Record<string, unknown>]>([
  ["cache", { cache: undefined }],
  ["cache", { cache: {} }],
  ["cached.ttl", { ttl: "5 minutes" }],
  ["cached.tags", { tags: "prices" }],
  ["cached.key", { key: "name" }],
  ["cached.keyPrefix", { keyPrefix: 7 }],
  ["cached.scope", { scope: "global" }],
])("a wrong %s is refused when the function is wrapped, not swallowed by each of its calls", async (option, options) => {
  const { cache } = cacheBed({ tiers: [memoryTier()] });
  const wrap = (): unknown => cached(async () => 1, { cache, keyPrefix: "f", ...options });
  expect(wrap).toThrow(expect.objectContaining({ code: "CONFIG", option }));
  await cache.close();
});

test("what is no function is refused", () => {
  const { cache } = cacheBed({ tiers: [memoryTier()] });
  expect(() => cached(7 as never, { cache, keyPrefix: "f" })).toThrow(expect.objectContaining({ option: "fn" }));
});

test("after `close()` the function is called as if there were no cache", async () => {
  const { cache } = cacheBed({ tiers: [memoryTier()] });
  let calls = 0;
  const memo = cached(async () => ++calls, { cache, keyPrefix: "f" });
  await cache.close();
  expect([await memo(), await memo()]).toEqual([1, 2]);
});
