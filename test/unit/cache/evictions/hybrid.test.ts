import { expect, test } from "vitest";
import { hybrid } from "../../../../src/cache/evictions/hybrid.ts";

test("hybrid lets go first what saves least for its bytes", () => {
  const policy = hybrid();
  policy.admit("large and cheap", 10_000, 500);
  policy.admit("small and dear", 2_000, 60_000);
  policy.admit("large and dear", 20_000, 60_000);
  policy.admit("small and cheap", 2_000, 500);
  expect(Array.from({ length: 4 }, () => policy.evict())).toEqual([
    "large and cheap",
    "small and cheap",
    "large and dear",
    "small and dear",
  ]);
});

test("hybrid counts what was saved, not what could be", () => {
  const policy = hybrid();
  policy.admit("dear", 1_000, 3_000);
  policy.admit("used", 1_000, 1_000);
  for (let uses = 0; uses < 5; uses++) policy.hit("used");
  expect(policy.evict()).toBe("dear");
});

test("hybrid takes a new size and cost into account, up or down", () => {
  const policy = hybrid();
  policy.admit("a", 100, 100);
  policy.admit("b", 100, 100);
  policy.admit("c", 100, 100);
  policy.admit("a", 100, 1);
  policy.admit("b", 1, 100);
  expect([policy.evict(), policy.evict(), policy.evict()]).toEqual(["a", "c", "b"]);
});

test("hybrid lets go of what was dear once and is not asked for any more", () => {
  const policy = hybrid();
  policy.resize(10);
  policy.admit("yesterday", 1, 100);
  const gone: Array<string | undefined> = [];
  for (let index = 0; index < 3_000; index++) {
    policy.admit(`today-${index}`, 1, 1);
    if (policy.bytes > 10) gone.push(policy.evict());
  }
  expect(gone).toContain("yesterday");
  expect(gone.slice(0, 100)).not.toContain("yesterday");
});
