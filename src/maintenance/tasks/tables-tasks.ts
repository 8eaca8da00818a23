/** Work on the tables of PostgreSQL themselves: statistics, room, indexes, and bytes that deleted rows leave in the files. */
import { systemClock } from "../../core/clock.ts";
import { migrate, parseIdentifier } from "../../clients/migrate.ts";
import { refuseUnknown } from "../../core/options.ts";
import { historyTables } from "../../history/tables/history-tables.ts";
import type { SqlClient } from "../../clients/sql.ts";
import type { MaintenanceTask, TaskRunOptions } from "../task.ts";
import { MAINTENANCE_MIGRATIONS } from "../schema.ts";
import { TaskRun } from "../task-run.ts";
import type { HistoryTaskOptions } from "./history-tasks.ts";

export interface TablesTaskOptions extends HistoryTaskOptions {
  /** Default: all whose names begin with `strata_`. */
  readonly tables?: readonly string[] | undefined;
}

interface TableWork {
  readonly name: string;
  readonly summary: string;
  /** Gives the `name` of what needs it, a table or an index. `$1` is the list of tables that it may choose from. */
  readonly needed: string;
  readonly statements: (name: string) => readonly string[];
  readonly notes: readonly string[];
  /** Carried out after the others, where anything was done. */
  readonly last?: (sql: SqlClient) => Promise<void>;
}

/** Tables that are ours: in the schema that the connection sees first. */
const OURS =
  "SELECT relname::text AS name FROM pg_class WHERE relkind = 'r' AND relname LIKE 'strata\\_%' AND pg_table_is_visible(oid)";

/**
 * Gives back the room of deleted rows and brings the planner's statistics up to date (`VACUUM (ANALYZE)`). Only tables in which a
 * tenth of the rows is dead, or that were never analysed.
 * @throws {@link StrataConfigError} naming the option
 */
export function optimizeTables(options: TablesTaskOptions): MaintenanceTask {
  refuseUnknown("optimizeTables", options, ["sql", "clock", "tables"]);
  return tablesTask(options, {
    name: "optimize-tables",
    summary: "give back the room of deleted rows, and bring statistics up to date",
    needed: `SELECT s.relname::text AS name FROM pg_stat_user_tables s
      WHERE s.relname = any($1) AND (n_dead_tup > 50 + 0.1 * n_live_tup
        OR (n_live_tup > 0 AND last_analyze IS NULL AND last_autoanalyze IS NULL))`,
    statements: (table) => [`VACUUM (ANALYZE) ${table}`],
    notes: ["Reads and writes go on meanwhile."],
  });
}

/**
 * Builds indexes anew that are mostly air or were left invalid, while reads and writes go on (`REINDEX INDEX CONCURRENTLY`).
 * @throws {@link StrataConfigError} naming the option
 */
export function reindexTables(options: TablesTaskOptions): MaintenanceTask {
  refuseUnknown("reindexTables", options, ["sql", "clock", "tables"]);
  return tablesTask(options, {
    name: "reindex-tables",
    summary: "build bloated and invalid indexes anew",
    // A B-tree leaf that was filled in order is 90 % full; entries of digests take about 70 bytes.
    needed: `SELECT x.relname::text AS name FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid
      WHERE c.relname = any($1) AND c.relkind = 'r' AND pg_table_is_visible(c.oid)
        AND (NOT i.indisvalid OR pg_relation_size(x.oid) > 1048576 + 300 * greatest(c.reltuples, 0))`,
    // One by one: of a whole table PostgreSQL passes over the invalid ones.
    statements: (index) => [`REINDEX INDEX CONCURRENTLY ${index}`],
    notes: ["Reads and writes go on meanwhile; needs the room of the indexes a second time."],
  });
}

/**
 * Writes tables anew that hold deleted rows (`VACUUM FULL`): PostgreSQL leaves the bytes of a deleted row in the file until then. For
 * when somebody who was forgotten must be gone from the files too. What the write-ahead log, replicas and archives of it hold is
 * theirs to expire.
 * @throws {@link StrataConfigError} naming the option
 */
export function eraseDeletedRows(options: TablesTaskOptions): MaintenanceTask {
  refuseUnknown("eraseDeletedRows", options, ["sql", "clock", "tables"]);
  return tablesTask(options, {
    name: "erase-deleted-rows",
    summary: "write tables anew, so that nothing is left of deleted rows in their files",
    // Counters of the statistics never go back, and arrive about a second after a deletion.
    needed: `SELECT s.relname::text AS name FROM pg_stat_user_tables s LEFT JOIN strata_erased e ON e.name = s.relname
      WHERE s.relname = any($1) AND s.relname <> 'strata_erased' AND n_tup_del + n_tup_upd > coalesce(e.mark, 0)`,
    statements: (table) => [
      `INSERT INTO strata_erased AS e (name, mark) SELECT relname, n_tup_del + n_tup_upd FROM pg_stat_user_tables
       WHERE relname = '${table}' ON CONFLICT (name) DO UPDATE SET mark = excluded.mark`,
      `VACUUM (FULL, ANALYZE) ${table}`,
    ],
    notes: [
      "Each table is locked while it is written anew.",
      "Old segments of the write-ahead log hold the rows until they are reused.",
      "The planner's samples are written anew too where the role owns the database.",
    ],
    // The words of messages are sampled there; what a sample replaced lies on in the file as any deleted row.
    async last(sql) {
      const [database] = await sql.query<{ is_ours: boolean }>(
        "SELECT pg_has_role(datdba, 'USAGE') AS is_ours FROM pg_database WHERE datname = current_database()",
      );
      if (database?.is_ours === true) await sql.query("VACUUM (FULL) pg_catalog.pg_statistic");
    },
  });
}

function tablesTask(options: TablesTaskOptions, work: TableWork): MaintenanceTask {
  const { sql, clock = systemClock } = options;
  const history = historyTables(work.name, options);
  const given = options.tables?.map((table) => parseIdentifier(`${work.name}.tables`, table));

  async function needing(signal: AbortSignal | undefined): Promise<string[]> {
    await history.ready();
    await migrate(sql, "maintenance", MAINTENANCE_MIGRATIONS);
    const names = given ?? (await sql.query<{ name: string }>(OURS, [], { signal })).map(({ name }) => name);
    const found = await sql.query<{ name: string }>(work.needed, [names], { signal });
    return found.map(({ name }) => parseIdentifier(work.name, name)).toSorted();
  }

  return {
    name: work.name,
    summary: work.summary,
    async plan({ signal } = {}) {
      const names = await needing(signal);
      return { items: names.length, by: Object.fromEntries(names.map((name) => [name, 1])), notes: work.notes };
    },
    async run(runOptions: TaskRunOptions = {}) {
      const run = new TaskRun(clock, runOptions);
      const names = await needing(run.signal);
      for (const name of names) {
        if (run.room(1) === 0) break;
        try {
          for (const statement of work.statements(name)) await sql.query(statement, [], { signal: run.signal });
          run.done(1, name);
        } catch (error) {
          run.failed(name, error);
        }
      }
      try {
        if (names.length > 0) await work.last?.(sql);
      } catch (error) {
        run.failed("pg_statistic", error);
      }
      return run.report();
    },
  };
}
