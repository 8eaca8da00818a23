/**
 * A vector index: the nearest vectors, by cosine, among those of one partition. It knows nothing of prompts, messages or embedding
 * models; identifiers, partitions and tags are digests or ULIDs, so that no text of a user becomes part of a query.
 *
 * - A partition is what may be searched together: one scope, one embedding model, one number of dimensions. Vectors of two
 *   partitions never meet; what must not be compared lies in different partitions.
 * - `add` replaces what has the same id in the partition.
 * - Similarity is the cosine, -1 to 1, computed by this library where the engine's own figure is another or is rounded.
 * - An index may forget and may be approximate (each implementation says so); it must never give a vector of another partition,
 *   a removed one, or one whose time has come.
 * - An index may throw or reject; its user turns that into a miss and an event.
 */
import type { CallOptions } from "../core/abort.ts";

export interface VectorRecord {
  /** 1 to 128 characters of `A-Z a-z 0-9 _ -`. */
  readonly id: string;
  /** 1 to 16,000 finite numbers, not all zero; normalised by the index, so any length will do. */
  readonly vector: Float32Array;
  /** What it can be removed or filtered by, in the characters of an id; at most 8. */
  readonly tags?: readonly string[] | undefined;
  /** Unix ms; `undefined` = never. */
  readonly expiresAt?: number | undefined;
}

export interface VectorMatch {
  readonly id: string;
  /** Cosine, -1 to 1. */
  readonly similarity: number;
}

export interface VectorSearch extends CallOptions {
  /** How many at most; 1 to 1,000. */
  readonly k: number;
  /** Only records that have this tag. */
  readonly tag?: string | undefined;
}

/** What to remove: records that match every part that is given; at least one is. */
export interface VectorFilter {
  readonly partition?: string | undefined;
  readonly ids?: readonly string[] | undefined;
  readonly tag?: string | undefined;
}

export interface VectorIndexStats {
  /** `undefined` where the engine cannot tell without a scan. */
  readonly vectors: number | undefined;
  readonly bytes: number | undefined;
}

export interface VectorIndex {
  /** Labels statistics and events: `"flat"`, `"pgvector"`. */
  readonly name: string;
  /**
   * Adds records, or replaces those with the same ids.
   * @throws {@link StrataConfigError} for an id, a partition or a tag that is not allowed, a vector that is not finite or is all
   * zero, or one whose dimensions differ from the partition's; nothing of the batch is added then
   */
  add(partition: string, records: readonly VectorRecord[], options?: CallOptions): Promise<void>;
  /**
   * The nearest records, nearest first; ties in any order. An unknown or empty partition has none, and no number of dimensions.
   * @throws {@link StrataConfigError} for a name, a `k` or a vector that is not allowed, or other dimensions than the partition's
   */
  search(partition: string, vector: Float32Array, options: VectorSearch): Promise<readonly VectorMatch[]>;
  /** Removes what matches; gives how many. @throws {@link StrataConfigError} for a name that is not allowed, and for an empty filter */
  remove(filter: VectorFilter, options?: CallOptions): Promise<number>;
  stats(): Promise<VectorIndexStats>;
  /** Resolves when everything that was added is as durable as this index makes it. May be called twice. */
  close(): Promise<void>;
}
