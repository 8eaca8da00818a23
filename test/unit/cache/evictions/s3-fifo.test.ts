import { describe, expect, test } from "vitest";
import { s3Fifo } from "../../../../src/cache/evictions/s3-fifo.ts";

describe("s3-fifo", () => {
  test("lets one-off requests go before anything that was used twice", () => {
    const policy = s3Fifo();
    policy.resize(100);
    const used = Array.from({ length: 60 }, (_, index) => `used-${index}`);
    for (const key of used) {
      policy.admit(key, 1, 1);
      policy.hit(key);
      policy.hit(key);
    }
    const gone: Array<string | undefined> = [];
    for (let index = 0; index < 1_000; index++) {
      policy.admit(`one-off-${index}`, 1, 1);
      if (policy.bytes > 100) gone.push(policy.evict());
    }
    expect(gone.filter((key) => key?.startsWith("used"))).toEqual([]);
  });

  test("keeps a newcomer that it remembers from before", () => {
    const policy = s3Fifo();
    policy.resize(10);
    for (let index = 0; index < 12; index++) policy.admit(`key-${index}`, 1, 1);
    expect([policy.evict(), policy.evict()]).toEqual(["key-0", "key-1"]);
    expect(policy.ghosts).toBe(2);
    policy.admit("key-0", 1, 1);
    expect(policy.ghosts).toBe(1);
    const newcomers = Array.from({ length: 9 }, () => policy.evict());
    expect(newcomers).toEqual(Array.from({ length: 9 }, (_, index) => `key-${index + 2}`));
    expect(policy.evict()).toBe("key-0");
  });

  test("gives an entry that is used another round, and only one", () => {
    const policy = s3Fifo();
    policy.resize(10);
    policy.admit("a", 1, 1);
    policy.hit("a");
    policy.hit("a");
    for (let index = 0; index < 20; index++) {
      policy.admit(`key-${index}`, 1, 1);
      if (policy.bytes > 10) policy.evict();
    }
    const left: Array<string | undefined> = [];
    while (policy.entries > 0) left.push(policy.evict());
    expect(left).toContain("a");
  });

  test("lets a newcomer that is larger than its share go at once when it is not used", () => {
    const policy = s3Fifo();
    policy.resize(100);
    for (let index = 0; index < 90; index++) {
      policy.admit(`small-${index}`, 1, 1);
      policy.hit(`small-${index}`);
      policy.hit(`small-${index}`);
    }
    policy.admit("huge", 50, 1);
    expect(policy.evict()).toBe("huge");
  });
});
