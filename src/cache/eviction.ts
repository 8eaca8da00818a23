/**
 * What an eviction policy is: it knows which keys are resident, how large they are and what they saved, and says which one
 * goes next. It holds no values and no clock, so the same object serves a tier and replays a recorded trace.
 *
 * Protocol, for a tier with a byte limit:
 *   hit  -> `hit(key)`
 *   set  -> `admit(key, size, cost)`, then `evict()` until the tier is within its limit again
 *   gone -> `remove(key)` when an entry left for another reason (expired, deleted, replaced by a tier's own rules)
 */
export interface Eviction {
  /** Notes a use of a resident key. A key that is not resident is ignored. */
  hit(key: string): void;
  /**
   * Makes a key resident, or updates the size and cost of one that is.
   * @param size bytes, at least 1
   * @param cost what a hit on it saves (milliseconds of model time; 1 where it is not known)
   */
  admit(key: string, size: number, cost: number): void;
  /** Removes and returns the key to go next, the one just admitted included; `undefined` when nothing is resident. */
  evict(): string | undefined;
  /** Forgets a resident key that left for another reason. */
  remove(key: string): void;
  /** Tells the policy how much fits (bytes), at construction of the tier and whenever its limit changes. */
  resize(capacity: number): void;
  /** Forgets everything. */
  clear(): void;
}

export type EvictionName = "lru" | "lfu" | "s3-fifo" | "adaptive" | "hybrid";
