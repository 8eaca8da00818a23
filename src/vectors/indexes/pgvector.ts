/**
 * Vectors in PostgreSQL or PGlite, by way of the extension pgvector: exact in every partition. For vectors that several machines share,
 * or that are to lie in the same database as what they are about. How the table is made: `pgvector-table.ts`.
 */
import { parseIdentifier } from "../../clients/migrate.ts";
import type { Sql, SqlClient, SqlValue } from "../../clients/sql.ts";
import type { CallOptions } from "../../core/abort.ts";
import { systemClock, type Clock } from "../../core/clock.ts";
import { StrataConfigError } from "../../core/errors.ts";
import { parseChoice, parseCount, refuseUnknown } from "../../core/options.ts";
import {
  acceptBatch,
  acceptDimensions,
  acceptFilter,
  acceptSearch,
  refuseClosed,
  type AcceptedRecord,
  type AcceptedSearch,
} from "../accepted.ts";
import type { VectorFilter, VectorIndex } from "../vector-index.ts";
import { prepareTable } from "./pgvector-table.ts";

export interface PgvectorIndexOptions {
  /** From `pgClient` or `pgliteClient`; it stays the caller's, who closes it. */
  readonly sql: SqlClient;
  /** Name of the table, which is made at the first use; default `"strata_vectors"`. */
  readonly table?: string | undefined;
  /**
   * `"halfvec"` keeps 16 bits a number: half the size, cosines right to about three digits. Not under PGlite, whose processor has no such
   * numbers, so that it is several times slower. A table keeps the type that it was made with. Default `"vector"`, 32 bits.
   */
  readonly type?: "vector" | "halfvec" | undefined;
  /**
   * Adds an HNSW index for vectors of so many dimensions, and uses it in every search of them. Only for partitions of more than some
   * tens of thousands of vectors that are most of the table: with a filter that leaves 1 % it found 62 to 81 % of the nearest, where the
   * exact search finds all in 15 ms. Default: none.
   */
  readonly hnsw?: { readonly dimensions: number; readonly efSearch?: number | undefined } | undefined;
  /** Whose time ends a vector; default the machine's. */
  readonly clock?: Clock | undefined;
}

const ROWS_AT_ONCE = 500;
const EF_SEARCH = 100;
/** Expired rows are never found, and are deleted when something is added after so long. */
const SWEEP_INTERVAL_MS = 60_000;
const SWEEP_ROWS = 10_000;

/**
 * An index in a table.
 * @throws {@link StrataConfigError} naming the option; calls reject with `UNAVAILABLE`, saying what to run, when pgvector is missing
 */
export function pgvectorIndex(options: PgvectorIndexOptions): VectorIndex {
  refuseUnknown("pgvectorIndex", options, ["sql", "table", "type", "hnsw", "clock"]);
  const { sql, clock = systemClock } = options;
  if (typeof sql?.query !== "function" || typeof sql.transaction !== "function") {
    throw new StrataConfigError("pgvectorIndex.sql", sql, "an SqlClient, from pgClient or pgliteClient");
  }
  const table = parseIdentifier("pgvectorIndex.table", options.table ?? "strata_vectors");
  const type = parseChoice("pgvectorIndex.type", options.type ?? "vector", ["vector", "halfvec"]);
  const hnsw = options.hnsw && {
    dimensions: parseCount("pgvectorIndex.hnsw.dimensions", options.hnsw.dimensions),
    efSearch: parseCount("pgvectorIndex.hnsw.efSearch", options.hnsw.efSearch ?? EF_SEARCH),
  };
  const queries = { sql, table, type, hnsw, now: () => clock.now() };
  let preparing: Promise<void> | undefined;
  let sweptAt = -Infinity;
  let closed = false;

  async function prepared(): Promise<void> {
    preparing ??= prepareTable(sql, { table, type, hnsw });
    try {
      await preparing;
    } catch (error) {
      // Somebody may install the extension meanwhile.
      preparing = undefined;
      throw error;
    }
  }

  return {
    name: "pgvector",
    async add(partition, records, callOptions = {}) {
      refuseClosed(closed);
      callOptions.signal?.throwIfAborted();
      const accepted = acceptBatch(partition, records);
      if (accepted.length === 0) return;
      await prepared();
      await sql.transaction((transaction) => add(transaction, queries, partition, accepted), callOptions);
      if (clock.monotonic() - sweptAt < SWEEP_INTERVAL_MS) return;
      sweptAt = clock.monotonic();
      await sweep(queries, callOptions);
    },
    async search(partition, vector, searchOptions) {
      refuseClosed(closed);
      const request = acceptSearch(partition, vector, searchOptions);
      await prepared();
      return search(queries, partition, request, searchOptions);
    },
    async remove(filter, callOptions = {}) {
      refuseClosed(closed);
      callOptions.signal?.throwIfAborted();
      const accepted = acceptFilter(filter);
      await prepared();
      return remove(queries, accepted, callOptions);
    },
    async stats() {
      if (closed) return { vectors: undefined, bytes: undefined };
      await prepared();
      const [row] = await sql.query<{ vectors: number; bytes: number }>(
        `SELECT count(*) AS vectors, pg_total_relation_size('${table}') AS bytes FROM ${table}
         WHERE expires_at IS NULL OR expires_at > $1`,
        [clock.now()],
      );
      return { vectors: row?.vectors, bytes: row?.bytes };
    },
    async close() {
      closed = true;
    },
  };
}

interface Queries {
  readonly sql: SqlClient;
  readonly table: string;
  readonly type: "vector" | "halfvec";
  readonly hnsw: { readonly dimensions: number; readonly efSearch: number } | undefined;
  readonly now: () => number;
}

