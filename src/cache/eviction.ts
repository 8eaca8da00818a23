/**
 * What an eviction policy is: it knows which keys are resident, how large they are and what they saved, and says which one
 * goes next. It holds no values and no clock, so the same object serves a tier and replays a recorded trace.
 *
 * Protocol, for a tier with a byte limit:
 *   hit  -> `hit(key)`
 *   set  -> `admit(key, size, cost)`, then `evict()` until the tier is within its limit again
 *   gone -> `remove(key)` when an entry left for another reason (expired, deleted, replaced by a tier's own rules)
 *
 * A tier may evict for a limit of its own (a number of entries, a quota): a policy that is made to evict below its capacity
 * takes what the tier then keeps for its capacity, until the tier keeps more.
 */
export interface Eviction {
  /** Resident keys. */
  readonly entries: number;
  /** The sum of the sizes of the resident keys. */
  readonly bytes: number;
  /**
   * Keys that are gone and still remembered, to know them when they return. Only fingerprints of them are kept, and their
   * number is bounded: their sizes sum up to a few times the capacity at most.
   */
  readonly ghosts: number;
  /** Notes a use of a resident key. A key that is not resident is ignored. */
  hit(key: string): void;
  /**
   * Makes a key resident. For one that is resident already it updates size and cost, and counts as a use.
   * @param size whole bytes, at least 1
   * @param cost what a hit on it saves, at least 0 (milliseconds of model time; 1 where it is not known)
   * @throws {@link StrataConfigError} when size or cost is no such number
   */
  admit(key: string, size: number, cost: number): void;
  /** Removes and returns the key to go next, the one just admitted included; `undefined` when nothing is resident. */
  evict(): string | undefined;
  /** Forgets a resident key that left for another reason. */
  remove(key: string): void;
  /**
   * Tells the policy how much fits (bytes), at construction of the tier and whenever its limit changes. Evicts nothing.
   * @throws {@link StrataConfigError} when it is no number above 0
   */
  resize(capacity: number): void;
  /** Forgets everything but the capacity. */
  clear(): void;
}

/**
 * A policy that takes over from another is shown the resident entries in the order in which the old one would have let them go, and as many
 * uses of each as it had, up to this: as far as S3-FIFO counts.
 */
export const HITS_HANDED_OVER = 3;

export type EvictionName = "lru" | "lfu" | "s3-fifo" | "adaptive" | "hybrid";
