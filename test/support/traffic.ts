/** Requests for tests of auto-tuning, and how they reach a cache. */
import { manualClock, TieredCache, type ManualClock, type StrataEvent, type TieredCacheOptions } from "../../src/index.ts";
import { seededRandom } from "./seeded-random.ts";

/** Numbers 0 to `keys - 1`, the r-th as often as 1 / (r + 1)^skew says. */
export function zipf(keys: number, skew: number, count: number, seed: number): number[] {
  const random = seededRandom(seed);
  const sums: number[] = [];
  let sum = 0;
  for (let rank = 0; rank < keys; rank++) sums.push((sum += (rank + 1) ** -skew));
  return Array.from({ length: count }, () => {
    const drawn = random() * sum;
    let [low, high] = [0, keys - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) < drawn) low = middle + 1;
      else high = middle;
    }
    return low;
  });
}

/** The same in the same order, again and again. */
export function looped(keys: number, count: number, from = 1_000_000): number[] {
  return Array.from({ length: count }, (_, at) => from + (at % keys));
}

export interface TrafficBed {
  readonly cache: TieredCache;
  readonly clock: ManualClock;
  readonly events: StrataEvent[];
  /** Asks, stores what is missed, and moves the clock by 30 ms with each request. @returns the share of hits */
  readonly ask: (ids: readonly number[]) => Promise<number>;
}

const VALUE = "an answer ".repeat(20);
/** What an entry of {@link VALUE} takes of a memory tier. */
export const ENTRY_BYTES = 1_312;

export function trafficBed(options: TieredCacheOptions): TrafficBed {
  const clock = manualClock();
  const events: StrataEvent[] = [];
  const cache = new TieredCache({ clock, random: seededRandom(1), observer: (event) => events.push(event), ...options });
  return {
    ...{ cache, clock, events },
    ask: async (ids) => {
      let hits = 0;
      for (const [at, id] of ids.entries()) {
        const key = String(id);
        if ((await cache.get(key)) === undefined) await cache.set(key, VALUE);
        else hits++;
        if (at % 100 === 99) await clock.advance(3_000);
      }
      return hits / ids.length;
    },
  };
}
