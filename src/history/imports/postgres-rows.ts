/** The table of `PostgresChatMessageHistory` of `@langchain/community`: `id serial, session_id varchar, message jsonb`. */
import { StrataConfigError } from "../../core/errors.ts";
import type { SqlClient } from "../../clients/sql.ts";
import { BATCH, type FormerHistory } from "./former-message.ts";

export interface PostgresHistorySource {
  /** Where the table is; stays the caller's. */
  readonly sql: SqlClient;
  /** As it was given to the history; default `"langchain_chat_histories"`. */
  readonly table?: string | undefined;
}

const PLAIN_NAME = /^[A-Za-z_][A-Za-z0-9_$]{0,62}(?:\.[A-Za-z_][A-Za-z0-9_$]{0,62})?$/;

/** @throws {@link StrataConfigError} when there is no such table, at the first batch */
export function postgresRows({ sql, table = "langchain_chat_histories" }: PostgresHistorySource): FormerHistory {
  if (typeof table !== "string" || table === "" || table.includes("\0")) {
    throw new StrataConfigError("importHistory.from.table", table, "the name of a table");
  }
  return {
    async *batches(positionOf, { signal }) {
      const { name, identity } = await find(sql, table);
      const part = `postgres ${identity}`;
      for (let position = await positionOf(part); ;) {
        const rows = await sql.query<{ id: number; session_id: string; message: unknown }>(
          `SELECT id, session_id, message FROM ${name} WHERE id > $1 ORDER BY id LIMIT ${BATCH}`,
          [position],
          { signal },
        );
        const last = rows.at(-1);
        if (last === undefined) return;
        position = last.id;
        const entries = rows.map(({ id, session_id: sessionId, message: stored }) => ({ place: String(id), sessionId, stored }));
        yield { part, position, entries };
        if (rows.length < BATCH) return;
      }
    },
    close: async () => undefined,
  };
}

/**
 * The table under the name by which PostgreSQL itself writes it, quoted where it must be. The history wrote its name into statements
 * as it was, or quoted when asked to: so it is looked for quoted first.
 */
async function find(sql: SqlClient, table: string): Promise<{ name: string; identity: string }> {
  const ways = PLAIN_NAME.test(table) ? ["quote_ident($1)", "$1"] : ["quote_ident($1)"];
  for (const way of ways) {
    const [found] = await sql.query<{ name: string | null; identity: string }>(
      `SELECT to_regclass(${way})::text AS name, concat_ws(' ', current_database(), (
         SELECT oid FROM pg_database WHERE datname = current_database()), to_regclass(${way})::oid) AS identity`,
      [table],
    );
    if (found !== undefined && found.name !== null) return { name: found.name, identity: found.identity };
  }
  throw new StrataConfigError("importHistory.from.table", table, "the name of a table that is there");
}
