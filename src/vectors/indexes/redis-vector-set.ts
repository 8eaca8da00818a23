/**
 * Vectors in the vector sets of Redis 8 (`VADD`, `VSIM`), one set for each partition. Every record is written, found and removed by a
 * script, so that a vector, its tags and its time never part; see `redis-vector-scripts.ts`.
 *
 * | key | type | holds |
 * | --- | --- | --- |
 * | `prefix:{partition}:v` | vector set | the vectors, 32 bits a number |
 * | `prefix:{partition}:m` | hash | times and tags by id |
 * | `prefix:{partition}:x` | sorted set | ids by expiry |
 * | `prefix:partitions` | set | the names of all partitions that ever were, for removal where none is named |
 */
import { connectRedis, type RedisScript, type RedisSource } from "../../clients/redis.ts";
import { waitOrAbort, type CallOptions } from "../../core/abort.ts";
import { systemClock, type Clock } from "../../core/clock.ts";
import { StrataConfigError, StrataError } from "../../core/errors.ts";
import { parseCount, refuseUnknown } from "../../core/options.ts";
import { acceptBatch, acceptDimensions, acceptFilter, acceptSearch, refuseClosed, type AcceptedRecord } from "../accepted.ts";
import type { VectorIndex } from "../vector-index.ts";
import { ADD, REMOVE, SEARCH } from "./redis-vector-scripts.ts";

export interface RedisVectorSetIndexOptions {
  /** An ioredis client, whose configuration is taken and which stays the caller's, or a URL. Redis 8.0 or later; also a cluster. */
  readonly client: RedisSource | string;
  /** What the names of all keys begin with; default `"strata:vectors"`. */
  readonly prefix?: string | undefined;
  /**
   * Partitions of up to so many vectors are searched exactly, which holds Redis up for about 1 ms per 1,000 vectors of 384 dimensions;
   * larger ones by the set's HNSW graph. Default 5,000.
   */
  readonly exactUpTo?: number | undefined;
  /** How many candidates the graph is searched for, above which; more find more and take longer. Default 200. */
  readonly effort?: number | undefined;
  /** Whose time ends a vector; default the machine's. */
  readonly clock?: Clock | undefined;
}

/** No braces: they decide the hash slot. */
const PREFIX = /^[A-Za-z0-9:._-]{1,100}$/;
const EXACT_UP_TO = 5_000;
const EFFORT = 200;
/** In one call of a script, which nothing else in Redis runs beside. */
const RECORDS_AT_ONCE = 100;
const IDS_AT_ONCE = 1_000;

/**
 * An index in Redis.
 * @throws {@link StrataConfigError} naming the option; calls reject with `UNAVAILABLE` when the server has no vector sets
 */
export function redisVectorSetIndex(options: RedisVectorSetIndexOptions): VectorIndex {
  refuseUnknown("redisVectorSetIndex", options, ["client", "prefix", "exactUpTo", "effort", "clock"]);
  const { prefix = "strata:vectors", clock = systemClock } = options;
  if (typeof prefix !== "string" || !PREFIX.test(prefix)) {
    throw new StrataConfigError("redisVectorSetIndex.prefix", prefix, "1 to 100 characters of A-Z a-z 0-9 : . _ -");
  }
  const exactUpTo = parseCount("redisVectorSetIndex.exactUpTo", options.exactUpTo ?? EXACT_UP_TO, 0);
  const effort = parseCount("redisVectorSetIndex.effort", options.effort ?? EFFORT);
  const connection = connectRedis(options.client, { option: "redisVectorSetIndex.client", clock });
  const directory = `${prefix}:partitions`;
  let checked = false;
  let closing: Promise<void> | undefined;

  async function check(): Promise<void> {
    if (checked) return;
    try {
      await connection.send(["VCARD", `${prefix}:none`]);
      checked = true;
    } catch (cause) {
      if (!/unknown command/i.test(String(cause))) throw cause;
      throw new StrataError(
        "UNAVAILABLE",
        "redisVectorSetIndex needs vector sets: Redis 8.0 or later. Redis 7 and Valkey have none; use pgvectorIndex or flatIndex there.",
        { cause },
      );
    }
  }

  async function run(script: RedisScript, partition: string, args: readonly (string | number | Buffer)[]): Promise<unknown> {
    const keys = ["v", "m", "x"].map((part) => `${prefix}:{${partition}}:${part}`);
    return connection.send({ script, keys, args: [clock.now(), ...args] });
  }

  async function add(partition: string, records: readonly AcceptedRecord[]): Promise<void> {
    await check();
    // Before the vectors: a name without any is harmless, vectors that no removal meets are not.
    await connection.send(["SADD", directory, partition]);
    for (const batch of chunks(records, RECORDS_AT_ONCE)) {
      const dimensions = batch[0]?.vector.length ?? 0;
      const args = batch.flatMap(({ id, vector, tags, expiresAt }) => [
        id,
        expiresAt === Infinity ? "" : String(expiresAt),
        `,${tags.join(",")},`,
        bytesOf(vector),
      ]);
      const there = await run(ADD, partition, [dimensions, ...args]);
      if (typeof there === "number" && there !== 0)
        acceptDimensions("record.vector", batch[0]?.vector ?? new Float32Array(), there);
    }
  }

  async function remove(partition: string, ids: readonly string[] | undefined, tag: string | undefined): Promise<number> {
    const batches = ids === undefined ? [[]] : chunks(ids, IDS_AT_ONCE);
    let removed = 0;
    for (const batch of batches) removed += Number(await run(REMOVE, partition, [tag ?? "", ...batch]));
    return removed;
  }

  /** The work goes on behind a caller who leaves: a script that was sent is carried out. */
  function open<T>({ signal }: CallOptions, work: () => Promise<T>): Promise<T> {
    refuseClosed(closing !== undefined);
    signal?.throwIfAborted();
    return waitOrAbort(work(), signal);
  }

  return {
    name: "redis-vector-set",
    async add(partition, records, callOptions = {}) {
      const accepted = acceptBatch(partition, records);
      await open(callOptions, async () => {
        if (accepted.length > 0) await add(partition, accepted);
      });
    },
    async search(partition, vector, searchOptions) {
      const { vector: query, k, tag } = acceptSearch(partition, vector, searchOptions);
      return open(searchOptions, async () => {
        await check();
        const found = await run(SEARCH, partition, [query.length, k, tag ?? "", bytesOf(query), exactUpTo, effort]);
        if (typeof found === "number") acceptDimensions("search.vector", query, found);
        const flat = found as readonly string[];
        return chunks(flat, 2).map(([id = "", score]) => ({ id, similarity: similarityOf(score) }));
      });
    },
    async remove(filter, callOptions = {}) {
      const { partition, ids, tag } = acceptFilter(filter);
      return open(callOptions, async () => {
        await check();
        const partitions = partition === undefined ? ((await connection.send(["SMEMBERS", directory])) as string[]) : [partition];
        let removed = 0;
        for (const each of partitions) removed += await remove(each, ids, tag);
        return removed;
      });
    },
    async stats() {
      return { vectors: undefined, bytes: undefined };
    },
    close() {
      closing ??= connection.close();
      return closing;
    },
  };
}

/** Redis gives (1 + cosine) / 2. */
function similarityOf(score: unknown): number {
  return Math.max(-1, Math.min(1, 2 * Number(score) - 1));
}

function bytesOf(vector: Float32Array): Buffer {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength);
}

function chunks<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, each) => all.slice(each * size, (each + 1) * size));
}
