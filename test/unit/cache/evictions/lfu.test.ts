import { expect, test } from "vitest";
import { lfu } from "../../../../src/cache/evictions/lfu.ts";

test("lfu evicts what was used least, and of equals what was used least recently", () => {
  const policy = lfu();
  for (const key of ["often", "twice", "once", "once too"]) policy.admit(key, 1, 1);
  for (const key of ["often", "often", "twice"]) policy.hit(key);
  policy.admit("newest", 1, 1);
  expect([policy.evict(), policy.evict(), policy.evict(), policy.evict()]).toEqual(["once", "once too", "newest", "twice"]);
});

test("lfu lets go of a favourite that is not asked for any more", () => {
  const policy = lfu();
  policy.resize(10);
  policy.admit("yesterday", 1, 1);
  for (let uses = 0; uses < 50; uses++) policy.hit("yesterday");
  const gone: Array<string | undefined> = [];
  for (let index = 0; index < 2_000; index++) {
    policy.admit(`today-${index}`, 1, 1);
    policy.hit(`today-${index}`);
    if (policy.bytes > 10) gone.push(policy.evict());
  }
  expect(gone).toContain("yesterday");
  expect(gone.slice(0, 20)).not.toContain("yesterday");
});

test("lfu forgets the uses of an entry that has gone", () => {
  const policy = lfu();
  policy.admit("a", 1, 1);
  for (let uses = 0; uses < 5; uses++) policy.hit("a");
  policy.remove("a");
  policy.admit("a", 1, 1);
  policy.admit("b", 1, 1);
  policy.hit("b");
  expect(policy.evict()).toBe("a");
});
