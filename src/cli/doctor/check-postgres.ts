/** Whether a PostgreSQL can hold conversations and documents. All trials are rolled back. */
import { pgPoolClient } from "../../clients/pg-pool.ts";
import type { Sql, SqlClient } from "../../clients/sql.ts";
import { HISTORY_MIGRATIONS } from "../../history/tables/schema.ts";
import { checkLatency } from "./check-latency.ts";
import { broken, ok, reasonOf, warn, type Finding } from "./finding.ts";

const LEAST_MAJOR = 14;

export async function checkPostgres(url: string): Promise<readonly Finding[]> {
  const sql = pgPoolClient(url);
  try {
    const server = await about(sql);
    return [
      checkVersion(server),
      await checkLatency("PostgreSQL latency", () => sql.query("SELECT 1")),
      await checkVector(sql, server),
      await checkTables(sql, server),
    ];
  } catch (error) {
    return [broken("PostgreSQL", reasonOf(error), adviceFor((error as { readonly code?: unknown }).code))];
  } finally {
    await sql.close();
  }
}

/** By SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html */
function adviceFor(code: unknown): string {
  if (code === "28P01" || code === "28000") {
    return "correct the user and the password in the URL (postgres://USER:PASSWORD@HOST:PORT/DATABASE), and see pg_hba.conf";
  }
  if (code === "3D000") return "create the database, or name another one in the URL";
  if (code === "53300") return "raise max_connections, or close connections that nobody uses";
  if (code === "MISSING_PEER") return "npm install pg";
  return "start the server, or correct the URL: host, port, sslmode";
}

interface Server {
  readonly version: string;
  readonly number: number;
  readonly role: string;
  readonly database: string;
  readonly schema: string | null;
  readonly installed: string | null;
  readonly available: string | null;
}

async function about(sql: Sql): Promise<Server> {
  const [row] = await sql.query(`SELECT current_setting('server_version') AS version,
    current_setting('server_version_num')::integer AS number,
    quote_ident(current_user) AS role, quote_ident(current_database()) AS database, quote_ident(current_schema()) AS schema,
    (SELECT extversion FROM pg_extension WHERE extname = 'vector') AS installed,
    (SELECT default_version FROM pg_available_extensions WHERE name = 'vector') AS available`);
  return row as unknown as Server;
}

function checkVersion({ version, number }: Server): Finding {
  if (number >= LEAST_MAJOR * 10_000) return ok("PostgreSQL", version);
  return broken("PostgreSQL", version, `update it to ${LEAST_MAJOR} or later`);
}

async function checkVector(sql: SqlClient, { installed, available, database }: Server): Promise<Finding> {
  const name = "PostgreSQL pgvector";
  if (installed !== null) {
    const [major = 0, minor = 0] = installed.split(".").map(Number);
    if (major > 0 || minor >= 8) return ok(name, installed);
    return broken(name, `${installed}; needed: 0.8 or later`, "install it, then run ALTER EXTENSION vector UPDATE");
  }
  const purpose = "documents, and recall by meaning, need it";
  if (available === null) {
    const advice = "install pgvector on the server (Debian: postgresql-17-pgvector), then run CREATE EXTENSION vector";
    return broken(name, `not on this server; ${purpose}`, advice);
  }
  const error = await trial(sql, "CREATE EXTENSION vector");
  if (error === undefined) return ok(name, `${available}, made at its first use`);
  const advice = `as a user who may, run in the database ${database}: CREATE EXTENSION vector`;
  return broken(name, `not in this database, and this user may not make it (${reasonOf(error)}); ${purpose}`, advice);
}

async function checkTables(sql: SqlClient, { role, schema }: Server): Promise<Finding> {
  const name = "PostgreSQL rights";
  const error = await trial(sql, "CREATE TABLE strata_doctor_trial (id integer)");
  const code = (error as { readonly code?: unknown } | undefined)?.code;
  if (code === "25006") return broken(name, "a server that is only read", "name the primary in the URL");
  const closed = await closedTables(sql);
  if (closed.length > 0) {
    const advice = `GRANT SELECT, INSERT, UPDATE, DELETE ON ${closed.join(", ")} TO ${role}`;
    return broken(name, `${role} may not read and write ${closed.join(", ")}`, advice);
  }
  if (error === undefined) return ok(name, "may create tables");
  const grant = `GRANT CREATE ON SCHEMA ${schema ?? "public"} TO ${role}`;
  const detail = `${role} may not create tables (${reasonOf(error)})`;
  if (await hasHistory(sql)) {
    return warn(name, `${detail}; those of conversations are there`, `for documents and the archive: ${grant}`);
  }
  return broken(name, detail, `${grant}, or run strata migrate as a user who may`);
}

/** Tables of ours that this user may not use. */
async function closedTables(sql: Sql): Promise<string[]> {
  const rows = await sql.query<{ name: string }>(`SELECT quote_ident(relname) AS name FROM pg_class
    WHERE relnamespace = to_regnamespace(quote_ident(current_schema())) AND relkind IN ('r', 'p') AND relname LIKE 'strata\\_%'
      AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
        AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))
    ORDER BY relname`);
  return rows.map((row) => row.name);
}

async function hasHistory(sql: Sql): Promise<boolean> {
  const [ledger] = await sql.query<{ name: string | null }>("SELECT to_regclass('strata_migrations')::text AS name");
  if (ledger?.name == null) return false;
  const done = await sql.query("SELECT 1 FROM strata_migrations WHERE part = 'history'");
  return done.length >= HISTORY_MIGRATIONS.length;
}

/** What a statement would bring: its error, or `undefined`. Nothing of it stays. */
async function trial(sql: SqlClient, statement: string): Promise<unknown> {
  const undo = new Error("It was only a trial.");
  try {
    await sql.transaction(async (transaction) => {
      await transaction.query(statement);
      throw undo;
    });
    return undefined;
  } catch (error) {
    return error === undo ? undefined : error;
  }
}
