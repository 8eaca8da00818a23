/**
 * Vectors in a LangChain `VectorStore`, for who runs one already. Stores share an interface and nothing else: some give similarities,
 * others distances; some take ids as they are, others only UUIDs; each has filters of its own kind. So
 *
 * - every record carries its own vector, in its metadata, and the cosine is computed from that; the store's score is not looked at;
 * - its id in the store is a UUID made of a digest of partition and id;
 * - what is found is checked once more: partition, tag, time;
 * - how the store filters is said by a dialect (`vector-store-dialects.ts`).
 *
 * Removal goes by what searches find, page after page until there is nothing more; an index that is approximate may leave a record
 * behind when it does not find it, and then neither does a search with the same filter.
 */
import type { VectorStoreInterface } from "@langchain/core/vectorstores";
import { createHash } from "node:crypto";
import { waitOrAbort, type CallOptions } from "../../core/abort.ts";
import { systemClock, type Clock } from "../../core/clock.ts";
import { StrataConfigError } from "../../core/errors.ts";
import { parseCount, refuseUnknown } from "../../core/options.ts";
import {
  acceptBatch,
  acceptDimensions,
  acceptFilter,
  acceptSearch,
  cosine,
  refuseClosed,
  type AcceptedRecord,
} from "../accepted.ts";
import type { VectorFilter, VectorIndex, VectorMatch } from "../vector-index.ts";
import { VECTOR_STORE_DIALECTS, type VectorStoreDialect, type VectorStoreDialectName } from "./vector-store-dialects.ts";

export interface VectorStoreIndexOptions {
  /** Of all vectors in the store: a store has one number of dimensions. */
  readonly dimensions: number;
  /**
   * How the store filters and removes: `"memory"` (MemoryVectorStore), `"pgvector"` (PGVectorStore of `@langchain/community`),
   * `"qdrant"`, or one of your own.
   */
  readonly dialect: VectorStoreDialectName | VectorStoreDialect;
  /** Whose time ends a vector; default the machine's. Records that expired stay in the store until they are replaced or removed. */
  readonly clock?: Clock | undefined;
}

/** What a record looks like in the store. */
interface Held {
  readonly strata_partition: string;
  readonly strata_id: string;
  readonly strata_tags: readonly string[];
  /** Unix ms; -1 = never. */
  readonly strata_expires: number;
  /** float32, little-endian, base64. */
  readonly strata_vector: string;
}

const ROWS_AT_ONCE = 200;
const IDS_AT_ONCE = 200;
/** Records that one removal, or one step of a search, asks a store for at most. */
const PAGE = 1_000;
const MOST_ASKED_FOR = 16_000;

/**
 * An index in a store, which stays the caller's. Give it a store (a table, a collection) of its own.
 * @throws {@link StrataConfigError} naming the option
 */
export function vectorStoreIndex(store: VectorStoreInterface, options: VectorStoreIndexOptions): VectorIndex {
  if (typeof store?.addVectors !== "function" || typeof store.similaritySearchVectorWithScore !== "function") {
    throw new StrataConfigError("vectorStoreIndex.store", store, "a VectorStore of LangChain");
  }
  refuseUnknown("vectorStoreIndex", options, ["dimensions", "dialect", "clock"]);
  const dimensions = parseCount("vectorStoreIndex.dimensions", options.dimensions);
  const dialect = typeof options.dialect === "string" ? VECTOR_STORE_DIALECTS[options.dialect] : options.dialect;
  if (typeof dialect?.filter !== "function") {
    throw new StrataConfigError("vectorStoreIndex.dialect", options.dialect, `${names()}, or an object with a method filter`);
  }
  return make(store, dialect, dimensions, options.clock ?? systemClock);
}

function names(): string {
  return Object.keys(VECTOR_STORE_DIALECTS)
    .map((name) => `"${name}"`)
    .join(", ");
}

