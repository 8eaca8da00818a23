import type { CallOptions, MaybePromise } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import type { Digest } from "../core/key.ts";
import type { DistributedFlight } from "./distributed-flight.ts";
import type { EvictionName } from "./eviction.ts";
import type { Duration } from "../core/options.ts";

/**
 * A cache tier: a place that keeps bytes by key digest until they expire. It knows nothing of prompts, models or compression;
 * the bytes are sealed envelopes (`core/envelope.ts`) that the store verifies on the way out, so a tier may lose an entry, but
 * never needs to check one.
 *
 * - Batches are the primitive; `get` answers in the order of its keys.
 * - A tier that answers from memory answers synchronously: a hit then costs no turn of the event loop.
 * - Bytes change hands: whoever is given an entry's `value`, either way, must not change it afterwards.
 * - `expiresAt` is absolute. An entry whose time has come is accepted by `set` and never given by `get` or `entries`.
 * - A tier may throw or reject; the store turns that into a miss and an event. It has its own bound on size, never on time:
 *   the deadline is the store's.
 */
export interface CacheTier {
  /** Short and unique among the tiers of one cache: `"memory"`, `"disk"`, `"redis"`. It labels statistics and events. */
  readonly name: string;
  /** How long the store waits for one call; default 50 ms. Does not apply to synchronous answers. */
  readonly deadline?: Duration | undefined;
  /**
   * When a new entry comes here: `"through"` before the write is acknowledged, `"behind"` soon after (the default),
   * `"on-demotion"` only when the tier above drops it.
   */
  readonly writes?: "through" | "behind" | "on-demotion" | undefined;
  /**
   * Where nobody waits for writes: how far apart they come, so that a stream of new entries arrives in batches. The first after
   * a pause comes at once. Default: one batch as soon as the one before is written.
   */
  readonly writeEvery?: Duration | undefined;
  /** Whether it tells the host what it evicts, so that a tier below that is written on demotion gets it. Default `false`. */
  readonly reportsEvictions?: boolean | undefined;
  /** Whether what it holds ends with the process, so that there is nothing at rest to encrypt. Default `false`. */
  readonly isVolatile?: boolean | undefined;
  /** How hard the store compresses what it puts here; default `"none"`. */
  readonly compression?: "none" | "fast" | "best" | undefined;
  /** Called once, before anything else, by the store that the tier was given to. */
  attach?(host: TierHost): void;
  /** Whether `get` is given the question in clear beside its key; only for a tier that cannot be asked by key. Default `false`. */
  readonly needsQuestion?: boolean | undefined;
  /**
   * Where it keeps its data, when that is a folder of this machine: what belongs to the cache and is no entry, such as vectors, is
   * kept in a folder of its own within.
   */
  readonly folder?: string | undefined;
  /** How the processes that share this tier wait for each other; there once the tier is attached. */
  readonly flight?: DistributedFlight | undefined;
  /** The entries that are there and alive, `undefined` for each of the others, in the order of the keys. */
  get(keys: readonly Digest[], options?: TierReadOptions): MaybePromise<ReadonlyArray<TierEntry | undefined>>;
  /** Stores entries, replacing those with the same keys; resolves when they are as durable as this tier makes them. */
  set(entries: readonly TierEntry[], options?: CallOptions): MaybePromise<void>;
  /** Removes entries; gives how many were there. */
  delete(keys: readonly Digest[], options?: CallOptions): MaybePromise<number>;
  /** Removes every entry, or those that match all parts of the filter; gives how many. */
  clear(filter?: TierFilter, options?: CallOptions): MaybePromise<number>;
  /** All live entries, in an order of the tier's own. What is set or removed meanwhile may or may not be seen. */
  entries(options?: CallOptions): AsyncIterable<TierEntry>;
  /**
   * How many entries still take room though their time has come; with `remove`, removes as many of them at most, and gives how many.
   * Left out by a tier whose engine does it by itself.
   */
  expired?(options?: CallOptions & { readonly remove?: number | undefined }): MaybePromise<number>;
  /**
   * About what an entry takes of `maxBytes`, by the bytes of its value and of what that decodes to; default: the bytes of the value. Auto-tuning
   * counts with it.
   */
  charge?(valueBytes: number, decodedBytes: number): number;
  /** The limits that `configure` can change; default none. */
  readonly configurable?: readonly (keyof TierLimits)[] | undefined;
  /** Changes limits while running; only those that are named in `configurable` are given. */
  configure?(limits: TierLimits): void;
  stats(): TierSize;
  /** Resolves when everything that was set is durable and everything that the tier opened is closed. May be called twice. */
  close(): MaybePromise<void>;
}

