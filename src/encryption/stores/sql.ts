/** Wrapped keys in a table of PostgreSQL or PGlite, for all processes of one database. */
import { migrate, parseIdentifier, type Migration } from "../../clients/migrate.ts";
import type { SqlClient, SqlRow, SqlValue } from "../../clients/sql.ts";
import { StrataConfigError, StrataError } from "../../core/errors.ts";
import { refuseUnknown } from "../../core/options.ts";
import type { KeyStore, WrappedKey } from "../key-store.ts";

export interface SqlKeyStoreOptions {
  /** `pgClient(pool)` or `pgliteClient()`; stays the caller's. Best a database of its own: a dump of this one has its keys in it. */
  readonly sql: SqlClient;
  /** Default `"strata_keys"`. */
  readonly table?: string | undefined;
}

type Row = { id: string; scope: string; within: readonly string[]; master: string; wrapped: string; created_at: number };

const AT_ONCE = 500;

const migrations = (table: string): readonly Migration[] => [
  {
    number: 1,
    name: "create the wrapped keys",
    statements: [
      `CREATE TABLE ${table} (
        scope text COLLATE "C" PRIMARY KEY,
        id text COLLATE "C" NOT NULL,
        within text[] NOT NULL,
        master text COLLATE "C" NOT NULL,
        wrapped text NOT NULL,
        created_at double precision NOT NULL
      )`,
      `CREATE INDEX ON ${table} USING gin (within)`,
    ],
  },
];

/** @throws {@link StrataConfigError} naming the option */
export function sqlKeyStore(options: SqlKeyStoreOptions): KeyStore {
  refuseUnknown("sqlKeyStore", options, ["sql", "table"]);
  const { sql } = options;
  if (typeof sql?.query !== "function" || typeof sql.transaction !== "function") {
    throw new StrataConfigError("sqlKeyStore.sql", sql, "a SqlClient, such as pgClient(pool) or pgliteClient()");
  }
  const table = parseIdentifier("sqlKeyStore.table", options.table ?? "strata_keys");
  const columns = "scope, id, to_jsonb(within) AS within, master, wrapped, created_at";
  let migrating: Promise<unknown> | undefined;

  async function query<R extends SqlRow>(text: string, parameters: readonly SqlValue[]): Promise<R[]> {
    migrating ??= migrate(sql, `keys:${table}`, migrations(table));
    await migrating.catch((error: unknown) => {
      migrating = undefined;
      throw error;
    });
    return sql.query<R>(text, parameters);
  }

  async function find(scope: string): Promise<WrappedKey | undefined> {
    const [row] = await query<Row>(`SELECT ${columns} FROM ${table} WHERE scope = $1`, [scope]);
    return row === undefined ? undefined : keyOf(row);
  }

  return {
    find,
    async add({ scope, id, within, master, wrapped, createdAt }) {
      for (let tries = 0; tries < 3; tries++) {
        const [row] = await query<Row>(
          `INSERT INTO ${table} (scope, id, within, master, wrapped, created_at) VALUES ($1, $2, $3::text[], $4, $5, $6)
           ON CONFLICT DO NOTHING RETURNING ${columns}`,
          [scope, id, within, master, wrapped, createdAt],
        );
        const there = row === undefined ? await find(scope) : keyOf(row);
        // Somebody added one, and dropped it before it was looked at.
        if (there !== undefined) return there;
      }
      throw new StrataError("UNAVAILABLE", "No key could be added for a scope whose keys are dropped again and again.");
    },
    async rewrap({ scope, id, master, wrapped }) {
      await query(`UPDATE ${table} SET master = $3, wrapped = $4 WHERE scope = $1 AND id = $2`, [scope, id, master, wrapped]);
    },
    async drop(scope) {
      const gone = await query(`DELETE FROM ${table} WHERE scope = $1 OR within @> ARRAY[$1] RETURNING id`, [scope]);
      return gone.length;
    },
    async *list() {
      for (let after = ""; ;) {
        const rows: Row[] = await query<Row>(`SELECT ${columns} FROM ${table} WHERE scope > $1 ORDER BY scope LIMIT ${AT_ONCE}`, [
          after,
        ]);
        yield* rows.map(keyOf);
        if (rows.length < AT_ONCE) return;
        after = rows.at(-1)?.scope ?? "";
      }
    },
  };
}

function keyOf({ created_at: createdAt, ...row }: Row): WrappedKey {
  return { ...row, createdAt };
}
