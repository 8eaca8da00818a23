/** `strata migrate`: makes the tables of the chat history before a program needs them, such as in a deployment. */
import { parseArgs } from "node:util";
import { migrate as migrateTables } from "../../clients/migrate.ts";
import { pgClient } from "../../clients/pg.ts";
import { pgliteClient } from "../../clients/pglite.ts";
import type { SqlClient } from "../../clients/sql.ts";
import { HISTORY_MIGRATIONS } from "../../history/tables/schema.ts";
import { UsageError, type Command } from "../command.ts";

export const migrate: Command = {
  name: "migrate",
  summary: "make or update the tables of the chat history",
  usage: `Usage: strata migrate [--database URL | --pglite FOLDER] [--json]

  --database  of PostgreSQL; default: DATABASE_URL
  --pglite    a folder of PGlite, which no other process has open
  --json      prints { "applied": [numbers], "known": count }

A program does the same at its first statement; this is for databases in which programs may not create tables.
May be run again, and by several at once: each step is carried out once.`,
  async run(args, terminal) {
    const options = { database: { type: "string" }, pglite: { type: "string" }, json: { type: "boolean" } } as const;
    const { values } = parseArgs({ args: [...args], options, strict: true });
    if (values.database !== undefined && values.pglite !== undefined) {
      throw new UsageError("Give --database or --pglite, not both.");
    }
    const database = values.database ?? terminal.environment["DATABASE_URL"];
    if (database === undefined && values.pglite === undefined) {
      throw new UsageError("Which database? Give --database, --pglite, or DATABASE_URL.");
    }
    const opened = values.pglite === undefined ? await openPostgres(database as string) : openPglite(values.pglite);
    try {
      const applied = await migrateTables(opened.sql, "history", HISTORY_MIGRATIONS);
      if (values.json === true) terminal.out(JSON.stringify({ applied, known: HISTORY_MIGRATIONS.length }));
      else if (applied.length === 0) terminal.out("Nothing to do: the tables are up to date.");
      else
        terminal.out(`Applied ${applied.length === 1 ? "step" : "steps"} ${applied.join(", ")} of ${HISTORY_MIGRATIONS.length}.`);
      return 0;
    } finally {
      await opened.close();
    }
  },
};

interface Opened {
  readonly sql: SqlClient;
  close(): Promise<void>;
}

async function openPostgres(connectionString: string): Promise<Opened> {
  const { default: pg } = await import("pg");
  const pool = new pg.Pool({ connectionString, max: 1, connectionTimeoutMillis: 5_000 });
  return { sql: pgClient(pool), close: () => pool.end() };
}

function openPglite(path: string): Opened {
  const sql = pgliteClient({ path });
  return { sql, close: () => sql.close() };
}
