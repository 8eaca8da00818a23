import { expect, test } from "vitest";
import { lru } from "../../../../src/cache/evictions/lru.ts";

test("lru evicts in the order of last use", () => {
  const policy = lru();
  for (const key of ["a", "b", "c", "d"]) policy.admit(key, 1, 1);
  policy.hit("a");
  policy.admit("b", 2, 1);
  expect([policy.evict(), policy.evict(), policy.evict(), policy.evict()]).toEqual(["c", "d", "a", "b"]);
});

test("lru keeps no record of what has gone", () => {
  const policy = lru();
  policy.resize(10);
  for (let index = 0; index < 100; index++) {
    policy.admit(`key-${index}`, 1, 1);
    if (policy.bytes > 10) policy.evict();
  }
  expect([policy.entries, policy.ghosts]).toEqual([10, 0]);
});
