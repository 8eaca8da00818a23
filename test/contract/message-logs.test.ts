import { Pool } from "pg";
import { afterAll, inject } from "vitest";
import { pgClient } from "../../src/clients/pg.ts";
import { pgliteClient } from "../../src/clients/pglite.ts";
import { hybridLog } from "../../src/history/logs/hybrid.ts";
import { memoryLog } from "../../src/history/logs/memory.ts";
import { postgresLog } from "../../src/history/logs/postgres.ts";
import { describeMessageLog } from "../../src/testing/describe-message-log.ts";
import { freshDatabase, freshPrefix } from "../support/fresh.ts";
import { onePlaceAtATime } from "../support/history-bed.ts";

const ending: Array<() => Promise<unknown>> = [];
afterAll(() => Promise.all(ending.map((end) => end())));

const postgres = onePlaceAtATime(async () => {
  const pool = new Pool({ connectionString: await freshDatabase(), max: 6 });
  ending.push(() => pool.end());
  return pgClient(pool);
});

const pglite = onePlaceAtATime(async () => {
  const sql = pgliteClient();
  ending.push(() => sql.close());
  return sql;
});

const shared = { shared: true };

describeMessageLog("memoryLog", () => memoryLog());
describeMessageLog("postgresLog on PostgreSQL", async ({ place }) => postgresLog({ sql: await postgres(place) }), shared);
describeMessageLog("postgresLog on PGlite", async ({ place }) => postgresLog({ sql: await pglite(place) }), shared);

const prefix = freshPrefix();
for (const durability of ["postgres", "redis", "both"] as const) {
  describeMessageLog(
    `hybridLog with durability ${durability}`,
    async ({ place }) => {
      const sql = await postgres(place);
      return hybridLog({ sql, redis: inject("redisUrl"), prefix: `${prefix}${place}`, durability });
    },
    shared,
  );
}
