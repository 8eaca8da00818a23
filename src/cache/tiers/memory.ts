/**
 * The memory tier: entries by reference, answered synchronously. Which entry goes next is the eviction policy's decision; this
 * file keeps the entries, their bytes and their lives.
 *
 * Lives are timed on the monotonic clock from the moment an entry arrives, so that a step of the wall clock neither empties the
 * tier nor keeps an entry beyond its time.
 */
import { systemClock, type Clock } from "../../core/clock.ts";
import { StrataError } from "../../core/errors.ts";
import type { Digest } from "../../core/key.ts";
import {
  parseByteSize,
  parseChoice,
  parseCount,
  parseDuration,
  refuseUnknown,
  type ByteSize,
  type Duration,
} from "../../core/options.ts";
import { HITS_HANDED_OVER, type EvictionName } from "../eviction.ts";
import { EVICTION_NAMES } from "../evictions/create-eviction.ts";
import type { CacheTier, TierEntry, TierFilter, TierHost } from "../tier.ts";
import { Shelves, type Shelf } from "./shelves.ts";

export interface MemoryTierOptions {
  /** Bound on what the entries take, decoded forms and bookkeeping included; default 64 MiB. */
  readonly maxBytes?: ByteSize | undefined;
  /** Bound on the number of entries; default none. */
  readonly maxEntries?: number | undefined;
  /** Longest life of an entry in this tier; default: as long as the entry itself lives. */
  readonly ttl?: Duration | undefined;
  /** What goes first when the tier is full; default `"adaptive"`. */
  readonly eviction?: EvictionName | undefined;
}

/** Map slot, entry object, and the adaptive policy with its shadows: measured at 805 bytes an entry on Node 20 (lru: 436). */
const OVERHEAD = 832;

/** Entries looked at for expiry with each one that is set; the hand comes round once for every 1/4 of the entries set. */
const SWEEP = 4;

interface Slot {
  readonly entry: TierEntry;
  shelf: Shelf;
  readonly charge: number;
  /** On the monotonic clock; `Infinity` = never. */
  readonly deadline: number;
  hits: number;
}

/**
 * Keeps entries in this process.
 * @throws {@link StrataConfigError} naming the option
 */
