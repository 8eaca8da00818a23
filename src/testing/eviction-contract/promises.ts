import * as fc from "fast-check";
import { expect } from "vitest";
import type { Eviction } from "../../cache/eviction.ts";
import { optimalHits } from "./optimum.ts";
import { replay } from "./replay.ts";
import { TIER_STEP, TierModel } from "./tier-model.ts";
import { changingZipf, randomHits, seeded } from "./traces.ts";

/** One promise of the contract. */
export interface EvictionPromise {
  readonly name: string;
  /** Throws when a policy does not keep it. */
  check(make: () => Eviction): void;
}

/** What the ghosts of a policy may be, in what its capacity could hold. */
const MOST_GHOSTS = 8;

/** What every policy promises. */
export const EVICTION_PROMISES: readonly EvictionPromise[] = [
  {
    name: "has nothing to evict when nothing is resident",
    check(make) {
      const policy = make();
      expect(policy.evict()).toBeUndefined();
      policy.resize(10);
      expect(policy.evict()).toBeUndefined();
      policy.admit("a", 1, 1);
      policy.remove("a");
      expect(policy.evict()).toBeUndefined();
    },
  },
  {
    name: "ignores hits on, and removals of, keys that are not resident",
    check(make) {
      const policy = make();
      policy.resize(10);
      policy.hit("never");
      expect([policy.entries, policy.bytes, policy.evict()]).toEqual([0, 0, undefined]);
      policy.remove("never");
      policy.admit("gone", 1, 1);
      expect(policy.evict()).toBe("gone");
      policy.hit("gone");
      policy.remove("gone");
      expect([policy.entries, policy.bytes, policy.evict()]).toEqual([0, 0, undefined]);
    },
  },
  {
    name: "gives out every resident key exactly once",
    check(make) {
      const policy = make();
      policy.resize(300);
      const keys = numbered(300);
      for (const key of keys) policy.admit(key, 1, 1);
      for (const key of keys.filter((_, index) => index % 3 === 0)) policy.hit(key);
      expect(drain(policy).toSorted()).toEqual(keys.toSorted());
    },
  },
  {
    name: "never gives out a key that was removed, unless it was admitted again, and then once",
    check(make) {
      const policy = make();
      policy.resize(100);
      for (const key of numbered(100)) policy.admit(key, 1, 1);
      for (const key of numbered(50)) policy.remove(key);
      for (const key of numbered(10)) policy.admit(key, 1, 1);
      const left = [...numbered(10), ...numbered(100).slice(50)];
      expect(drain(policy).toSorted()).toEqual(left.toSorted());
    },
  },
  {
    name: "takes the new size of a key that is admitted again",
    check(make) {
      const policy = make();
      policy.resize(100);
      policy.admit("a", 10, 1);
      policy.admit("b", 5, 1);
      policy.admit("a", 60, 2);
      expect([policy.entries, policy.bytes]).toEqual([2, 65]);
      policy.admit("a", 1, 1);
      expect([policy.entries, policy.bytes]).toEqual([2, 6]);
      expect(drain(policy).toSorted()).toEqual(["a", "b"]);
      policy.admit("a", 7, 1);
      expect([policy.entries, policy.bytes]).toEqual([1, 7]);
    },
  },
  {
    name: "keeps a key that is used over keys that are not",
    check(make) {
      const policy = make();
      policy.resize(100);
      for (const key of numbered(100)) policy.admit(key, 1, 1);
      for (let times = 0; times < 5; times++) policy.hit("key-0");
      const gone = numbered(150)
        .slice(100)
        .map((key) => {
          policy.admit(key, 1, 1);
          return policy.evict();
        });
      expect(gone).not.toContain("key-0");
    },
  },
  {
    name: "holds a tier within its bytes, and counts as it does, whatever happens in whatever order",
    check(make) {
      fc.assert(
        fc.property(fc.array(TIER_STEP, { maxLength: 300 }), (steps) => {
          const tier = new TierModel(make());
          for (const step of steps) tier.take(step);
          tier.drain();
        }),
        { numRuns: 150, seed: 20_260_711 },
      );
    },
  },
  {
    name: "hits more often than random eviction and no more often than is possible",
    check(make) {
      const trace = changingZipf(40_000, 4_000, seeded(7));
      for (const capacity of [40, 400]) {
        const hits = replay(make(), trace, { capacity });
        expect(hits).toBeGreaterThan(randomHits(trace, capacity, seeded(1)));
        expect(hits).toBeLessThanOrEqual(optimalHits(trace, capacity));
      }
    },
  },
  {
    name: "hits about as often when the tier is bound by entries, of which it tells nothing",
    check(make) {
      const trace = changingZipf(40_000, 4_000, seeded(8));
      const told = replay(make(), trace, { capacity: 400 });
      const untold = replay(make(), trace, { capacity: 1_000_000, entries: 400 });
      expect(untold).toBeGreaterThan(told - trace.length * 0.02);
    },
  },
  {
    name: "does the same when it is asked the same",
    check(make) {
      const trace = changingZipf(5_000, 1_000, seeded(9));
      expect(victims(make(), trace)).toEqual(victims(make(), trace));
    },
  },
  {
    name: "remembers a bounded number of the keys that have gone, after a million of them",
    check(make) {
      const capacity = 1_000;
      const policy = make();
      policy.resize(capacity);
      let most = 0;
      for (let index = 0; index < 1_000_000; index++) {
        policy.admit(`one-off-${index}`, 1, 1);
        if (policy.bytes > capacity) policy.evict();
        if (index % 1_000 === 0) most = Math.max(most, policy.ghosts);
      }
      expect(policy.entries).toBe(capacity);
      expect(most).toBeLessThanOrEqual(MOST_GHOSTS * capacity);
    },
  },
  {
    name: "is as new after clear(), but for the capacity",
    check(make) {
      const trace = changingZipf(5_000, 1_000, seeded(10));
      const policy = make();
      const before = victims(policy, trace);
      policy.clear();
      expect([policy.entries, policy.bytes, policy.ghosts, policy.evict()]).toEqual([0, 0, 0, undefined]);
      expect(victims(policy, trace)).toEqual(before);
    },
  },
  {
    name: "refuses sizes, costs and capacities that are no such numbers",
    check(make) {
      const policy = make();
      const refused = expect.objectContaining({ code: "CONFIG" });
      for (const size of [0, -1, 1.5, Number.NaN, Infinity]) expect(thrownBy(() => policy.admit("a", size, 1))).toEqual(refused);
      for (const cost of [-1, Number.NaN, Infinity]) expect(thrownBy(() => policy.admit("a", 1, cost))).toEqual(refused);
      for (const capacity of [0, -1, Number.NaN]) expect(thrownBy(() => policy.resize(capacity))).toEqual(refused);
      expect([policy.entries, policy.bytes]).toEqual([0, 0]);
    },
  },
];

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `key-${index}`);
}

/** At most a thousand, so that a policy that never ends fails instead. */
function drain(policy: Eviction): string[] {
  const keys: string[] = [];
  for (let key = policy.evict(); key !== undefined && keys.length < 1_000; key = policy.evict()) keys.push(key);
  return keys;
}

function victims(policy: Eviction, trace: readonly string[]): string[] {
  const gone: string[] = [];
  replay(policy, trace, { capacity: 50, evicted: (key) => gone.push(key) });
  return gone;
}

function thrownBy(call: () => void): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  return undefined;
}
