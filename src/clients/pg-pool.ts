/** A pool of `pg` for a URL, as a `SqlClient` that owns it: the package is loaded, and the pool made, at the first statement. */
import type * as postgres from "pg";
import { StrataError } from "../core/errors.ts";
import { pgClient } from "./pg.ts";
import type { SqlClient } from "./sql.ts";

/** Why each is there: `docs/operations/postgres-client-settings.md`. */
const SETTINGS = {
  max: 10,
  connectionTimeoutMillis: 2_000,
  query_timeout: 30_000,
  statement_timeout: 30_000,
  idle_in_transaction_session_timeout: 10_000,
  keepAlive: true,
} as const;

interface OwnedPool {
  readonly client: SqlClient;
  readonly end: () => Promise<void>;
}

/** @param connectionString `postgres://…`; the first statement rejects with `MISSING_PEER` where the package `pg` is not installed */
export function pgPoolClient(connectionString: string): SqlClient {
  let opening: Promise<OwnedPool> | undefined;
  let closing: Promise<void> | undefined;

  async function use(): Promise<SqlClient> {
    if (closing !== undefined) throw new StrataError("CLOSED", "The SQL client is closed.");
    opening ??= open(connectionString);
    return (await opening).client;
  }

  return {
    query: async (text, parameters, options) => (await use()).query(text, parameters, options),
    transaction: async (work, options) => (await use()).transaction(work, options),
    close() {
      closing ??= (async () => {
        const owned = await opening?.catch(() => undefined);
        await owned?.client.close();
        await owned?.end();
      })();
      return closing;
    },
  };
}

async function open(connectionString: string): Promise<OwnedPool> {
  const { default: pg } = await load();
  const pool = new pg.Pool({ connectionString, ...SETTINGS });
  return { client: pgClient(pool), end: () => pool.end() };
}

async function load(): Promise<typeof postgres> {
  try {
    return await import("pg");
  } catch (cause) {
    throw new StrataError("MISSING_PEER", "The package is needed that talks to PostgreSQL: npm install pg", { cause });
  }
}