export function memoryTier(options: MemoryTierOptions = {}): CacheTier {
  refuseUnknown("memoryTier", options, ["maxBytes", "maxEntries", "ttl", "eviction"]);
  let maxBytes = parseByteSize("memoryTier.maxBytes", options.maxBytes ?? "64mb");
  let maxEntries = options.maxEntries === undefined ? Infinity : parseCount("memoryTier.maxEntries", options.maxEntries);
  const ttl = options.ttl === undefined ? Infinity : parseDuration("memoryTier.ttl", options.ttl);
  let eviction = parseChoice("memoryTier.eviction", options.eviction ?? "adaptive", EVICTION_NAMES);

  const slots = new Map<Digest, Slot>();
  let hand = slots.entries();
  let clock: Clock = systemClock;
  let host: TierHost | undefined;
  let quotaBytes = Infinity;
  let shelves = new Shelves(eviction, maxBytes, Infinity, Math.random);
  let bytes = 0;
  let evictedCount = 0;
  let closed = false;

  function refuseWhenClosed(): void {
    if (closed) throw new StrataError("CLOSED", "The memory tier is closed.");
  }

  function drop(key: Digest, slot: Slot): void {
    slots.delete(key);
    bytes -= slot.charge;
    shelves.remove(key, slot.shelf);
  }

  function isOver(slot: Slot): boolean {
    return slot.deadline !== Infinity && slot.deadline <= clock.monotonic();
  }

  function find(key: Digest): TierEntry | undefined {
    const slot = slots.get(key);
    if (slot === undefined) return undefined;
    if (isOver(slot)) {
      drop(key, slot);
      return undefined;
    }
    slot.hits++;
    slot.shelf.policy.hit(key);
    return slot.entry;
  }

  function sweep(): void {
    for (let looked = 0; looked < SWEEP; looked++) {
      const next = hand.next();
      if (next.done === true) {
        hand = slots.entries();
        return;
      }
      const [key, slot] = next.value;
      if (!isOver(slot)) continue;
      drop(key, slot);
    }
  }

  /** Drops what a policy chose. */
  function evict(key: Digest, gone: TierEntry[]): void {
    const slot = slots.get(key);
    if (slot === undefined) return;
    drop(key, slot);
    if (!isOver(slot)) gone.push({ ...slot.entry, hits: slot.hits });
  }

  /** @param gone what has to go already */
  function shrink(gone: TierEntry[]): void {
    while (bytes > maxBytes || slots.size > maxEntries) {
      const key = shelves.evict();
      if (key === undefined) break;
      evict(key, gone);
    }
    evictedCount += gone.length;
    if (gone.length > 0) host?.evicted(gone);
  }

  /** Entries that had to go, itself among them when it is larger than the tier: all others would go for nothing. */
  function store(entry: TierEntry): TierEntry[] {
    const life = Math.min(ttl, entry.expiresAt === undefined ? Infinity : entry.expiresAt - clock.now());
    const before = slots.get(entry.key);
    const charge = chargeOf(entry.value.byteLength, entry.decodedBytes ?? entry.value.byteLength);
    if (life <= 0 || charge > Math.min(maxBytes, quotaBytes)) {
      if (before !== undefined) drop(entry.key, before);
      return life <= 0 ? [] : [entry];
    }
    if (before !== undefined && before.entry.scope !== entry.scope) shelves.remove(entry.key, before.shelf);
    const shelf = shelves.admit(entry, charge);
    // A replaced entry keeps its place in the map, so that an iteration during which all are replaced comes to an end.
    slots.set(entry.key, {
      entry,
      shelf,
      charge,
      deadline: life === Infinity ? Infinity : clock.monotonic() + life,
      hits: before?.hits ?? 0,
    });
    bytes += charge - (before?.charge ?? 0);
    const gone: TierEntry[] = [];
    for (let key = shelves.evictOver(shelf); key !== undefined; key = shelves.evictOver(shelf)) evict(key, gone);
    return gone;
  }

  return {
    name: "memory",
    isVolatile: true,
    writes: "through",
    reportsEvictions: true,
    attach(given) {
      host = given;
      clock = given.clock;
      quotaBytes = given.quotaBytes ?? Infinity;
      shelves = new Shelves(eviction, maxBytes, quotaBytes, given.random);
    },
    get(keys) {
      refuseWhenClosed();
      return keys.map(find);
    },
    set(entries) {
      refuseWhenClosed();
      const gone: TierEntry[] = [];
      for (const entry of entries) {
        gone.push(...store(entry));
        sweep();
      }
      shrink(gone);
    },
    delete(keys) {
      refuseWhenClosed();
      let removed = 0;
      for (const key of keys) {
        const slot = slots.get(key);
        if (slot === undefined) continue;
        drop(key, slot);
        if (!isOver(slot)) removed++;
      }
      return removed;
    },
    clear(filter) {
      refuseWhenClosed();
      let removed = 0;
      for (const [key, slot] of slots) {
        if (filter !== undefined && !matches(slot.entry, filter)) continue;
        drop(key, slot);
        if (!isOver(slot)) removed++;
      }
      return removed;
    },
    async *entries(callOptions) {
      refuseWhenClosed();
      for (const slot of slots.values()) {
        callOptions?.signal?.throwIfAborted();
        if (!isOver(slot)) yield slot.entry;
      }
    },
    expired({ remove } = {}) {
      refuseWhenClosed();
      let count = 0;
      for (const [key, slot] of slots) {
        if (count >= (remove ?? Infinity)) break;
        if (!isOver(slot)) continue;
        count++;
        if (remove !== undefined) drop(key, slot);
      }
      return count;
    },
    charge: chargeOf,
    configurable: ["maxBytes", "maxEntries", "eviction"],
    configure(limits) {
      maxBytes = limits.maxBytes ?? maxBytes;
      maxEntries = limits.maxEntries ?? maxEntries;
      shelves.resize(maxBytes);
      if (limits.eviction !== undefined) {
        eviction = limits.eviction;
        for (const key of shelves.reset(eviction)) {
          const slot = slots.get(key);
          if (slot === undefined) continue;
          slot.shelf = shelves.admit(slot.entry, slot.charge);
          for (let use = 0; use < Math.min(slot.hits, HITS_HANDED_OVER); use++) slot.shelf.policy.hit(key);
        }
      }
      shrink([]);
    },
    stats: () => ({
      ...{ entries: slots.size, bytes, evicted: evictedCount, maxBytes, eviction },
      maxEntries: maxEntries === Infinity ? undefined : maxEntries,
    }),
    close() {
      closed = true;
      slots.clear();
      shelves.clear();
      bytes = 0;
    },
  };
}

function chargeOf(valueBytes: number, decodedBytes: number): number {
  return valueBytes + decodedBytes + OVERHEAD;
}

function matches(entry: TierEntry, filter: TierFilter): boolean {
  if (filter.scope !== undefined && entry.scope !== filter.scope) return false;
  return filter.tag === undefined || (entry.tags?.includes(filter.tag) ?? false);
}
