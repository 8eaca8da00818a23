import type { BaseCache } from "@langchain/core/caches";
import { ChatDeepSeek } from "@langchain/deepseek";
import { describe, expectTypeOf, test } from "vitest";
import {
  cached,
  cacheModel,
  diskTier,
  hitOf,
  memoryTier,
  TieredCache,
  type HitMetadata,
  type TieredCacheOptions,
} from "../../src/index.ts";

const cache = new TieredCache();

describe("TieredCache", () => {
  test("is a BaseCache, so that any model takes it", () => {
    expectTypeOf(cache).toExtend<BaseCache>();
    new ChatDeepSeek({ model: "deepseek-reasoner", cache });
  });

  test("takes durations and sizes with their units, and nothing else", () => {
    expectTypeOf<{ ttl: "15m" }>().toExtend<TieredCacheOptions>();
    expectTypeOf<{ ttl: 1000 }>().toExtend<TieredCacheOptions>();
    // @ts-expect-error a unit that is none
    new TieredCache({ ttl: "15 minutes" });
    // @ts-expect-error a misspelt option
    new TieredCache({ tll: "15m" });
    // @ts-expect-error a size is no duration
    memoryTier({ ttl: "15mb" });
    // @ts-expect-error a policy that is none
    memoryTier({ eviction: "mru" });
    // @ts-expect-error the disk tier needs a path
    diskTier({});
  });

  test("stores JSON values only", () => {
    void cache.set("k", { a: [1, "b", null] });
    // @ts-expect-error a date does not come back a date
    void cache.set("k", new Date());
    expectTypeOf(cache.get<{ a: number }>("k")).resolves.toEqualTypeOf<{ a: number } | undefined>();
  });
});

test("cacheModel keeps the model's type", () => {
  const model = new ChatDeepSeek({ model: "deepseek-chat" });
  expectTypeOf(cacheModel(model, { cache })).toEqualTypeOf<ChatDeepSeek>();
  // @ts-expect-error a cache is needed
  cacheModel(model, {});
});

test("cached keeps the function's type", () => {
  const search = cached(async (query: string, limit: number) => [query, limit] as const, { cache, keyPrefix: "search" });
  expectTypeOf(search).parameters.toEqualTypeOf<[query: string, limit: number]>();
  expectTypeOf(search("a", 1)).resolves.toEqualTypeOf<readonly [string, number]>();
});

test("hitOf narrows", () => {
  expectTypeOf(hitOf({ response_metadata: {} })).toEqualTypeOf<HitMetadata | undefined>();
});
