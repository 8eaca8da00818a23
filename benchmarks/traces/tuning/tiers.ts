/** The tiers of the runs: entries of one size, so that room is a number of entries. */
import type { EvictionName } from "../../../src/cache/eviction.ts";
import type { CacheTier } from "../../../src/cache/tier.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { TieredCache } from "../../../src/cache/tiered-cache.ts";
import { VALUE } from "./replay.ts";

/** What one entry takes of a memory tier, read from a cache that holds one. */
export async function entryBytes(value: string = VALUE): Promise<number> {
  const tier = memoryTier();
  const cache = new TieredCache({ tiers: [tier] });
  await cache.set("1", value);
  const { bytes = 0 } = tier.stats();
  await cache.close();
  return bytes;
}

/**
 * A tier below the memory, with the eviction of the disk tier, least recently used, and its writes behind; without its file, which would
 * only make the runs slower.
 */
export function lowerTier(maxBytes: number): CacheTier {
  return { ...memoryTier({ maxBytes, eviction: "lru" }), name: "disk", writes: "behind", configurable: ["maxBytes"] };
}

export function upperTier(maxBytes: number, eviction: EvictionName = "adaptive"): CacheTier {
  return memoryTier({ maxBytes, eviction });
}
