import { IdList, Links, type Simulate } from "../simulation.ts";

/**
 * SIEVE: a queue in which a hand goes from old to new, clears the marks of keys that were used, and evicts the first unmarked one.
 * Zhang, Yang, Yue, Vigfusson, Rashmi: "SIEVE is simpler than LRU", NSDI 2024.
 */
export const sieve: Simulate = (capacity, distinct) => {
  const queue = new IdList(new Links(distinct));
  const used = new Uint8Array(distinct);
  let hand = -1;
  function evict(): void {
    let at = hand === -1 ? queue.last : hand;
    while (used[at] === 1) {
      used[at] = 0;
      const newer = queue.newerThan(at);
      at = newer === -1 ? queue.last : newer;
    }
    hand = queue.newerThan(at);
    queue.remove(at);
  }
  return {
    request(id) {
      if (queue.has(id)) {
        used[id] = 1;
        return true;
      }
      if (queue.length === capacity) evict();
      used[id] = 0;
      queue.push(id);
      return false;
    },
  };
};
