import { describe, expect, test } from "vitest";
import { manualClock } from "../../../src/core/clock.ts";
import { QueryCache, type QueryPlace } from "../../../src/memory/query-cache.ts";

const place = (position: string, ownerId = "ana"): QueryPlace => ({ ownerId, position, options: ["k 10"] });
const known = (): boolean => true;

describe("results of recalls", () => {
  test("are given at the position at which they were found, and at no other", () => {
    const cache = new QueryCache<string>(manualClock(), { maxEntries: 10, ttlMs: 1_000 });
    cache.keep(place("1"), "which pizza", "margherita");
    expect(cache.find(place("1"), "which pizza", known)).toBe("margherita");
    expect(cache.find(place("2"), "which pizza", known)).toBeUndefined();
    expect(cache.find(place("1", "ben"), "which pizza", known)).toBeUndefined();
  });

  test("make room for those of the next position, which no owner's questions outlive", async () => {
    const cache = new QueryCache<object>(manualClock(), { maxEntries: 10, ttlMs: 60_000 });
    const results = Array.from({ length: 5 }, () => ({}));
    for (const [at, result] of results.entries()) cache.keep(place(String(at)), `question ${at}`, result);
    for (const at of results.keys()) {
      expect(cache.find(place(String(at)), `question ${at}`, known)).toBe(at === 4 ? results[4] : undefined);
    }
  });

  test("end with their time", async () => {
    const clock = manualClock();
    const cache = new QueryCache<string>(clock, { maxEntries: 10, ttlMs: 1_000 });
    cache.keep(place("1"), "which pizza", "margherita");
    await clock.advance(1_001);
    expect(cache.find(place("1"), "which pizza", known)).toBeUndefined();
  });
});
