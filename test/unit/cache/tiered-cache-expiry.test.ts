import { describe, expect, test } from "vitest";
import type { CacheTier } from "../../../src/cache/tier.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { manualClock, type ManualClock } from "../../../src/core/clock.ts";
import { cacheBed } from "../../support/cache-bed.ts";
import { scriptedTier, type ScriptedTier } from "../../support/scripted-tier.ts";

const HOUR = 3_600_000;

/** An engine that outlives the process, and looks at the wall clock as such engines do. */
function lasting(clock: ManualClock): ScriptedTier {
  const tier = scriptedTier({ name: "lasting" });
  tier.script.get = (pass) =>
    (pass() as Awaited<ReturnType<CacheTier["get"]>>).map((entry) =>
      entry?.expiresAt !== undefined && entry.expiresAt <= clock.now() ? undefined : entry,
    );
  return tier;
}

describe("an answer with a life", () => {
  test("is there until its time and not after", async () => {
    const { clock, store, lookup, cache } = cacheBed({ tiers: [memoryTier()], ttl: "1h" });
    await store("prompt", "42");
    await clock.advance(HOUR - 1);
    expect(await lookup("prompt")).toBe("42");
    await clock.advance(1);
    expect(await lookup("prompt")).toBeUndefined();
    await cache.close();
  });

  test("without `ttl` does not end", async () => {
    const { clock, store, lookup, cache } = cacheBed({ tiers: [memoryTier()] });
    await store("prompt", "42");
    await clock.advance(10 * 365 * 24 * HOUR);
    expect(await lookup("prompt")).toBe("42");
    await cache.close();
  });

  test("ends up to a tenth earlier, spread evenly, so that what came together does not go together", async () => {
    const ends: number[] = [];
    for (const random of [0, 0.25, 0.5, 0.999_999]) {
      const tier = scriptedTier({ name: "tier", writes: "through" });
      const { clock, store, cache } = cacheBed({ tiers: [tier], ttl: "1h", random: () => random });
      await store("prompt", "42");
      for (const { expiresAt } of tier.held.values()) ends.push(((expiresAt ?? 0) - clock.now()) / HOUR);
      await cache.close();
    }
    expect(ends.map((end) => Number(end.toFixed(3)))).toEqual([1, 0.975, 0.95, 0.9]);
  });

  test("ends at the same moment in every tier, and moving up does not lengthen it", async () => {
    const clock = manualClock();
    const disk = lasting(clock);
    const { store, lookup, cache } = cacheBed({ clock, tiers: [memoryTier(), disk], ttl: "1h" });
    await store("prompt", "42");
    await cache.flush();
    await cache.clear({ tier: "memory" });
    await clock.advance(HOUR - 1_000);
    expect(await lookup("prompt")).toBe("42");
    expect(cache.stats().tiers[0]?.entries).toBe(1);
    disk.held.clear();
    await clock.advance(999);
    expect(await lookup("prompt")).toBe("42");
    await clock.advance(1);
    expect(await lookup("prompt")).toBeUndefined();
    await cache.close();
  });

  test("that a tier gives after its time is a miss, by what the envelope says", async () => {
    const careless = scriptedTier({ name: "careless" });
    const { clock, store, lookup, cache } = cacheBed({ tiers: [careless], ttl: "1m" });
    await store("prompt", "42");
    await cache.flush();
    for (const [key, entry] of careless.held) careless.held.set(key, { ...entry, expiresAt: undefined });
    expect(await lookup("prompt")).toBe("42");
    await clock.advance(60_000);
    expect(await lookup("prompt")).toBeUndefined();
    await cache.close();
  });

  test("is kept for `ttl` anew when it is stored again", async () => {
    const { clock, store, lookup, cache } = cacheBed({ tiers: [memoryTier()], ttl: "1h" });
    await store("prompt", "old");
    await clock.advance(HOUR - 1);
    await store("prompt", "new");
    await clock.advance(HOUR - 1);
    expect(await lookup("prompt")).toBe("new");
    await cache.close();
  });
});

describe("when the wall clock is set", () => {
  test.each([
    ["an hour ahead", HOUR],
    ["an hour back", -HOUR],
  ])("%s, memory neither empties nor keeps an answer beyond its time", async (_name, jump) => {
    const { clock, store, lookup, cache } = cacheBed({ tiers: [memoryTier()], ttl: "30m" });
    await store("prompt", "42");
    clock.jump(jump);
    expect(await lookup("prompt")).toBe("42");
    await clock.advance(HOUR / 2 - 1);
    expect(await lookup("prompt")).toBe("42");
    await clock.advance(1);
    expect(await lookup("prompt")).toBeUndefined();
    await cache.close();
  });

  test("a tier that outlives the process is early or late by the jump and no more, and nothing has a negative life", async () => {
    for (const jump of [HOUR, -HOUR]) {
      const clock = manualClock();
      const { store, lookup, cache } = cacheBed({ clock, tiers: [lasting(clock)], ttl: "90m" });
      await store("prompt", "42");
      await cache.flush();
      clock.jump(jump);
      await clock.advance(1.5 * HOUR - jump - 1);
      expect(await lookup("prompt")).toBe("42");
      await clock.advance(1);
      expect(await lookup("prompt")).toBeUndefined();
      await store("prompt", "43");
      expect(await lookup("prompt")).toBe("43");
      await cache.close();
    }
  });
});
