/**
 * An archive in a table of PostgreSQL or PGlite. Every statement names its keys, so its cost does not grow with the table; rows are
 * always locked in the order of their keys, so that processes which write at the same time cannot lock each other out.
 */
import type { Digest } from "../../core/key.ts";
import { migrate, type Migration } from "../../clients/migrate.ts";
import type { SqlClient, SqlValue } from "../../clients/sql.ts";
import type { TierEntry, TierFilter } from "../tier.ts";
import type { ArchiveShelf } from "./archive-shelf.ts";

/** Rows in one statement, and bytes: a few milliseconds of the server, some megabytes of ours. */
const ROWS_AT_ONCE = 500;
const BYTES_AT_ONCE = 4 * 1024 * 1024;

/** Values are compressed before they come here, so PostgreSQL is told not to try. */
const migrations = (table: string): readonly Migration[] => [
  {
    number: 1,
    name: "create the archive",
    statements: [
      `CREATE TABLE ${table} (
        key text COLLATE "C" PRIMARY KEY,
        value bytea NOT NULL,
        scope text COLLATE "C",
        tags text[] NOT NULL,
        cost real NOT NULL,
        created_at timestamptz NOT NULL,
        used_at timestamptz NOT NULL,
        expires_at double precision
      )`,
      `ALTER TABLE ${table} ALTER COLUMN value SET STORAGE EXTERNAL`,
      `COMMENT ON COLUMN ${table}.expires_at IS 'Unix milliseconds; null = never'`,
      `COMMENT ON COLUMN ${table}.tags IS 'Digests of the tags'`,
      `CREATE INDEX ON ${table} (expires_at) WHERE expires_at IS NOT NULL`,
      `CREATE INDEX ON ${table} (scope)`,
      `CREATE INDEX ON ${table} USING gin (tags)`,
    ],
  },
  {
    number: 2,
    name: "keep values out of the statistics",
    // `ANALYZE` copies short ones into `pg_statistic`, where they stay when their rows are deleted.
    statements: [`ALTER TABLE ${table} ALTER COLUMN value SET STATISTICS 0`],
  },
];

type Row = { key: string; value: Buffer; scope: string | null; cost: number; expires_at: number | null; used_at: Date };

const COLUMNS = "key, value, scope, cost, expires_at, used_at";
const ALIVE = "(expires_at IS NULL OR expires_at > $1)";

export class ArchiveTable implements ArchiveShelf {
  readonly #sql: SqlClient;
  readonly #table: string;
  #migrating: Promise<unknown> | undefined;

  constructor(sql: SqlClient, table: string) {
    this.#sql = sql;
    this.#table = table;
  }

  async get(keys: readonly Digest[], now: number): Promise<readonly TierEntry[]> {
    const rows = await this.#query<Row>(`SELECT ${COLUMNS} FROM ${this.#table} WHERE key = any($2) AND ${ALIVE}`, [now, keys]);
    return rows.map(entryOf);
  }

