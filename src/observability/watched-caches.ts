/** What is there now, which no event tells: sizes and queues, asked of the caches themselves. */
import type { LevelStats } from "../cache/level.ts";

/** What can be watched for what is there now: a `TieredCache`, or anything with such statistics. */
export interface WatchedCache {
  stats(): { readonly tiers: readonly LevelStats[] };
}

/** Tiers of one name, added up; `null` where no engine can tell. */
export interface WatchedTier {
  readonly state: "on" | "off";
  readonly misses: number;
  readonly entries: number | null;
  readonly bytes: number | null;
  readonly maxBytes: number | null;
  readonly queued: number;
  readonly evicted: number;
}

/** Tiers told apart. */
const MAX_TIERS = 32;

export class WatchedCaches {
  readonly #caches = new Set<WatchedCache>();
  readonly #onError: (error: unknown) => void;
  #tiers: ReadonlyMap<string, WatchedTier> = new Map();

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  add(cache: WatchedCache): () => void {
    this.#caches.add(cache);
    return () => void this.#caches.delete(cache);
  }

  /** As of the last `look()`, in the order in which they are asked. */
  get tiers(): ReadonlyMap<string, WatchedTier> {
    return this.#tiers;
  }

  get queued(): number {
    let queued = 0;
    for (const tier of this.#tiers.values()) queued += tier.queued;
    return queued;
  }

  look(): void {
    const tiers = new Map<string, WatchedTier>();
    for (const cache of this.#caches) {
      try {
        for (const level of cache.stats().tiers) {
          const known = tiers.get(level.name);
          if (known !== undefined || tiers.size < MAX_TIERS) tiers.set(level.name, sum(known, level));
        }
      } catch (error) {
        this.#onError(error);
      }
    }
    this.#tiers = tiers;
  }
}

function sum(known: WatchedTier | undefined, level: LevelStats): WatchedTier {
  return {
    state: known?.state === "off" ? "off" : level.state,
    misses: (known?.misses ?? 0) + level.misses,
    entries: plus(known?.entries, level.entries),
    bytes: plus(known?.bytes, level.bytes),
    maxBytes: plus(known?.maxBytes, level.maxBytes),
    queued: (known?.queued ?? 0) + level.queued,
    evicted: (known?.evicted ?? 0) + level.evicted,
  };
}

function plus(known: number | null | undefined, more: number | undefined): number | null {
  return more === undefined ? (known ?? null) : (known ?? 0) + more;
}
