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
import type { Eviction, EvictionName } from "../eviction.ts";
import { createEviction, EVICTION_NAMES } from "../evictions/create-eviction.ts";
import type { CacheTier, TierEntry, TierFilter, TierHost } from "../tier.ts";

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

/** Map slot, entry object, policy node: measured at about 500 bytes an entry on Node 20. */
const OVERHEAD = 512;

/** Entries looked at for expiry with each one that is set; the hand comes round once for every 1/4 of the entries set. */
const SWEEP = 4;

interface Slot {
  readonly entry: TierEntry;
  readonly charge: number;
  /** On the monotonic clock; `Infinity` = never. */
  readonly deadline: number;
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
  let policy: Eviction = createEviction(parseChoice("memoryTier.eviction", options.eviction ?? "adaptive", EVICTION_NAMES));
  policy.resize(maxBytes);

  const slots = new Map<Digest, Slot>();
  let hand = slots.entries();
  let clock: Clock = systemClock;
  let host: TierHost | undefined;
  let bytes = 0;
  let evictedCount = 0;
  let closed = false;

  function refuseWhenClosed(): void {
    if (closed) throw new StrataError("CLOSED", "The memory tier is closed.");
  }

  function drop(key: Digest, slot: Slot): void {
    slots.delete(key);
    bytes -= slot.charge;
  }

  function isOver(slot: Slot): boolean {
    return slot.deadline !== Infinity && slot.deadline <= clock.monotonic();
  }

  function find(key: Digest): TierEntry | undefined {
    const slot = slots.get(key);
    if (slot === undefined) return undefined;
    if (isOver(slot)) {
      drop(key, slot);
      policy.remove(key);
      return undefined;
    }
    policy.hit(key);
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
      policy.remove(key);
    }
  }

  /** @param gone what has to go already */
  function shrink(gone: TierEntry[]): void {
    while (bytes > maxBytes || slots.size > maxEntries) {
      const key = policy.evict();
      if (key === undefined) break;
      const slot = slots.get(key);
      if (slot === undefined) continue;
      drop(key, slot);
      if (!isOver(slot)) gone.push(slot.entry);
    }
    evictedCount += gone.length;
    if (gone.length > 0) host?.evicted(gone);
  }

  /** Whether it was taken; an entry that is larger than the tier is not, since all others would go for nothing. */
  function store(entry: TierEntry): boolean {
    const life = Math.min(ttl, entry.expiresAt === undefined ? Infinity : entry.expiresAt - clock.now());
    const before = slots.get(entry.key);
    const charge = entry.value.byteLength + (entry.decodedBytes ?? entry.value.byteLength) + OVERHEAD;
    if (life <= 0 || charge > maxBytes) {
      if (before !== undefined) drop(entry.key, before);
      policy.remove(entry.key);
      return life <= 0;
    }
    // A replaced entry keeps its place in the map, so that an iteration during which all are replaced comes to an end.
    slots.set(entry.key, { entry, charge, deadline: life === Infinity ? Infinity : clock.monotonic() + life });
    bytes += charge - (before?.charge ?? 0);
    policy.admit(entry.key, charge, entry.cost ?? 1);
    return true;
  }

  return {
    name: "memory",
    writes: "through",
    attach(given) {
      host = given;
      clock = given.clock;
    },
    get(keys) {
      refuseWhenClosed();
      return keys.map(find);
    },
    set(entries) {
      refuseWhenClosed();
      const tooLarge: TierEntry[] = [];
      for (const entry of entries) {
        if (!store(entry)) tooLarge.push(entry);
        sweep();
      }
      shrink(tooLarge);
    },
    delete(keys) {
      refuseWhenClosed();
      let removed = 0;
      for (const key of keys) {
        const slot = slots.get(key);
        if (slot === undefined) continue;
        drop(key, slot);
        policy.remove(key);
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
        policy.remove(key);
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
    configure(limits) {
      if (limits.maxBytes !== undefined) maxBytes = limits.maxBytes;
      if (limits.maxEntries !== undefined) maxEntries = limits.maxEntries;
      policy.resize(maxBytes);
      shrink([]);
    },
    stats: () => ({ entries: slots.size, bytes, evicted: evictedCount, maxBytes }),
    close() {
      closed = true;
      slots.clear();
      policy.clear();
      bytes = 0;
    },
  };
}

function matches(entry: TierEntry, filter: TierFilter): boolean {
  if (filter.scope !== undefined && entry.scope !== filter.scope) return false;
  return filter.tag === undefined || (entry.tags?.includes(filter.tag) ?? false);
}
