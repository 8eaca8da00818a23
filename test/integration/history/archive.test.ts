import { Pool } from "pg";
import { afterAll, describe, expect, test } from "vitest";
import { pgClient } from "../../../src/clients/pg.ts";
import { pgliteClient } from "../../../src/clients/pglite.ts";
import type { SqlClient } from "../../../src/clients/sql.ts";
import { manualClock } from "../../../src/core/clock.ts";
import { archiveHistory, type ArchiveReport } from "../../../src/history/tables/archive.ts";
import { postgresLog } from "../../../src/history/logs/postgres.ts";
import type { LogMessage } from "../../../src/history/message-log.ts";
import { freshDatabase } from "../../support/fresh.ts";

const ending: Array<() => Promise<unknown>> = [];
afterAll(() => Promise.all(ending.map((end) => end())));

const message = (id: string): LogMessage => ({ id, role: "human", createdAt: 0, text: id, payload: JSON.stringify(id) });
const talk = (name: string): { ownerId: string; sessionId: string } => ({ ownerId: "ana", sessionId: name });
const idsOf = (list: ReadonlyArray<{ id: string }>): string[] => list.map(({ id }) => id);
const DAY = 86_400_000;

const engines: Record<string, () => Promise<SqlClient>> = {
  async PostgreSQL() {
    const pool = new Pool({ connectionString: await freshDatabase(), max: 4 });
    ending.push(() => pool.end());
    return pgClient(pool);
  },
  async PGlite() {
    const sql = pgliteClient();
    ending.push(() => sql.close());
    return sql;
  },
};

describe.each(Object.entries(engines))("archiveHistory on %s", (_, make) => {
  test("moves what is old, in batches; it is read as before, goes on, and takes no message twice", async () => {
    const sql = await make();
    const clock = manualClock(Date.UTC(2026, 0, 1));
    const log = postgresLog({ sql, clock });
    for (const name of ["a", "b", "c"]) await log.append(talk(name), [message("1"), message("2")]);
    await clock.advance(100 * DAY);
    await log.append(talk("new"), [message("1")]);

    const told: ArchiveReport[] = [];
    const options = { sql, clock, olderThan: "90d", batch: 2 } as const;
    expect(await archiveHistory({ ...options, onProgress: (report) => void told.push(report) })).toEqual({
      conversations: 3,
      messages: 6,
    });
    expect(told).toEqual([
      { conversations: 2, messages: 4 },
      { conversations: 3, messages: 6 },
    ]);
    expect(await sql.query("SELECT id FROM strata_messages")).toEqual([{ id: "1" }]);
    expect(await archiveHistory(options)).toEqual({ conversations: 0, messages: 0 });

    expect(idsOf(await log.read(talk("a")))).toEqual(["1", "2"]);
    expect(await log.append(talk("a"), [message("2"), message("3")])).toMatchObject({ added: 1 });
    expect(idsOf(await log.read(talk("a")))).toEqual(["1", "2", "3"]);
    expect(idsOf(await log.read(talk("a"), { limit: 2 }))).toEqual(["2", "3"]);
    await clock.advance(100 * DAY);
    expect(await archiveHistory(options)).toEqual({ conversations: 2, messages: 2 });
    expect(idsOf(await log.read(talk("a")))).toEqual(["1", "2", "3"]);
    expect(await log.clear(talk("b"))).toBe(2);
    expect(await log.forget("ana")).toBe(6);
    expect(await sql.query("SELECT 1 FROM strata_archived_messages")).toEqual([]);
    await log.close();
  });

  test("ends between batches when it is told to", async () => {
    const sql = await make();
    const clock = manualClock(Date.UTC(2026, 0, 1));
    const log = postgresLog({ sql, clock });
    for (const name of ["a", "b"]) await log.append(talk(name), [message("1")]);
    await clock.advance(DAY);
    const stop = new AbortController();
    const running = archiveHistory({
      sql,
      clock,
      olderThan: "1h",
      batch: 1,
      signal: stop.signal,
      onProgress: () => stop.abort(new Error("enough")),
    });
    await expect(running).rejects.toThrow("enough");
    expect(await sql.query("SELECT count(*) AS count FROM strata_archived_messages")).toEqual([{ count: 1 }]);
    await log.close();
  });
});

test("an append that waits while its conversation is moved takes no message twice", async () => {
  const pool = new Pool({ connectionString: await freshDatabase(), max: 4 });
  ending.push(() => pool.end());
  const sql = pgClient(pool);
  const log = postgresLog({ sql });
  await log.append(talk("a"), [message("1")]);
  const mover = await pool.connect();
  await mover.query("BEGIN");
  await mover.query("UPDATE strata_conversations SET archived_at = now()");
  await mover.query(`WITH moved AS (DELETE FROM strata_messages RETURNING *)
    INSERT INTO strata_archived_messages (conversation_id, seq, id, role, name, created_at, text, payload)
    SELECT conversation_id, seq, id, role, name, created_at, text, payload FROM moved`);
  const appending = log.append(talk("a"), [message("1"), message("2")]);
  await expect
    .poll(async () => (await sql.query("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")).length)
    .toBeGreaterThan(0);
  await mover.query("COMMIT");
  mover.release();
  expect(await appending).toMatchObject({ added: 1, seqs: [1, 3] });
  expect(idsOf(await log.read(talk("a")))).toEqual(["1", "2"]);
  await log.close();
});