/** The lock is the partition's, until the transaction ends: of two that begin it with different dimensions, one is to be refused. */
async function add(sql: Sql, { table, type }: Queries, partition: string, records: readonly AcceptedRecord[]): Promise<void> {
  await sql.query("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))::text", [`${table} ${partition}`]);
  const [first] = await sql.query<{ dimensions: number }>(
    `SELECT vector_dims(embedding) AS dimensions FROM ${table} WHERE partition = $1 LIMIT 1`,
    [partition],
  );
  const vector = records[0]?.vector;
  if (first !== undefined && vector !== undefined) acceptDimensions("record.vector", vector, first.dimensions);
  for (let from = 0; from < records.length; from += ROWS_AT_ONCE) {
    const batch = records.slice(from, from + ROWS_AT_ONCE);
    await sql.query(
      `INSERT INTO ${table} (partition, id, embedding, tags, expires_at)
       SELECT $1, id, embedding::${type}, string_to_array(tags, ','), expires_at
       FROM unnest($2::text[], $3::text[], $4::text[], $5::double precision[]) AS new (id, embedding, tags, expires_at)
       ON CONFLICT (partition, id) DO UPDATE
         SET embedding = excluded.embedding, tags = excluded.tags, expires_at = excluded.expires_at`,
      [
        partition,
        batch.map(({ id }) => id),
        batch.map((record) => textOf(record.vector)),
        batch.map(({ tags }) => tags.join(",")),
        batch.map(({ expiresAt }) => (expiresAt === Infinity ? null : expiresAt)),
      ],
    );
  }
}

type MatchRow = { id: string; similarity: number; dimensions: number };

async function search(queries: Queries, partition: string, request: AcceptedSearch, options: CallOptions): Promise<Match[]> {
  const { table, type, hnsw } = queries;
  const { vector, k, tag } = request;
  const isApproximate = hnsw?.dimensions === vector.length;
  const typed = isApproximate ? `${type}(${vector.length})` : type;
  // Comparing with other dimensions fails in the server; the first row tells.
  const parameters: SqlValue[] = [partition, textOf(vector), queries.now(), k];
  if (tag !== undefined) parameters.push([tag]);
  const statement = `SELECT id, 1 - (embedding::${typed} <=> $2::${typed}) AS similarity, vector_dims(embedding) AS dimensions
    FROM ${table}
    WHERE partition = $1 AND (expires_at IS NULL OR expires_at > $3)
      ${isApproximate ? `AND vector_dims(embedding) = ${vector.length}` : ""} ${tag === undefined ? "" : "AND tags @> $5::text[]"}
    ORDER BY embedding::${typed} <=> $2::${typed} LIMIT $4`;
  const rows = await run(queries, partition, vector, isApproximate, statement, parameters, options);
  return rows
    .map(({ id, similarity }) => ({ id, similarity: Math.max(-1, Math.min(1, similarity)) }))
    .toSorted((a, b) => b.similarity - a.similarity);
}

type Match = { readonly id: string; readonly similarity: number };

async function run(
  { sql, table, hnsw }: Queries,
  partition: string,
  vector: Float32Array,
  isApproximate: boolean,
  statement: string,
  parameters: readonly SqlValue[],
  options: CallOptions,
): Promise<MatchRow[]> {
  if (isApproximate) {
    // Settings for one transaction: behind a pooler, those of a session would be somebody else's.
    return sql.transaction(async (transaction) => {
      await transaction.query(`SET LOCAL hnsw.ef_search = ${Math.min(1_000, hnsw?.efSearch ?? EF_SEARCH)}`);
      await transaction.query("SET LOCAL hnsw.iterative_scan = relaxed_order");
      return transaction.query<MatchRow>(statement, parameters);
    }, options);
  }
  try {
    return await sql.query<MatchRow>(statement, parameters, options);
  } catch (error) {
    // data_exception, "different vector dimensions"
    if ((error as { code?: unknown }).code !== "22000") throw error;
    const [first] = await sql.query<{ dimensions: number }>(
      `SELECT vector_dims(embedding) AS dimensions FROM ${table} WHERE partition = $1 LIMIT 1`,
      [partition],
    );
    if (first !== undefined) acceptDimensions("search.vector", vector, first.dimensions);
    throw error;
  }
}

async function remove({ sql, table, now }: Queries, filter: VectorFilter, options: CallOptions): Promise<number> {
  const { partition, ids, tag } = filter;
  const conditions: string[] = [];
  const parameters: SqlValue[] = [now()];
  const bind = (value: SqlValue): string => `$${parameters.push(value)}`;
  if (partition !== undefined) conditions.push(`partition = ${bind(partition)}`);
  if (ids !== undefined) conditions.push(`id = any(${bind(ids)}::text[])`);
  if (tag !== undefined) conditions.push(`tags @> ${bind([tag])}::text[]`);
  const [row] = await sql.query<{ removed: number }>(
    `WITH gone AS (DELETE FROM ${table} WHERE ${conditions.join(" AND ")} RETURNING expires_at)
     SELECT count(*) AS removed FROM gone WHERE expires_at IS NULL OR expires_at > $1`,
    parameters,
    options,
  );
  return row?.removed ?? 0;
}

async function sweep({ sql, table, now }: Queries, options: CallOptions): Promise<void> {
  await sql.query(
    `DELETE FROM ${table} WHERE ctid = any(array(SELECT ctid FROM ${table} WHERE expires_at <= $1 LIMIT ${SWEEP_ROWS}))`,
    [now()],
    options,
  );
}

/** The text form of the type; shorter than nine digits it would be another number. */
function textOf(vector: Float32Array): string {
  return `[${vector.join(",")}]`;
}
