import type { Eviction } from "../../cache/eviction.ts";

export interface ReplayOptions {
  /** What the policy is told; every entry has size and cost 1. */
  readonly capacity: number;
  /** A tighter limit that the policy is not told of; default none. */
  readonly entries?: number | undefined;
  readonly evicted?: ((key: string) => void) | undefined;
}

/**
 * Plays the requests of a trace to a policy as a tier does, which takes in every key that it misses.
 * @returns hits
 */
export function replay(policy: Eviction, trace: readonly string[], options: ReplayOptions): number {
  const { capacity, entries = capacity, evicted } = options;
  policy.resize(capacity);
  const resident = new Set<string>();
  let hits = 0;
  for (const key of trace) {
    if (resident.has(key)) {
      hits++;
      policy.hit(key);
      continue;
    }
    policy.admit(key, 1, 1);
    resident.add(key);
    while (resident.size > entries) {
      const victim = policy.evict();
      if (victim === undefined || !resident.delete(victim)) {
        throw new Error(`The policy gave out ${victim ?? "nothing"}, which is not resident.`);
      }
      evicted?.(victim);
    }
  }
  return hits;
}
