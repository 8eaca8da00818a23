import { describe, expect, test } from "vitest";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { cacheBed } from "../../support/cache-bed.ts";
import { chatAnswer, llmKey } from "../../support/model-answers.ts";
import { scriptedTier } from "../../support/scripted-tier.ts";

const KEY = llmKey();
const USAGE = { input_tokens: 100, output_tokens: 900, total_tokens: 1_000 };

describe("stats", () => {
  test("of a cache that was not asked are zero", async () => {
    const { cache } = cacheBed({ tiers: [memoryTier()] });
    expect(cache.stats()).toMatchObject({
      ...{ hits: 0, misses: 0, hitRate: 0, coalesced: 0, writes: 0, bypassed: {}, rejected: 0 },
      ...{ p50: undefined, p99: undefined, saved: { ms: 0, tokens: 0 } },
    });
    await cache.close();
  });

  test("count hits, misses, writes and what was saved, in time and tokens", async () => {
    const { clock, cache, lookup } = cacheBed({ tiers: [memoryTier()] });
    await lookup("prompt");
    await clock.advance(7_500);
    await cache.update("prompt", KEY, chatAnswer("42", { usage_metadata: USAGE }));
    for (let hit = 0; hit < 3; hit++) await lookup("prompt");
    await lookup("another");
    expect(cache.stats()).toMatchObject({
      ...{ hits: 3, misses: 2, hitRate: 0.6, writes: 1 },
      saved: { ms: 3 * 7_500, tokens: 3 * 1_000 },
    });
    await cache.close();
  });

  test("subtract from the saved time what the lookups took, and never count below nothing", async () => {
    const tier = scriptedTier({ name: "slow", deadline: "1s" });
    const { clock, cache, lookup } = cacheBed({ tiers: [tier] });
    tier.script.get = async (pass) => {
      await new Promise<void>((resolve) => clock.setTimer(300, resolve));
      return pass();
    };
    await lookup("long", 300);
    await clock.advance(700);
    await cache.update("long", KEY, chatAnswer("42"));
    await lookup("short", 300);
    await cache.update("short", KEY, chatAnswer("42"));
    await cache.flush();
    await lookup("long", 300);
    expect(cache.stats().saved.ms).toBe(1_000 - 300);
    await lookup("short", 300);
    expect(cache.stats().saved.ms).toBe(700);
    await cache.close();
  });

  test("remember after a restart what a hit saves", async () => {
    const disk = scriptedTier({ name: "disk" });
    const before = cacheBed({ tiers: [disk] });
    await before.lookup("prompt");
    await before.clock.advance(12_000);
    await before.cache.update("prompt", KEY, chatAnswer("42", { usage_metadata: USAGE }));
    await before.cache.close();
    const again = cacheBed({ tiers: [memoryTier(), disk] });
    await again.lookup("prompt");
    expect(again.cache.stats().saved).toEqual({ ms: 12_000, tokens: 1_000 });
    await again.lookup("prompt");
    expect(again.cache.stats().saved).toEqual({ ms: 24_000, tokens: 2_000 });
    await again.cache.close();
  });

  test("count each lookup once in each tier that it reached", async () => {
    const disk = scriptedTier({ name: "disk" });
    const { cache, store, lookup } = cacheBed({ tiers: [memoryTier(), disk] });
    await store("prompt", "42");
    await cache.flush();
    await cache.clear({ tier: "memory" });
    for (const prompt of ["prompt", "prompt", "unknown", "unknown"]) await lookup(prompt);
    const [memory, below] = cache.stats().tiers;
    expect(memory).toMatchObject({ name: "memory", hits: 1, misses: 3, hitRate: 0.25, entries: 1, state: "on" });
    expect(below).toMatchObject({ name: "disk", hits: 1, misses: 2, faults: 0, dropped: 0, queued: 0 });
    expect(cache.stats()).toMatchObject({ hits: 2, misses: 2 });
    await cache.close();
  });

  test("count what the cache stood aside for by its reason, a lookup and an update once each", async () => {
    const { cache, lookup, store } = cacheBed({ tiers: [memoryTier()], maxValueBytes: "1kb" });
    await lookup("[image]");
    await store("[image]", "42");
    await cache.lookup("prompt", '_model:"base_chat_model",_type:"ollama"');
    await store("large", "x".repeat(2_000));
    await store("empty", "");
    await cache.update("poison", KEY, chatAnswer("42", { additional_kwargs: { at: new Date(0) } }));
    expect(cache.stats().bypassed).toEqual({
      ...{ placeholder: 2, "model-unidentified": 1, "too-large": 1, "not-admitted": 1, unstorable: 1 },
    });
    expect(cache.stats()).toMatchObject({ hits: 0, misses: 0, writes: 0 });
    await cache.close();
  });

  test("give the times of lookups within 9 %", async () => {
    const tier = scriptedTier({ name: "slow" });
    const { clock, cache, lookup } = cacheBed({ tiers: [tier] });
    tier.script.get = async (pass) => {
      await new Promise<void>((resolve) => clock.setTimer(10, resolve));
      return pass();
    };
    for (let call = 0; call < 20; call++) await lookup(`prompt ${call}`, 10);
    const { p50, p99, tiers } = cache.stats();
    for (const time of [p50, p99, tiers[0]?.p50, tiers[0]?.p99]) {
      expect(time).toBeGreaterThan(9.1);
      expect(time).toBeLessThan(10.9);
    }
    await cache.close();
  });
});

describe("events", () => {
  test("tell of each lookup, write and move, and name no prompt, answer or credential", async () => {
    const disk = scriptedTier({ name: "disk" });
    const { cache, events, lookup, store } = cacheBed({ tiers: [memoryTier(), disk] });
    await lookup("a prompt");
    await store("a prompt", "an answer");
    await cache.flush();
    await cache.clear({ tier: "memory" });
    await lookup("a prompt");
    const key = expect.stringMatching(/^[\w-]{12}$/);
    expect(events("cache.lookup")).toEqual([
      { outcome: "miss", coalesced: false, ms: 0, key },
      {
        outcome: "hit",
        tier: "disk",
        coalesced: false,
        hitId: expect.any(String),
        source: "exact",
        ms: 0,
        key,
        savedMs: 0,
        saved: { inputTokens: 0, outputTokens: 0, tokens: 0 },
      },
    ]);
    expect(events("cache.update")).toEqual([{ bytes: expect.any(Number), key }]);
    expect(events("entry.moved")).toEqual([{ direction: "promoted", from: "disk", to: "memory", key }]);
    await cache.close();
  });
});
