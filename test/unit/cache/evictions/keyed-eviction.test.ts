import { describe, expect, test } from "vitest";
import { adaptive } from "../../../../src/cache/evictions/adaptive.ts";
import { createEviction } from "../../../../src/cache/evictions/create-eviction.ts";
import { s3Fifo } from "../../../../src/cache/evictions/s3-fifo.ts";

/** Different words with one FNV-1a fingerprint of 32 bits. */
const TWINS = [
  ["costarring", "liquid"],
  ["declinate", "macallums"],
  ["altarage", "zinke"],
] as const;

describe("keys", () => {
  test.each(TWINS)("that share a fingerprint (%s, %s) are never taken for each other", (one, other) => {
    for (const policy of [s3Fifo(), adaptive()]) {
      policy.resize(2);
      policy.admit(one, 1, 1);
      expect(policy.evict()).toBe(one);
      expect(policy.ghosts).toBe(1);
      policy.admit(other, 1, 1);
      expect(policy.ghosts).toBe(0);
      policy.hit(one);
      policy.remove(one);
      policy.admit(one, 1, 1);
      expect(policy.entries).toBe(2);
      expect(new Set([policy.evict(), policy.evict()])).toEqual(new Set([one, other]));
      expect([policy.entries, policy.evict()]).toEqual([0, undefined]);
    }
  });

  test("that have gone and share a fingerprint leave no record behind for ever", () => {
    const policy = s3Fifo();
    policy.resize(100);
    for (const key of TWINS.flat()) policy.admit(key, 1, 1);
    for (let index = 0; index < 1_000; index++) {
      policy.admit(`key-${index}`, 1, 1);
      if (policy.bytes > 100) policy.evict();
    }
    expect(policy.ghosts).toBe(90);
  });
});

test("a policy that was told no capacity takes what the tier keeps for it", () => {
  const policy = s3Fifo();
  for (let index = 0; index < 1_000; index++) {
    policy.admit(`key-${index}`, 1, 1);
    if (policy.entries > 100) policy.evict();
  }
  expect(policy.ghosts).toBe(90);
});

test("a policy goes along when the tier keeps more than before", () => {
  const policy = adaptive();
  for (let index = 0; index < 50; index++) {
    policy.admit(`before-${index}`, 1, 1);
    if (policy.entries > 10) policy.evict();
  }
  const used = Array.from({ length: 45 }, (_, index) => `used-${index}`);
  for (const key of used) policy.admit(key, 1, 1);
  for (const key of [...used, ...used]) policy.hit(key);
  const gone = Array.from({ length: 20 }, (_, index) => {
    policy.admit(`after-${index}`, 1, 1);
    return policy.evict();
  });
  expect(gone.filter((key) => key?.startsWith("used"))).toEqual([]);
});

test("a policy remembers in proportion to the capacity, also when that changes", () => {
  const policy = s3Fifo();
  const fill = (capacity: number): void => {
    policy.resize(capacity);
    for (let index = 0; index < 2_000; index++) {
      policy.admit(`key-${capacity}-${index}`, 1, 1);
      while (policy.bytes > capacity) policy.evict();
    }
  };
  fill(1_000);
  expect(policy.ghosts).toBe(900);
  fill(10);
  expect(policy.ghosts).toBe(9);
  fill(500);
  expect(policy.ghosts).toBe(450);
});

test("a name that is no policy is refused with the names that are", () => {
  expect(() => createEviction("fifo" as "lru")).toThrow(/"lru", "lfu", "s3-fifo", "adaptive", "hybrid"/);
});
