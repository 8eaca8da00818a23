import { AsyncLocalStorage } from "node:async_hooks";
import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons";
import { describe, expect, test } from "vitest";
import { herd } from "../../support/herd.ts";

describe("a refresh", () => {
  /** Runs as inside of a lambda, a graph or an agent, whose config asks for a refresh. */
  function refreshing<T>(call: () => T): T {
    AsyncLocalStorageProviderSingleton.initializeGlobalInstance(new AsyncLocalStorage());
    return AsyncLocalStorageProviderSingleton.runWithConfig<T>({ configurable: { strata: { refresh: true } } }, call);
  }

  test("goes to the model at once, while the others are served what there is", async () => {
    const { ask, answered, clock, cache, store } = herd();
    await store("prompt", "old");
    refreshing(() => ask());
    await clock.advance(0);
    ask();
    await clock.advance(0);
    expect(answered).toEqual([null, "old"]);
    await clock.advance(4_000);
    await refreshing(() => store("prompt", "new"));
    ask();
    await clock.advance(0);
    expect(answered).toEqual([null, "old", "new"]);
    expect(cache.stats().saved.ms).toBe(4_000);
    await cache.close();
  });

  test("gives its answer to those who wait for another caller's", async () => {
    const { ask, answered, clock, cache, store } = herd();
    ask();
    ask();
    refreshing(() => ask());
    await clock.advance(100);
    expect(answered).toEqual([null, null]);
    await refreshing(() => store("prompt", "42"));
    await clock.advance(0);
    expect(answered).toEqual([null, null, "42"]);
    await cache.close();
  });

  test.each([
    ["within the time that it is waited for", 1_000],
    ["long after", 600_000],
  ])("that failed is no reason for a herd: %s, one caller leads", async (_when, laterMs) => {
    const { ask, answered, clock, cache, store } = herd({ ttl: 60_000, stale: 60_000 });
    await store("prompt", "old");
    await clock.advance(119_500);
    ask();
    await clock.advance(0);
    ask();
    await clock.advance(0);
    expect(answered).toEqual([null, "old"]);
    // Its model fails, of which LangChain tells no cache; and what was stale is over.
    await clock.advance(laterMs);
    answered.length = 0;
    for (let caller = 0; caller < 20; caller++) ask();
    await clock.advance(0);
    expect(answered.filter((answer) => answer === null)).toHaveLength(1);
    await store("prompt", "new");
    await clock.advance(0);
    expect(answered.filter((answer) => answer === "new")).toHaveLength(19);
    await cache.close();
  });

  test("that was under way when its scope was forgotten brings nothing back", async () => {
    const { ask, answered, clock, cache, store } = herd({ scope: { tenant: "a" } });
    await store("prompt", "old");
    refreshing(() => ask());
    await clock.advance(1_000);
    await cache.forget({ tenant: "a" });
    await clock.advance(1_000);
    await refreshing(() => store("prompt", "late"));
    ask();
    await clock.advance(0);
    expect(answered).toEqual([null, null]);
    await cache.close();
  });
});