  async put(entries: readonly TierEntry[], now: number): Promise<void> {
    const at = new Date(now);
    for (const batch of batches(entries.toSorted((one, other) => (one.key < other.key ? -1 : 1)))) {
      await this.#query(
        `INSERT INTO ${this.#table} AS old (key, value, scope, tags, cost, created_at, used_at, expires_at)
         SELECT key, value, scope, string_to_array(tags, ','), cost, $1, $1, expires_at
         FROM unnest($2::text[], $3::bytea[], $4::text[], $5::text[], $6::real[], $7::double precision[])
           AS new (key, value, scope, tags, cost, expires_at)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value, scope = excluded.scope, tags = excluded.tags,
           cost = excluded.cost, created_at = excluded.created_at, used_at = excluded.used_at, expires_at = excluded.expires_at`,
        [
          at,
          batch.map(({ key }) => key),
          batch.map(({ value }) => value),
          batch.map(({ scope }) => scope ?? null),
          batch.map(({ tags = [] }) => tags.join(",")),
          batch.map(({ cost = 1 }) => cost),
          batch.map(({ expiresAt }) => expiresAt ?? null),
        ],
      );
    }
  }

  async delete(keys: readonly Digest[], now: number): Promise<number> {
    return (await this.#remove("key = any($2)", [now, keys], keys.length)).alive;
  }

  async clear({ scope, tag }: TierFilter, now: number, signal: AbortSignal | undefined): Promise<number> {
    const condition = "($2::text IS NULL OR scope = $2) AND ($3::text IS NULL OR tags @> ARRAY[$3])";
    let total = 0;
    for (;;) {
      signal?.throwIfAborted();
      const { alive, all } = await this.#remove(condition, [now, scope ?? null, tag ?? null]);
      total += alive;
      if (all < ROWS_AT_ONCE) return total;
    }
  }

  async *list(now: () => number, signal: AbortSignal | undefined): AsyncIterable<TierEntry> {
    let after = "";
    for (;;) {
      signal?.throwIfAborted();
      const rows: Row[] = await this.#query<Row>(
        `SELECT ${COLUMNS} FROM ${this.#table} WHERE key > $2 AND ${ALIVE} ORDER BY key LIMIT ${ROWS_AT_ONCE}`,
        [now(), after],
      );
      yield* rows.map(entryOf);
      if (rows.length < ROWS_AT_ONCE) return;
      after = rows.at(-1)?.key ?? "";
    }
  }

  async sweep(now: number): Promise<void> {
    await this.#remove("expires_at <= $2", [now, now]);
  }

  async expired(now: number, remove: number | undefined): Promise<number> {
    if (remove !== undefined) return (await this.#remove("expires_at <= $2", [now, now], remove)).all;
    const [found] = await this.#query<{ count: number }>(`SELECT count(*) AS count FROM ${this.#table} WHERE expires_at <= $1`, [
      now,
    ]);
    return found?.count ?? 0;
  }

  async used(keys: readonly Digest[], now: number): Promise<void> {
    await this.#query(
      `WITH found AS (SELECT key FROM ${this.#table} WHERE key = any($2) ORDER BY key FOR UPDATE SKIP LOCKED)
       UPDATE ${this.#table} SET used_at = $1 FROM found WHERE ${this.#table}.key = found.key`,
      [new Date(now), keys],
    );
  }

  /** Removes rows, `limit` of them at most; `$1` is now. */
  async #remove(
    condition: string,
    parameters: readonly SqlValue[],
    limit = ROWS_AT_ONCE,
  ): Promise<{ alive: number; all: number }> {
    const [counted] = await this.#query<{ alive: number; all: number }>(
      `WITH doomed AS (SELECT key FROM ${this.#table} WHERE ${condition} ORDER BY key LIMIT ${limit} FOR UPDATE),
            gone AS (DELETE FROM ${this.#table} USING doomed WHERE ${this.#table}.key = doomed.key RETURNING expires_at)
       SELECT count(*) AS "all", count(*) FILTER (WHERE ${ALIVE}) AS alive FROM gone`,
      parameters,
    );
    return counted ?? { alive: 0, all: 0 };
  }

  /** The table is made before the first statement. A failure is tried again with the next one. */
  async #query<R extends Record<string, unknown>>(text: string, parameters: readonly SqlValue[]): Promise<R[]> {
    this.#migrating ??= migrate(this.#sql, `archive:${this.#table}`, migrations(this.#table));
    try {
      await this.#migrating;
    } catch (error) {
      this.#migrating = undefined;
      throw error;
    }
    return this.#sql.query<R>(text, parameters);
  }
}

function entryOf({ key, value, scope, cost, expires_at, used_at }: Row): TierEntry {
  return {
    key,
    value,
    cost,
    usedAt: used_at.getTime(),
    ...(scope !== null && { scope }),
    ...(expires_at !== null && { expiresAt: expires_at }),
  };
}

/** Cuts a list of entries into what one statement takes. */
function* batches(entries: readonly TierEntry[]): Generator<readonly TierEntry[]> {
  let from = 0;
  let bytes = 0;
  for (const [index, { value }] of entries.entries()) {
    bytes += value.byteLength;
    if (index + 1 - from < ROWS_AT_ONCE && bytes < BYTES_AT_ONCE) continue;
    yield entries.slice(from, index + 1);
    from = index + 1;
    bytes = 0;
  }
  if (from < entries.length) yield entries.slice(from);
}