function make(store: VectorStoreInterface, dialect: VectorStoreDialect, dimensions: number, clock: Clock): VectorIndex {
  const anywhere = Array.from({ length: dimensions }, (_, each) => (each === 0 ? 1 : 0));
  let closed = false;

  function open<T>({ signal }: CallOptions, work: () => Promise<T>): Promise<T> {
    refuseClosed(closed);
    signal?.throwIfAborted();
    return waitOrAbort(work(), signal);
  }

  async function ask(vector: number[], k: number, filter: VectorFilter): Promise<Held[]> {
    const found = await store.similaritySearchVectorWithScore(vector, k, dialect.filter(filter) as never);
    return found.map(([{ metadata }]) => metadata as Held);
  }

  async function removeIds(ids: string[]): Promise<void> {
    if (dialect.remove !== undefined) await dialect.remove(store, ids);
    else await store.delete({ ids });
  }

  async function add(partition: string, records: readonly AcceptedRecord[]): Promise<void> {
    for (const batch of chunks(records, ROWS_AT_ONCE)) {
      const ids = batch.map(({ id }) => storeId(partition, id));
      if (dialect.replaces !== true) await removeIds(ids);
      const documents = batch.map((record, each) => ({
        pageContent: "",
        metadata: heldOf(partition, record),
        id: ids[each] as string,
      }));
      await store.addVectors(
        batch.map(({ vector }) => [...vector]),
        documents,
        { ids },
      );
    }
  }

  async function search(partition: string, query: Float32Array, k: number, tag: string | undefined): Promise<VectorMatch[]> {
    for (let count = 2 * k + 16; ; count *= 4) {
      const found = await ask([...query], count, { partition, tag });
      const alive = found.filter((held) => matches(held, { partition, tag }) && isAlive(held, clock.now()));
      if (alive.length < k && found.length >= count && count < MOST_ASKED_FOR) continue;
      const scored = alive.map((held) => ({ id: held.strata_id, similarity: cosine(query, vectorOf(held, dimensions)) }));
      return scored.toSorted((a, b) => b.similarity - a.similarity).slice(0, k);
    }
  }

  async function remove(filter: VectorFilter): Promise<number> {
    const gone = new Set<string>();
    let removed = 0;
    for (;;) {
      const found = (await ask(anywhere, PAGE, filter)).filter((held) => matches(held, filter));
      const fresh = found.filter((held) => !gone.has(storeId(held.strata_partition, held.strata_id)));
      if (fresh.length === 0) return removed;
      const ids = fresh.map((held) => storeId(held.strata_partition, held.strata_id));
      await removeIds(ids);
      for (const id of ids) gone.add(id);
      removed += fresh.filter((held) => isAlive(held, clock.now())).length;
    }
  }

  return {
    name: "vector-store",
    async add(partition, records, callOptions = {}) {
      const accepted = acceptBatch(partition, records);
      for (const { vector } of accepted) acceptDimensions("record.vector", vector, dimensions);
      await open(callOptions, () => add(partition, accepted));
    },
    async search(partition, vector, searchOptions) {
      const { vector: query, k, tag } = acceptSearch(partition, vector, searchOptions);
      acceptDimensions("search.vector", query, dimensions);
      return open(searchOptions, () => search(partition, query, k, tag));
    },
    async remove(filter, callOptions = {}) {
      const { partition, ids, tag } = acceptFilter(filter);
      return open(callOptions, async () => {
        const batches = ids === undefined ? [undefined] : chunks(ids, IDS_AT_ONCE);
        let removed = 0;
        for (const batch of batches) removed += await remove({ partition, ids: batch, tag });
        return removed;
      });
    },
    async stats() {
      return { vectors: undefined, bytes: undefined };
    },
    async close() {
      closed = true;
    },
  };
}

function heldOf(partition: string, { id, vector, tags, expiresAt }: AcceptedRecord): Held {
  return {
    strata_partition: partition,
    strata_id: id,
    strata_tags: tags,
    strata_expires: expiresAt === Infinity ? -1 : expiresAt,
    strata_vector: Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString("base64"),
  };
}

/** Stored bytes are data: what has another length is refused, not compared. */
function vectorOf({ strata_vector: text }: Held, dimensions: number): Float32Array {
  const bytes = Buffer.from(text, "base64");
  const vector = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  acceptDimensions("stored vector", vector, dimensions);
  return vector;
}

function matches(held: Held | undefined, { partition, ids, tag }: VectorFilter): boolean {
  if (typeof held?.strata_id !== "string") return false;
  return (
    (partition === undefined || held.strata_partition === partition) &&
    (ids === undefined || ids.includes(held.strata_id)) &&
    (tag === undefined || held.strata_tags.includes(tag))
  );
}

function isAlive({ strata_expires: expires }: Held, now: number): boolean {
  return expires === -1 || expires > now;
}

/** A UUID of version 8, which is free to be made of a digest (RFC 9562, 5.8). Neither name can hold the line break. */
function storeId(partition: string, id: string): string {
  const bytes = createHash("sha256").update(`${partition}\n${id}`).digest().subarray(0, 16);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function chunks<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, each) => all.slice(each * size, (each + 1) * size));
}
