import { Pool } from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { pgClient } from "../../src/clients/pg.ts";
import type { SqlClient } from "../../src/clients/sql.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { StrataEvent } from "../../src/core/events.ts";
import { HistoryTables, type NumberedBatch } from "../../src/history/tables/history-tables.ts";
import { hybridLog } from "../../src/history/logs/hybrid.ts";
import { postgresLog } from "../../src/history/logs/postgres.ts";
import type { LogMessage } from "../../src/history/message-log.ts";
import { startHistoryWriter } from "../../src/history/redis/start-writer.ts";
import { freshDatabase, freshPrefix } from "../support/fresh.ts";

let pool: Pool;
let sql: SqlClient;
const redis = inject("redisUrl");
beforeAll(async () => {
  pool = new Pool({ connectionString: await freshDatabase(), max: 4 });
  sql = pgClient(pool);
});
afterAll(() => pool.end());

const message = (id: string): LogMessage => ({ id, role: "human", createdAt: 0, text: id, payload: JSON.stringify(id) });

test("a writer that runs once stores everything, sets aside what PostgreSQL refuses, and ends", async () => {
  const prefix = freshPrefix();
  const talk = { ownerId: "o", sessionId: prefix };
  const log = hybridLog({ sql, redis, prefix, durability: "redis", writer: false });
  await log.append(talk, ["a", "poison", "b"].map(message));
  for (let index = 0; index < 20; index++) await log.append(talk, [message(`m${index}`)]);
  await sql.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF new.id = 'poison' THEN RAISE EXCEPTION 'refused'; END IF; RETURN new; END $$`);
  await sql.query("CREATE TRIGGER refuse BEFORE INSERT ON strata_messages FOR EACH ROW EXECUTE FUNCTION refuse()");
  const events: StrataEvent[] = [];
  const writer = startHistoryWriter({ sql, redis, prefix, once: true, observer: (event) => void events.push(event) });
  await writer.ended;
  const stored = await postgresLog({ sql }).read(talk);
  expect(stored.map(({ id }) => id)).toEqual(["a", "b", ...Array.from({ length: 20 }, (_, index) => `m${index}`)]);
  expect(events.map(({ type }) => type).filter((type) => type !== "history.lag")).toEqual(["history.dead-letter"]);
  expect(await sql.query("SELECT error FROM strata_dead_letters")).toEqual([{ error: "refused" }]);
  expect(await log.read(talk)).toEqual(stored);
  expect(await log.forget("o")).toBe(22);
  expect(await sql.query("SELECT 1 FROM strata_dead_letters")).toEqual([]);
  await log.close();
});

test("a stream that holds as many bytes as it may takes no more, until some are stored", async () => {
  const prefix = freshPrefix();
  const talk = { ownerId: "p", sessionId: prefix };
  const log = hybridLog({ sql, redis, prefix, durability: "redis", writer: false, maxBytes: "2kb" });
  await log.append(talk, [message("x".repeat(200))]);
  const long = message("y".repeat(250));
  await expect(log.append(talk, [{ ...long, text: "z".repeat(3_000) }])).rejects.toMatchObject({ code: "QUEUE_FULL" });
  await startHistoryWriter({ sql, redis, prefix, once: true }).ended;
  await log.append(talk, [long]);
  expect(await log.read(talk)).toHaveLength(2);
  await log.close();
});

test("what was said before a forgetting is not stored, also in one batch with what was said after it", async () => {
  const talk = { ownerId: "q", sessionId: "s" };
  const tables = new HistoryTables(sql, systemClock);
  await tables.forget("q", 1_000, []);
  const batch = (id: string, seq: number, acceptedAt: number): NumberedBatch => ({
    conversation: talk,
    notes: { metadata: { [id]: "said" } },
    messages: [{ ...message(id), seq }],
    acceptedAt,
  });
  await tables.store([batch("x", 1, 10), batch("before", 2, 1_000), batch("after", 3, 1_001)]);
  const log = postgresLog({ sql });
  expect((await log.read(talk)).map(({ id, seq }) => [id, seq])).toEqual([["after", 3]]);
  expect(await sql.query("SELECT metadata FROM strata_conversations WHERE owner_id = 'q'")).toEqual([
    { metadata: { after: "said" } },
  ]);
});
