/**
 * Documents in PostgreSQL or PGlite. Texts are kept in columns of type `json`, not `text` or `jsonb`: those refuse the character NUL,
 * and `jsonb` changes the order of keys. A change of a scope locks its row, so that changes of one scope come one after the other and
 * its version tells them apart.
 */
import { randomUUID } from "node:crypto";
import { migrate, parseIdentifier } from "../../clients/migrate.ts";
import type { Sql, SqlClient } from "../../clients/sql.ts";
import { StrataError } from "../../core/errors.ts";
import type { Digest } from "../../core/key.ts";
import type { Chunk, DocumentHeader, DocumentTable, StoredDocument, TableScope } from "../document-table.ts";

export interface SqlTableOptions {
  readonly sql: SqlClient;
  /** Begins the names of the tables. */
  readonly table: string;
}

/** Rows in one statement. */
const ROWS = 500;
/** The row of `scopes` that holds the identity of the tables; scopes are digests, and none is empty. */
const OF_ALL = "";

/** Documents in tables, which are made at the first use. */
export function sqlTable(options: SqlTableOptions): DocumentTable {
  const { sql } = options;
  const table = parseIdentifier("table", options.table);
  const names = { documents: table, chunks: `${table}_chunks`, scopes: `${table}_scopes` };
  let preparing: Promise<void> | undefined;
  let identity: string | undefined;

  function ready(): Promise<void> {
    preparing ??= prepare(sql, table, names).catch((error: unknown) => {
      preparing = undefined;
      throw error;
    });
    return preparing;
  }

  async function lock(tx: Sql, { scope, within }: TableScope): Promise<void> {
    await tx.query(
      `INSERT INTO ${names.scopes} (scope, version, within) VALUES ($1, 1, $2)
       ON CONFLICT (scope) DO UPDATE SET version = ${names.scopes}.version + 1, within = excluded.within`,
      [scope, within],
    );
  }

  async function take(tx: Sql, scope: Digest, ids: readonly string[]): Promise<DocumentHeader[]> {
    const quoted = ids.map((id) => JSON.stringify(id));
    const rows = await tx.query<{ header: DocumentHeader }>(
      `DELETE FROM ${names.documents} WHERE scope = $1 AND id = any($2) RETURNING header`,
      [scope, quoted],
    );
    const gone = rows.map(({ header }) => header);
    if (gone.length > 0) await tx.query(`DELETE FROM ${names.chunks} WHERE key = any($1)`, [gone.map(({ key }) => key)]);
    return gone;
  }

  async function insert(tx: Sql, scope: Digest, documents: readonly StoredDocument[]): Promise<void> {
    for (const batch of slices(documents, ROWS)) {
      await tx.query(`INSERT INTO ${names.documents} (scope, id, header) SELECT $1, * FROM unnest($2::text[], $3::json[])`, [
        scope,
        batch.map(({ id }) => JSON.stringify(id)),
        batch.map(({ parts: _parts, ...header }) => JSON.stringify(header)),
      ]);
    }
    const rows = documents.flatMap(({ key, parts }) => parts.map((part, at) => ({ key, at, part: JSON.stringify(part) })));
    for (const batch of slices(rows, ROWS)) {
      await tx.query(`INSERT INTO ${names.chunks} (key, at, chunk) SELECT * FROM unnest($1::text[], $2::integer[], $3::json[])`, [
        batch.map(({ key }) => key),
        batch.map(({ at }) => at),
        batch.map(({ part }) => part),
      ]);
    }
  }

  return {
    name: "sql",
    async put(scope, documents, { signal } = {}) {
      await ready();
      return sql.transaction(
        async (tx) => {
          await lock(tx, scope);
          const last = new Map(documents.map((document) => [document.id, document]));
          const before = await take(tx, scope.scope, [...last.keys()]);
          await insert(tx, scope.scope, [...last.values()]);
          return before.filter(({ id, key }) => last.get(id)?.key !== key);
        },
        { signal },
      );
    },
    async remove(scope, ids, { signal } = {}) {
      await ready();
      return sql.transaction(
        async (tx) => {
          await lock(tx, scope);
          return take(tx, scope.scope, ids);
        },
        { signal },
      );
    },
    async version(scope, options) {
      await ready();
      const [row] = await sql.query<{ version: number }>(
        `SELECT version FROM ${names.scopes} WHERE scope = $1`,
        [scope],
        options,
      );
      return String(row?.version ?? 0);
    },
    async identity(options) {
      if (identity !== undefined) return identity;
      await ready();
      const read = async (): Promise<string | undefined> => {
        const text = `SELECT within[1] AS identity FROM ${names.scopes} WHERE scope = $1`;
        return (await sql.query<{ identity: string }>(text, [OF_ALL], options))[0]?.identity;
      };
      identity = await read();
      if (identity !== undefined) return identity;
      // Another process may be faster: the first one counts.
      await sql.query(
        `INSERT INTO ${names.scopes} (scope, version, within) VALUES ($1, 0, $2) ON CONFLICT (scope) DO NOTHING`,
        [OF_ALL, [randomUUID()]],
        options,
      );
      identity = await read();
      if (identity === undefined) throw new StrataError("UNAVAILABLE", `The tables of ${table} hold no identity.`);
      return identity;
    },
    async headers(scope, options) {
      await ready();
      const rows = await sql.query<{ header: DocumentHeader }>(
        `SELECT header FROM ${names.documents} WHERE scope = $1`,
        [scope],
        options,
      );
      return rows.map(({ header }) => header);
    },
    async chunks(_scope, places, options) {
      await ready();
      const rows = await sql.query<{ place: number; chunk: Chunk }>(
        `SELECT wanted.place, chunk FROM unnest($1::text[], $2::integer[]) WITH ORDINALITY AS wanted (key, at, place)
         JOIN ${names.chunks} AS stored ON stored.key = wanted.key AND stored.at = wanted.at`,
        [places.map(({ key }) => key), places.map(({ at }) => at)],
        options,
      );
      const found = new Map(rows.map(({ place, chunk }) => [place - 1, chunk]));
      return places.map((_place, index) => found.get(index));
    },
    async forget(scope, { signal } = {}) {
      await ready();
      return sql.transaction(
        async (tx) => {
          const scopes = await tx.query<{ scope: Digest }>(
            `UPDATE ${names.scopes} SET version = version + 1 WHERE scope = $1 OR $1 = any(within) RETURNING scope`,
            [scope],
          );
          const gone: { scope: Digest; documents: number }[] = [];
          for (const each of scopes) {
            const rows = await tx.query<{ key: Digest }>(
              `DELETE FROM ${names.documents} WHERE scope = $1 RETURNING header->>'key' AS key`,
              [each.scope],
            );
            await tx.query(`DELETE FROM ${names.chunks} WHERE key = any($1)`, [rows.map(({ key }) => key)]);
            gone.push({ scope: each.scope, documents: rows.length });
          }
          return gone;
        },
        { signal },
      );
    },
    // The client is the caller's.
    close: () => Promise.resolve(),
  };
}

async function prepare(
  sql: SqlClient,
  table: string,
  { documents, chunks, scopes }: { documents: string; chunks: string; scopes: string },
): Promise<void> {
  await migrate(sql, `documents:${table}`, [
    {
      number: 1,
      name: "documents, chunks, scopes",
      statements: [
        `CREATE TABLE IF NOT EXISTS ${scopes} (scope text PRIMARY KEY, version bigint NOT NULL, within text[] NOT NULL)`,
        // The id as JSON text: an id may hold what `text` refuses.
        `CREATE TABLE IF NOT EXISTS ${documents} (scope text NOT NULL, id text NOT NULL, header json NOT NULL, PRIMARY KEY (scope, id))`,
        `CREATE TABLE IF NOT EXISTS ${chunks} (key text NOT NULL, at integer NOT NULL, chunk json NOT NULL, PRIMARY KEY (key, at))`,
      ],
    },
  ]);
}

function slices<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, each) => all.slice(each * size, (each + 1) * size));
}
