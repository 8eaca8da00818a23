import { expect, test } from "vitest";
import type { Eviction } from "../../../../src/cache/eviction.ts";
import { keyedEviction } from "../../../../src/cache/evictions/keyed-eviction.ts";
import { LirsPolicy } from "../../../../src/cache/evictions/lirs.ts";
import { replay } from "../../../../src/testing/eviction-contract/replay.ts";

const lirs = (): Eviction => keyedEviction((slots) => new LirsPolicy(slots));

test("lirs keeps the part of a loop that fits", () => {
  const loop = Array.from({ length: 20_000 }, (_, at) => `key-${at % 1_000}`);
  const hits = replay(lirs(), loop, { capacity: 400 });
  // All rounds but the first could hit 399 of 1,000; one or two are spent on learning.
  expect(hits / loop.length).toBeGreaterThan(0.36);
});

test("lirs takes a returning ghost in for the entry with the longest distance", () => {
  const policy = lirs();
  policy.resize(4);
  for (const key of ["a", "b", "c", "d"]) policy.admit(key, 1, 1);
  const admit = (key: string): string | undefined => {
    policy.admit(key, 1, 1);
    return policy.evict();
  };
  policy.hit("b");
  policy.hit("c");
  // "a", "b", "c" have the room for short distances; newcomers share what is left.
  expect(admit("x")).toBe("d");
  expect(admit("y")).toBe("x");
  // "x" was asked twice since "a": it takes the place of "a", which joins the newcomers.
  expect(admit("x")).toBe("y");
  expect(admit("z")).toBe("a");
});

test("lirs forgets a ghost when all entries with short distances were used since", () => {
  const policy = lirs();
  policy.resize(4);
  for (const key of ["a", "b", "c", "d", "x", "y"]) {
    policy.admit(key, 1, 1);
    if (policy.bytes > 4) policy.evict();
  }
  expect(policy.ghosts).toBe(2);
  for (const key of ["a", "b", "c"]) policy.hit(key);
  expect(policy.ghosts).toBe(0);
});

test("lirs remembers twice its room at most", () => {
  const policy = lirs();
  policy.resize(100);
  for (let index = 0; index < 10_000; index++) {
    policy.admit(`key-${index}`, 1, 1);
    if (policy.bytes > 100) policy.evict();
  }
  expect(policy.ghosts).toBe(200);
});
