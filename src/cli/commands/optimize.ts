/** `strata optimize`: brings the tables of PostgreSQL in order. */
import { parseArgs } from "node:util";
import type { Duration } from "../../core/options.ts";
import { eraseDeletedRows, optimizeTables, reindexTables } from "../../maintenance/tasks/tables-tasks.ts";
import { UsageError, type Command } from "../command.ts";
import { openPlaces, PLACE_OPTIONS } from "../places.ts";
import { runTasks } from "../run-tasks.ts";

export const optimize: Command = {
  name: "optimize",
  summary: "give back room in PostgreSQL, renew statistics and bloated indexes",
  usage: `Usage: strata optimize [--plan] [--database URL | --data DIR] [--erase] [--time 10m] [--json]

  --database  URL of PostgreSQL; default: DATABASE_URL
  --data      folder of a system whose history is in PGlite
  --plan      says what would be done, and writes nothing
  --erase     also writes tables anew in which rows were deleted, so that their files hold nothing of them; locks each meanwhile
  --time      ends each task after so long
  --json      prints { "plan": false, "tasks": [...] }`,
  async run(args, terminal) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        ...PLACE_OPTIONS,
        plan: { type: "boolean" },
        erase: { type: "boolean" },
        time: { type: "string" },
        json: { type: "boolean" },
      },
      strict: true,
    });
    const places = await openPlaces(values, terminal);
    try {
      const { sql } = places;
      if (sql === undefined) throw new UsageError("Which database? Give --database, or --data with a history in it.");
      const tasks = [optimizeTables({ sql }), reindexTables({ sql })];
      if (values.erase === true) tasks.push(eraseDeletedRows({ sql }));
      const options = { plan: values.plan === true, json: values.json === true, time: values.time as Duration | undefined };
      return await runTasks(tasks, options, terminal);
    } finally {
      await places.close();
    }
  },
};
