/**
 * The entries of a cache, for people who look at what is stored: listed tier by tier, read without counting a hit or moving anything,
 * and removed as the cache itself removes. For dashboards and maintenance; never on the way of a call.
 */
import type { CallOptions } from "../core/abort.ts";
import { open, type Envelope } from "../core/envelope.ts";
import { StrataConfigError } from "../core/errors.ts";
import type { Emit } from "../core/events.ts";
import type { Digest } from "../core/key.ts";
import { decompress } from "./compression.ts";
import { noCache } from "./request-cache.ts";
import type { CacheTier, TierEntry } from "./tier.ts";
import type { TieredStore } from "./tiered-store.ts";

/** One stored entry, verified and inflated. */
export interface ReadEntry {
  /** The tier that it was read from: the first that has it. */
  readonly tier: string;
  readonly envelope: Envelope;
  readonly payload: Buffer;
}

export interface CacheEntries {
  /** Names of the tiers that can be listed, in their order. */
  readonly tiers: readonly string[];
  /** All live entries of one tier, sealed; what the tier throws, this throws. */
  list(tier: string, options?: CallOptions): AsyncIterable<TierEntry>;
  /** @param scope whose it is, as `list` gave it; `undefined` when no tier has it, or it is damaged */
  read(key: Digest, scope: Digest, options?: CallOptions): Promise<ReadEntry | undefined>;
  /** Removes entries from every tier and every queue; gives how many there were. */
  remove(keys: readonly Digest[]): Promise<number>;
}

export function cacheEntries(tiers: readonly CacheTier[], store: TieredStore, emit: Emit): CacheEntries {
  // What can only be asked with the question in clear cannot be gone through.
  const listed = tiers.filter(({ needsQuestion }) => needsQuestion !== true);
  return {
    tiers: listed.map(({ name }) => name),
    list(name, options) {
      const tier = listed.find((known) => known.name === name);
      if (tier === undefined) throw new StrataConfigError("tier", name, listed.map((known) => `"${known.name}"`).join(", "));
      return tier.entries(options);
    },
    async read(key, scope, options) {
      for (const tier of listed) {
        try {
          const [entry] = await tier.get([key], options);
          if (entry === undefined) continue;
          const envelope = open(entry.value, key, scope);
          const payload = (await decompress(envelope.codec, envelope.payload, envelope.rawLength)) as Buffer;
          return { tier: tier.name, envelope, payload };
        } catch {
          // A tier that fails, or holds damage, is passed by, as it is when the cache reads it.
        }
      }
      return undefined;
    },
    async remove(keys) {
      const removed = await store.delete(keys);
      if (removed > 0) emit?.({ type: "cache.cleared", entries: removed });
      return removed;
    },
  };
}

/** Kept beside the caches and not on them: it is no part of their public interface. */
const offered = new WeakMap<object, CacheEntries>();

export function offerEntries(cache: object, entries: CacheEntries): void {
  offered.set(cache, entries);
}

/** @throws {@link StrataConfigError} for what is no cache of this copy of the package */
export function entriesOf(cache: object): CacheEntries {
  const entries = offered.get(cache);
  if (entries === undefined) throw noCache(cache);
  return entries;
}
