import { expect, test } from "vitest";
import type { Eviction } from "../../src/cache/eviction.ts";
import { lru } from "../../src/cache/evictions/lru.ts";
import { EVICTION_PROMISES } from "../../src/testing/eviction-contract/promises.ts";

/** LRU with some of its methods replaced. */
function broken(change: (sound: Eviction) => Partial<Eviction>): () => Eviction {
  return () => {
    const sound = lru();
    const whole: Eviction = {
      get entries() {
        return sound.entries;
      },
      get bytes() {
        return sound.bytes;
      },
      get ghosts() {
        return sound.ghosts;
      },
      hit: (key) => sound.hit(key),
      admit: (key, size, cost) => sound.admit(key, size, cost),
      evict: () => sound.evict(),
      remove: (key) => sound.remove(key),
      resize: (capacity) => sound.resize(capacity),
      clear: () => sound.clear(),
    };
    return Object.defineProperties(whole, Object.getOwnPropertyDescriptors(change(sound)));
  };
}

let made = 0;

/** Each kind of fault, and the promise that it must break. */
const FAULTS: ReadonlyArray<readonly [fault: string, make: () => Eviction, breaks: RegExp]> = [
  ["gives out a key that it does not have", broken((sound) => ({ evict: () => sound.evict() ?? "any" })), /nothing to evict/],
  ["forgets to forget", broken(() => ({ remove: () => undefined })), /never gives out a key that was removed/],
  ["gives out a key twice", broken(twice), /exactly once/],
  ["gives out the newest key", broken((sound) => newestFirst(sound, () => true)), /more often than random/],
  ["keeps the first size of a key", broken(firstSize), /takes the new size/],
  ["takes a hit for an admission", broken((sound) => ({ hit: (key) => sound.admit(key, 1, 1) })), /ignores hits on/],
  ["does not hear hits", broken(() => ({ hit: () => undefined })), /keeps a key that is used/],
  ["evicts what it just took in, although there is room", broken(admitsNothing), /within its bytes/],
  ["chooses by more than it was told", broken(evictsByNumber), /does the same/],
  ["remembers for ever", hoarder, /bounded number/],
  ["clears nothing", broken(() => ({ clear: () => undefined })), /as new after clear/],
  ["takes any size", broken((sound) => ({ admit: (key) => sound.admit(key, 1, 1) })), /refuses sizes/],
  ["goes by nothing but the capacity that it was told", broken(byCapacity), /bound by entries/],
];

test.each(FAULTS)("the contract fails a policy that %s", (_fault, make, breaks) => {
  const promises = EVICTION_PROMISES.filter((promise) => breaks.test(promise.name));
  expect(promises).toHaveLength(1);
  expect(() => promises[0]?.check(make)).toThrow();
});

test("each promise of the contract is broken by one of these policies", () => {
  const unbroken = EVICTION_PROMISES.filter((promise) => !FAULTS.some(([, , breaks]) => breaks.test(promise.name)));
  expect(unbroken.map((promise) => promise.name)).toEqual([]);
});

test("the wrapper of the broken policies breaks nothing itself", () => {
  for (const promise of EVICTION_PROMISES) promise.check(broken(() => ({})));
});

function twice(sound: Eviction): Partial<Eviction> {
  let last: string | undefined;
  return {
    evict() {
      const again = last;
      last = again === undefined ? sound.evict() : undefined;
      return again ?? last;
    },
  };
}

function newestFirst(sound: Eviction, when: () => boolean): Partial<Eviction> {
  const order = new Set<string>();
  return {
    admit(key, size, cost) {
      sound.admit(key, size, cost);
      order.add(key);
    },
    evict() {
      const victim = when() ? [...order].at(-1) : sound.evict();
      if (victim === undefined) return undefined;
      sound.remove(victim);
      order.delete(victim);
      return victim;
    },
    remove(key) {
      sound.remove(key);
      order.delete(key);
    },
    clear() {
      sound.clear();
      order.clear();
    },
  };
}

function firstSize(sound: Eviction): Partial<Eviction> {
  const sizes = new Map<string, number>();
  return {
    admit(key, size, cost) {
      if (!sizes.has(key)) sizes.set(key, size);
      sound.admit(key, sizes.get(key) ?? size, cost);
    },
  };
}

function admitsNothing(sound: Eviction): Partial<Eviction> {
  return {
    admit(key, size, cost) {
      sound.admit(key, size, cost);
      sound.remove(key);
    },
  };
}

/** Each second one that is made moves a key out of the way before it evicts. */
function evictsByNumber(sound: Eviction): Partial<Eviction> {
  const odd = ++made % 2 === 1;
  return {
    evict() {
      const first = sound.evict();
      if (!odd || first === undefined) return first;
      const second = sound.evict();
      if (second !== undefined) sound.admit(first, 1, 1);
      return second ?? first;
    },
  };
}

function hoarder(): Eviction {
  const seen = new Set<string>();
  return broken((sound) => ({
    get ghosts() {
      return seen.size - sound.entries;
    },
    admit(key, size, cost) {
      sound.admit(key, size, cost);
      seen.add(key);
    },
  }))();
}

function byCapacity(sound: Eviction): Partial<Eviction> {
  let capacity = Infinity;
  const resize = (bytes: number): void => {
    capacity = bytes;
    sound.resize(bytes);
  };
  return { ...newestFirst(sound, () => sound.bytes <= capacity), resize };
}
