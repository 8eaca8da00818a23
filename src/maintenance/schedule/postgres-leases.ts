/**
 * Leases in a row of PostgreSQL. Not an advisory lock of the session: behind a pooler that changes connections it is nobody's, a
 * session that is kept open for it holds a connection, and it does not remember which times were taken.
 */
import { migrate, type Migration } from "../../clients/migrate.ts";
import type { SqlClient } from "../../clients/sql.ts";
import { requireMethods } from "../../core/options.ts";
import { MAINTENANCE_MIGRATIONS } from "../schema.ts";
import type { ScheduleLeases } from "./schedule-leases.ts";

/** Time is the server's, which all schedulers share. */
const TAKE = `
  INSERT INTO strata_schedule AS s (job, slot, token, held_until) VALUES ($1, $2::bigint, 1, now() + $3::double precision * interval '1 ms')
  ON CONFLICT (job) DO UPDATE SET slot = excluded.slot, token = s.token + 1, held_until = excluded.held_until
    WHERE s.slot < excluded.slot AND s.held_until <= now()
  RETURNING token`;
const RENEW = `
  UPDATE strata_schedule SET held_until = now() + $3::double precision * interval '1 ms'
  WHERE job = $1 AND token = $2::bigint RETURNING token`;
const END = "UPDATE strata_schedule SET held_until = now() WHERE job = $1 AND token = $2::bigint";

const MIGRATIONS: readonly Migration[] = MAINTENANCE_MIGRATIONS;

/**
 * Schedulers of all processes that share a database run a job once.
 * @throws {@link StrataConfigError} when it is no client
 */
export function postgresLeases(sql: SqlClient): ScheduleLeases {
  requireMethods("postgresLeases.sql", sql, ["query", "transaction"], "a SqlClient, such as pgClient(pool)");
  let migrating: Promise<unknown> | undefined;

  async function ready(): Promise<void> {
    migrating ??= migrate(sql, "maintenance", MIGRATIONS);
    await migrating.catch((error: unknown) => {
      migrating = undefined;
      throw error;
    });
  }

  return {
    async take(job, slot, ms, options) {
      await ready();
      const [row] = await sql.query<{ token: number }>(TAKE, [job, slot, ms], options);
      if (row === undefined) return undefined;
      const { token } = row;
      return {
        token,
        renew: async (again) => (await sql.query(RENEW, [job, token, again])).length > 0,
        end: async () => void (await sql.query(END, [job, token])),
      };
    },
  };
}
