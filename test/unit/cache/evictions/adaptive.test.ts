import { describe, expect, test } from "vitest";
import type { Eviction } from "../../../../src/cache/eviction.ts";
import { adaptive } from "../../../../src/cache/evictions/adaptive.ts";
import { keyedEviction } from "../../../../src/cache/evictions/keyed-eviction.ts";
import { LirsPolicy } from "../../../../src/cache/evictions/lirs.ts";
import { lru } from "../../../../src/cache/evictions/lru.ts";
import { s3Fifo } from "../../../../src/cache/evictions/s3-fifo.ts";
import { optimalHits } from "../../../../src/testing/eviction-contract/optimum.ts";
import { replay } from "../../../../src/testing/eviction-contract/replay.ts";
import { seededRandom } from "../../../support/seeded-random.ts";

const CAPACITY = 300;
const LENGTH = 40_000;

/** A kind of traffic: gives the next request each time it is called. */
type Traffic = (random: () => number) => () => string;

const loop: Traffic = () => {
  let at = 0;
  return () => `loop-${at++ % 700}`;
};

/** Jobs that ask three times within a while, and never again. */
const retries: Traffic = (random) => {
  const due: Array<{ readonly at: number; readonly key: string }> = [];
  let at = 0;
  let jobs = 0;
  return () => {
    at++;
    const next = due.findIndex((again) => again.at <= at);
    if (next !== -1) return due.splice(next, 1)[0]!.key;
    const key = `job-${jobs++}`;
    for (const delay of [200, 400]) due.push({ at: at + 20 + Math.floor(random() * delay), key });
    return key;
  };
};

/** A few favourites among many requests that come once. */
const favourites: Traffic = (random) => {
  let once = 0;
  return () => (random() < 0.4 ? `once-${once++}` : `favourite-${Math.floor(random() ** 3 * 1_500)}`);
};

const KINDS: Record<string, Traffic> = { loop, retries, favourites };
const lirs = (): Eviction => keyedEviction((slots) => new LirsPolicy(slots));

function requests(kind: Traffic, seed: number, length = LENGTH): string[] {
  const next = kind(seededRandom(seed));
  return Array.from({ length }, () => next());
}

function rate(policy: Eviction, trace: readonly string[]): number {
  return (100 * replay(policy, trace, { capacity: CAPACITY })) / trace.length;
}

describe("adaptive", () => {
  test.each(Object.keys(KINDS))("is within a point of the best of its experts on %s", (kind) => {
    const trace = requests(KINDS[kind]!, 1);
    const experts = [lirs(), lru(), s3Fifo()].map((expert) => rate(expert, trace));
    expect(rate(adaptive(), trace)).toBeGreaterThan(Math.max(...experts) - 1);
  });

  test("meets traffic on which each of its experts fails", () => {
    const worst = (make: () => Eviction): number =>
      Math.min(
        ...Object.values(KINDS).map((kind) => {
          const trace = requests(kind, 2);
          return rate(make(), trace) / ((100 * optimalHits(trace, CAPACITY)) / trace.length);
        }),
      );
    for (const expert of [lirs, lru, s3Fifo]) expect(worst(expert)).toBeLessThan(worst(adaptive) - 0.05);
  });

  test("follows traffic that changes, and does better than any of its experts over all of it", () => {
    const trace = [1, 2, 3, 4].flatMap((seed) => Object.values(KINDS).flatMap((kind) => requests(kind, seed, 10_000)));
    const experts = [lirs(), lru(), s3Fifo()].map((expert) => rate(expert, trace));
    expect(rate(adaptive(), trace)).toBeGreaterThan(Math.max(...experts) + 2);
  });

  test.each([1, 2, 3])("is not below LRU by more than two points where entries differ in size (seed %i)", (seed) => {
    for (const kind of Object.values(KINDS)) {
      const trace = requests(kind, seed);
      const random = seededRandom(seed + 100);
      const sizes = new Map(trace.map((key) => [key, 0]));
      for (const key of sizes.keys()) sizes.set(key, 200 + Math.floor(random() ** 4 * 20_000));
      const capacity = CAPACITY * 4_000;
      const difference = hitsBySize(adaptive(), trace, sizes, capacity) - hitsBySize(lru(), trace, sizes, capacity);
      expect(difference / trace.length).toBeGreaterThan(-0.02);
    }
  });

  test("is not thrown off by an entry that is larger than the cache", () => {
    const trace = requests(favourites, 5, 10_000);
    const disturbed = trace.flatMap((key, at) => (at % 1_000 === 999 ? ["huge", key] : [key]));
    const sizes = new Map(disturbed.map((key) => [key, key === "huge" ? 2 * CAPACITY : 1]));
    const alone = hitsBySize(adaptive(), trace, sizes, CAPACITY);
    expect(hitsBySize(adaptive(), disturbed, sizes, CAPACITY)).toBeGreaterThan(alone - 0.03 * trace.length);
  });
});

function hitsBySize(policy: Eviction, trace: readonly string[], sizes: ReadonlyMap<string, number>, capacity: number): number {
  policy.resize(capacity);
  const resident = new Set<string>();
  let hits = 0;
  for (const key of trace) {
    if (resident.has(key)) {
      hits++;
      policy.hit(key);
      continue;
    }
    policy.admit(key, sizes.get(key) ?? 1, 1);
    resident.add(key);
    while (policy.bytes > capacity) resident.delete(policy.evict() ?? "");
  }
  return hits;
}
