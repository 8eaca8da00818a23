import { Pool } from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { pgClient } from "../../src/clients/pg.ts";
import type { SqlClient } from "../../src/clients/sql.ts";
import { systemClock } from "../../src/core/clock.ts";
import type { StrataEvent } from "../../src/core/events.ts";
import { HistoryTables, type NumberedBatch } from "../../src/history/tables/history-tables.ts";
import { hybridLog } from "../../src/history/logs/hybrid.ts";
import { postgresLog } from "../../src/history/logs/postgres.ts";
import type { LogMessage, MessageLog } from "../../src/history/message-log.ts";
import { startHistoryWriter } from "../../src/history/redis/start-writer.ts";
import { faultProxy } from "../support/fault-proxy.ts";
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

test("entries that are too many to arrive in time at once are taken in smaller batches", { timeout: 60_000 }, async () => {
  const prefix = freshPrefix();
  const talk = { ownerId: "r", sessionId: prefix };
  const log = hybridLog({ sql, redis, prefix, durability: "redis", writer: false, deadline: "30s" });
  const ids = Array.from({ length: 500 }, (_, index) => `m${index}`);
  const payload = JSON.stringify("x".repeat(4_000));
  for (const id of ids) await log.append(talk, [{ ...message(id), payload }]);
  const proxy = await faultProxy(Number(new URL(redis).port));
  // All take 2.5 s at least, and are given up after 2 s.
  proxy.set({ replies: { bytesPerSecond: 800_000 } });
  const events: StrataEvent[] = [];
  const observer = (event: StrataEvent): void => void events.push(event);
  // None of them are found by being claimed.
  const claimAfter = "10m";
  await startHistoryWriter({ sql, redis: proxy.through(redis), prefix, once: true, claimAfter, observer }).ended;
  expect((await postgresLog({ sql }).read(talk)).map(({ id }) => id)).toEqual(ids);
  expect(events).toContainEqual(expect.objectContaining({ type: "history.fault", operation: "take" }));
  await log.close();
  await proxy.close();
});

test("when the numbers of a stream are used up, nothing is acknowledged that could not be stored", async () => {
  const prefix = freshPrefix();
  const talk = { ownerId: "t", sessionId: prefix };
  const tables = new HistoryTables(sql, systemClock);
  const place = `${prefix}:stream`;
  await tables.newEpoch(place);
  await sql.query("UPDATE strata_epochs SET number = 131071 WHERE place = $1", [place]);
  // The last one: its numbers are exact, and the table takes them.
  const log = hybridLog({ sql, redis, prefix, durability: "redis" });
  const { seqs } = await log.append(talk, [message("a")]);
  expect(seqs).toEqual([131_071 * 2 ** 36 + 1]);
  await log.drain();
  // As after a loss of Redis' data.
  const lost = hybridLog({ sql, redis: new URL("/1", redis).href, prefix, durability: "redis" });
  await expect(lost.append(talk, [message("b")])).rejects.toMatchObject({
    code: "UNAVAILABLE",
    message: expect.stringContaining('durability "postgres"'),
  });
  expect((await lost.read(talk)).map(({ id }) => id)).toEqual(["a"]);
  expect(await sql.query("SELECT number FROM strata_epochs WHERE place = $1", [place])).toEqual([{ number: 131_072 }]);
  expect(await sql.query("SELECT 1 FROM strata_dead_letters WHERE place LIKE $1", [`${place}%`])).toEqual([]);
  // What the error says to do.
  const next = hybridLog({ sql, redis, prefix });
  await next.append(talk, [message("c")]);
  expect((await next.read(talk)).map(({ id }) => id)).toEqual(["a", "c"]);
  await Promise.all([log.close(), lost.close(), next.close()]);
});

test("every window that somebody could not keep current is cold before one is gone by, however many there are", async () => {
  const prefix = freshPrefix();
  const talks = Array.from({ length: 20 }, (_, index) => ({ ownerId: "u", sessionId: `${prefix} ${index}` }));
  const open = (): MessageLog => hybridLog({ sql, redis, prefix, durability: "redis" });
  const log = open();
  for (const talk of talks) await log.append(talk, [message("a")]);
  await log.drain();
  await log.close();
  // They stand before all others.
  await sql.query("INSERT INTO strata_stale_windows SELECT '-' || n, 1 FROM generate_series(1, 2500) AS n");
  const tables = new HistoryTables(sql, systemClock);
  const floor = await tables.newEpoch(`${prefix}:stream`);
  for (const talk of talks) await tables.append(talk, [message("b")], { floor, stale: true });
  const other = open();
  for (const talk of talks) await other.append(talk, [message("c")]);
  for (const talk of talks) expect((await other.read(talk)).map(({ id }) => id)).toEqual(["a", "b", "c"]);
  await other.drain();
  for (const talk of talks) expect((await postgresLog({ sql }).read(talk)).map(({ id }) => id)).toEqual(["a", "b", "c"]);
  expect(await sql.query("SELECT 1 FROM strata_stale_windows")).toEqual([]);
  await other.close();
});