export interface TierEntry {
  readonly key: Digest;
  /** A sealed envelope. */
  readonly value: Uint8Array;
  /** Unix ms; `undefined` = never. */
  readonly expiresAt?: number | undefined;
  /** Whose it is, for clearing by scope. */
  readonly scope?: Digest | undefined;
  /** For clearing by tag. */
  readonly tags?: readonly string[] | undefined;
  /** Milliseconds that a hit saves, for policies that weigh it. */
  readonly cost?: number | undefined;
  /** How often it was asked for while it was here; given with what is evicted, and by `entries` where it is known. */
  readonly hits?: number | undefined;
  /** Unix ms: when it was last asked for, or stored; given by `entries` where it is known. */
  readonly usedAt?: number | undefined;
  /**
   * The store's own note of what the bytes decode to. A tier that keeps entries by reference keeps it with them, so that a
   * value is parsed once; every other tier leaves it out.
   */
  decoded?: unknown;
  /** About how many bytes `decoded` takes, for tiers that count it. */
  readonly decodedBytes?: number | undefined;
}

export interface TierReadOptions extends CallOptions {
  /** For tiers that need it. */
  readonly question?: Question | undefined;
  /**
   * For a tier with a flight, where one key is asked for: whoever asks enters the flight next if the entry is not there, for so
   * many ms. The tier may take the lead in the same step, and tell of it when it is entered.
   */
  readonly leadMs?: number | undefined;
}

/** What LangChain asks a cache with. */
export interface Question {
  readonly prompt: string;
  readonly llmKey: string;
  readonly scope: Digest;
}

export interface TierFilter {
  readonly scope?: Digest | undefined;
  readonly tag?: string | undefined;
}

export interface TierLimits {
  readonly maxBytes?: number | undefined;
  readonly maxEntries?: number | undefined;
  readonly eviction?: EvictionName | undefined;
}

/** What a tier holds. `undefined` where the engine cannot tell without a scan. */
export interface TierSize {
  readonly entries: number | undefined;
  readonly bytes: number | undefined;
  readonly evicted: number;
  readonly maxBytes?: number | undefined;
  /** Where the tier has such a bound. */
  readonly maxEntries?: number | undefined;
  /** Where it can be chosen. */
  readonly eviction?: EvictionName | undefined;
}

/** What the store gives to its tiers. */
export interface TierHost {
  readonly clock: Clock;
  readonly random: () => number;
  /** What one scope may take of a full tier, bytes; `undefined` = no bound. A tier that cannot keep it ignores it. */
  readonly quotaBytes?: number | undefined;
  /** Entries that the tier dropped to stay within its limits, so that a lower tier may take them. */
  evicted(entries: readonly TierEntry[]): void;
  /** A fault in the tier's own background work, such as a failed commit. */
  fault(operation: "get" | "set" | "delete" | "clear", error: unknown): void;
  /** The engine can be reached again: the next call may be tried at once, whatever failed before. */
  recovered?(): void;
  /** Another process changed this tier: what the tiers above it hold of that is out of date. */
  changed?(change: TierChange): void;
}

/** What another process changed in a tier that processes share. */
export type TierChange =
  | { readonly kind: "keys"; readonly keys: readonly Digest[] }
  /** What matched was removed; everything, if neither is given. The tag is a digest (`tagDigest`): no text of a user leaves a process. */
  | { readonly kind: "cleared"; readonly scope?: Digest | undefined; readonly tag?: Digest | undefined }
  /** Something was missed; anything may be out of date. */
  | { readonly kind: "unknown" };
