/** What every index accepts. One place, so that no index lets through what another refuses, or what would mean something to an engine. */
import { StrataConfigError, StrataError } from "../core/errors.ts";
import { parseCount } from "../core/options.ts";
import type { VectorFilter, VectorRecord, VectorSearch } from "./vector-index.ts";

const NAME = /^[A-Za-z0-9_-]{1,128}$/;
const NAME_FORM = "1 to 128 characters of A-Z a-z 0-9 _ -";
const MAX_TAGS = 8;
const MAX_K = 1_000;
/** As many as pgvector takes. */
const MAX_DIMENSIONS = 16_000;

/** A record that was checked, with its vector at length 1 in an array of its own. */
export interface AcceptedRecord {
  readonly id: string;
  readonly vector: Float32Array;
  readonly tags: readonly string[];
  /** Unix ms; `Infinity` = never. */
  readonly expiresAt: number;
}

/** @throws {@link StrataConfigError} for anything but an id as the seam describes it */
export function acceptName(option: string, name: unknown): string {
  if (typeof name !== "string" || !NAME.test(name)) throw new StrataConfigError(option, name, NAME_FORM);
  return name;
}

/**
 * Checks a whole batch before any of it is added. Of records with the same id the last one counts.
 * @throws {@link StrataConfigError} naming what is wrong
 */
export function acceptBatch(partition: string, records: readonly VectorRecord[]): AcceptedRecord[] {
  acceptName("partition", partition);
  const accepted = new Map<string, AcceptedRecord>();
  let dimensions: number | undefined;
  for (const { id, vector, tags = [], expiresAt } of records) {
    acceptName("record.id", id);
    if (!Array.isArray(tags) || tags.length > MAX_TAGS) {
      throw new StrataConfigError("record.tags", tags, `at most ${MAX_TAGS} tags`);
    }
    for (const tag of tags) acceptName("record.tags", tag);
    if (expiresAt !== undefined && !Number.isFinite(expiresAt)) {
      throw new StrataConfigError("record.expiresAt", expiresAt, "Unix milliseconds");
    }
    const normal = acceptVector("record.vector", vector);
    dimensions ??= normal.length;
    acceptDimensions("record.vector", normal, dimensions);
    accepted.set(id, { id, vector: normal, tags: [...new Set(tags)], expiresAt: expiresAt ?? Infinity });
  }
  return [...accepted.values()];
}

/** @returns the vector at length 1, a copy @throws {@link StrataConfigError} when it is not finite, or all zero */
export function acceptVector(option: string, vector: unknown): Float32Array {
  if (!(vector instanceof Float32Array) || vector.length === 0 || vector.length > MAX_DIMENSIONS) {
    throw new StrataConfigError(option, vector, `a Float32Array of 1 to ${MAX_DIMENSIONS} numbers`);
  }
  // In double precision, where the squares of no float32 overflow or vanish.
  let squares = 0;
  for (const x of vector) squares += x * x;
  if (!(squares > 0 && squares < Infinity)) {
    throw new StrataConfigError(option, vector, "finite numbers that are not all zero");
  }
  const scale = 1 / Math.sqrt(squares);
  return vector.map((x) => x * scale);
}

/** @throws {@link StrataConfigError} when they differ */
export function acceptDimensions(option: string, vector: Float32Array, dimensions: number): void {
  if (vector.length !== dimensions) {
    throw new StrataConfigError(option, vector.length, `${dimensions} dimensions, as the partition's other vectors have`);
  }
}

/** A search that was checked. */
export interface AcceptedSearch {
  readonly vector: Float32Array;
  readonly k: number;
  readonly tag: string | undefined;
}

/** @throws {@link StrataConfigError}, or the signal's reason when it has aborted */
export function acceptSearch(partition: string, vector: Float32Array, options: VectorSearch): AcceptedSearch {
  options.signal?.throwIfAborted();
  acceptName("partition", partition);
  const k = parseCount("search.k", options.k);
  if (k > MAX_K) throw new StrataConfigError("search.k", k, `at most ${MAX_K}`);
  const tag = options.tag === undefined ? undefined : acceptName("search.tag", options.tag);
  return { vector: acceptVector("search.vector", vector), k, tag };
}

/** @throws {@link StrataConfigError} for a name that is not allowed, and for a filter without any part: that would be everything */
export function acceptFilter({ partition, ids, tag }: VectorFilter): VectorFilter {
  if (partition === undefined && ids === undefined && tag === undefined) {
    throw new StrataConfigError("filter", "empty", "at least one of partition, ids, tag");
  }
  if (partition !== undefined) acceptName("filter.partition", partition);
  if (tag !== undefined) acceptName("filter.tag", tag);
  for (const id of ids ?? []) acceptName("filter.ids", id);
  return { partition, ids: ids === undefined ? undefined : [...new Set(ids)], tag };
}

/** The cosine of two vectors of length 1; rounding may not carry it out of -1 to 1. */
export function cosine(a: Float32Array, b: Float32Array): number {
  let dot = 0;
  for (let index = 0; index < a.length; index++) dot += (a[index] as number) * (b[index] as number);
  return Math.max(-1, Math.min(1, dot));
}

/** @throws {@link StrataError} `CLOSED` */
export function refuseClosed(closed: boolean): void {
  if (closed) throw new StrataError("CLOSED", "The vector index is closed.");
}
