import type { Digest } from "../../core/key.ts";
import type { TierEntry, TierFilter } from "../tier.ts";

/** Where an archive keeps its entries. What it is given lives longer than `now`; tags are digests. Times are Unix ms. */
export interface ArchiveShelf {
  /** Those of the entries that are there and alive, in any order. */
  get(keys: readonly Digest[], now: number): Promise<readonly TierEntry[]>;
  put(entries: readonly TierEntry[], now: number): Promise<void>;
  /** Removes entries; gives how many of them were alive. */
  delete(keys: readonly Digest[], now: number): Promise<number>;
  /** Removes what matches, a bounded number at a time; gives how many of it was alive. */
  clear(filter: TierFilter, now: number, signal: AbortSignal | undefined): Promise<number>;
  /** All live entries. */
  list(now: () => number, signal: AbortSignal | undefined): AsyncIterable<TierEntry>;
  /** Removes some of what has expired: one bounded step. */
  sweep(now: number): Promise<void>;
  /** How many have expired and are still there; removes up to `remove` of them. */
  expired(now: number, remove: number | undefined, signal: AbortSignal | undefined): Promise<number>;
  /** Notes that entries were used. */
  used?(keys: readonly Digest[], now: number): Promise<void>;
}
