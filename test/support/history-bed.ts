/** Databases for tests of the history. Making one takes long; one is emptied for each place instead. */
import type { SqlClient } from "../../src/clients/sql.ts";
import { HISTORY_MIGRATIONS } from "../../src/history/tables/schema.ts";

const TABLES = HISTORY_MIGRATIONS.flatMap(({ statements }) => statements).flatMap(
  (statement) => /^CREATE TABLE (\w+)/.exec(statement)?.[1] ?? [],
);

/** Gives the client with empty tables whenever a place is named that was not the last one. */
export function onePlaceAtATime(make: () => Promise<SqlClient>): (place: string) => Promise<SqlClient> {
  let sql: Promise<SqlClient> | undefined;
  let last: string | undefined;
  return async (place) => {
    sql ??= make();
    const client = await sql;
    if (place !== last) await emptyHistory(client);
    last = place;
    return client;
  };
}

async function emptyHistory(sql: SqlClient): Promise<void> {
  const found = await sql.query<{ name: string }>(
    "SELECT relname AS name FROM pg_class WHERE relname = any($1) AND relkind = 'r'",
    [TABLES],
  );
  if (found.length > 0) await sql.query(`TRUNCATE ${found.map(({ name }) => name).join(", ")} CASCADE`);
}
