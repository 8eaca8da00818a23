import { Pool } from "pg";
import { afterAll, expect, test } from "vitest";
import { pgClient } from "../../src/clients/pg.ts";
import { pgliteClient } from "../../src/clients/pglite.ts";
import type { SqlClient } from "../../src/clients/sql.ts";
import { manualClock, systemClock } from "../../src/core/clock.ts";
import { embedMessages } from "../../src/history/tables/embed-messages.ts";
import { historyTables } from "../../src/history/tables/history-tables.ts";
import { postgresLog } from "../../src/history/logs/postgres.ts";
import type { LogMessage } from "../../src/history/message-log.ts";
import { dropDeadLetters, listDeadLetters, retryDeadLetters } from "../../src/maintenance/tasks/dead-letters.ts";
import {
  archiveConversations,
  oldMessageEmbeddings,
  orphanedHistory,
  reembedMessages,
} from "../../src/maintenance/tasks/history-tasks.ts";
import { eraseDeletedRows, optimizeTables, reindexTables } from "../../src/maintenance/tasks/tables-tasks.ts";
import { describeMaintenanceTask } from "../../src/testing/describe-maintenance-task.ts";
import { CountingEmbeddings } from "../support/counting-embeddings.ts";
import { freshDatabase } from "../support/fresh.ts";
import { onePlaceAtATime } from "../support/history-bed.ts";

const ending: Array<() => Promise<unknown>> = [];
afterAll(() => Promise.all(ending.map((end) => end())));

const DAY = 86_400_000;
const message = (id: string): LogMessage => ({
  id,
  role: "human",
  createdAt: 0,
  text: `text ${id}`,
  payload: JSON.stringify(id),
});
const talk = (session: string): { ownerId: string; sessionId: string } => ({ ownerId: "ana", sessionId: session });

async function postgres(max = 4): Promise<SqlClient> {
  const pool = new Pool({ connectionString: await freshDatabase(), max });
  ending.push(() => pool.end());
  return pgClient(pool);
}

const engines: Record<string, () => Promise<SqlClient>> = {
  PostgreSQL: () => postgres(),
  async PGlite() {
    const sql = pgliteClient();
    ending.push(() => sql.close());
    return sql;
  },
};

for (const [name, make] of Object.entries(engines)) {
  const place = onePlaceAtATime(make);
  let places = 0;
  const fresh = (): Promise<SqlClient> => place(String(places++));
  const count = async (sql: SqlClient, from: string): Promise<unknown> =>
    (await sql.query(`SELECT count(*) AS n FROM ${from}`))[0];

  describeMaintenanceTask(`archiveConversations on ${name}`, async () => {
    const sql = await fresh();
    const clock = manualClock(Date.UTC(2026, 0, 1));
    const log = postgresLog({ sql, clock });
    for (const session of ["a", "b", "c"]) await log.append(talk(session), [message("1"), message("2")]);
    await clock.advance(100 * DAY);
    await log.append(talk("new"), [message("1")]);
    const task = archiveConversations({ sql, clock, olderThan: "90d" });
    const snapshot = async (): Promise<unknown> => [
      await count(sql, "strata_messages"),
      await count(sql, "strata_archived_messages"),
    ];
    return { task, items: 3, snapshot, close: () => log.close() };
  });

  describeMaintenanceTask(`oldMessageEmbeddings on ${name}`, async () => {
    const sql = await fresh();
    const clock = manualClock(Date.UTC(2026, 0, 1));
    const log = postgresLog({ sql, clock });
    await log.append(talk("a"), [message("1"), message("2"), message("3")]);
    await clock.advance(100 * DAY);
    await log.append(talk("new"), [message("1")]);
    await embedMessages({ sql, embeddings: new CountingEmbeddings(), model: "m" });
    const task = oldMessageEmbeddings({ sql, clock, olderThan: "90d" });
    return { task, items: 3, snapshot: () => count(sql, "strata_message_embeddings"), close: () => log.close() };
  });

  describeMaintenanceTask(`orphanedHistory on ${name}`, async () => {
    const sql = await fresh();
    const log = postgresLog({ sql });
    await log.append(talk("a"), [message("1"), message("2")]);
    await log.close();
    await sql.query("DELETE FROM strata_unread_messages");
    await sql.query(
      "INSERT INTO strata_archived_messages SELECT 999, seq, id, role, name, created_at, text, payload FROM strata_messages",
    );
    await sql.query("INSERT INTO strata_unread_messages VALUES (999, '{1}')");
    const snapshot = async (): Promise<unknown> => [
      await count(sql, "strata_messages"),
      await count(sql, "strata_archived_messages"),
      await count(sql, "strata_unread_messages"),
    ];
    return { task: orphanedHistory({ sql }), items: 3, snapshot };
  });

  describeMaintenanceTask(`reembedMessages on ${name}`, async () => {
    const sql = await fresh();
    const log = postgresLog({ sql });
    await log.append(talk("a"), [message("1"), message("2"), message("3")]);
    const embeddings = new CountingEmbeddings();
    await embedMessages({ sql, embeddings, model: "old" });
    const task = reembedMessages({ sql, embeddings, model: "new" });
    const snapshot = (): Promise<unknown> => sql.query("SELECT seq, model FROM strata_message_embeddings ORDER BY seq, model");
    return { task, items: 3, snapshot, close: () => log.close() };
  });

  const buried = async (sql: SqlClient): Promise<void> => {
    const tables = historyTables("test", { sql });
    for (const seq of [1, 2, 3]) {
      const batch = { conversation: talk("a"), messages: [{ ...message(String(seq)), seq }], acceptedAt: systemClock.now() };
      await tables.bury({ place: `s 1-0 ${seq}`, ownerId: "ana", entry: JSON.stringify(batch), error: new Error("no space") });
    }
  };
  const letters = async (sql: SqlClient): Promise<unknown> => [
    await count(sql, "strata_dead_letters"),
    await sql.query("SELECT seq, id FROM strata_messages ORDER BY seq"),
  ];

  describeMaintenanceTask(`retryDeadLetters on ${name}`, async () => {
    const sql = await fresh();
    await buried(sql);
    return { task: retryDeadLetters({ sql }), items: 3, snapshot: () => letters(sql) };
  });

  describeMaintenanceTask(`dropDeadLetters on ${name}`, async () => {
    const sql = await fresh();
    await buried(sql);
    const clock = manualClock(systemClock.now() + 10 * DAY);
    return { task: dropDeadLetters({ sql, clock, olderThan: "9d" }), items: 3, snapshot: () => letters(sql) };
  });
}

test("dead letters are listed without what they hold; one that nobody can read stays until it is dropped", async () => {
  const sql = await postgres();
  const tables = historyTables("test", { sql });
  await tables.bury({ place: "s 1-0", entry: "not JSON", error: new Error("It cannot be read.\nsecret") });
  expect(await listDeadLetters({ sql })).toEqual([
    { id: 1, place: "s 1-0", error: "It cannot be read.", diedAt: expect.any(Date) as Date, bytes: 8, readable: false },
  ]);
  expect(await retryDeadLetters({ sql }).plan()).toMatchObject({
    items: 0,
    notes: ["1 cannot be read; they can only be dropped."],
  });
  expect(await retryDeadLetters({ sql }).run()).toMatchObject({ items: 0 });
  expect(await listDeadLetters({ sql })).toHaveLength(1);
});

async function withDeletedRows(sql: SqlClient): Promise<void> {
  const log = postgresLog({ sql });
  const many = Array.from({ length: 200 }, (_, index) => message(`canary-${index}`));
  await log.append(talk("a"), many);
  await log.close();
  await sql.query("DELETE FROM strata_messages WHERE seq <= 150");
  // The server notes it about a second later by itself.
  await sql.query("SELECT pg_stat_force_next_flush()::text");
}

describeMaintenanceTask(
  "optimizeTables",
  async () => {
    const sql = await postgres(1);
    await withDeletedRows(sql);
    const snapshot = async (): Promise<unknown> =>
      sql.query("SELECT vacuum_count AS n FROM pg_stat_user_tables WHERE relname = 'strata_messages'");
    return { task: optimizeTables({ sql, tables: ["strata_messages"] }), items: 1, snapshot };
  },
  { steps: false },
);

describeMaintenanceTask(
  "reindexTables",
  async () => {
    const sql = await postgres(1);
    await withDeletedRows(sql);
    await sql.query("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'strata_messages_pkey'::regclass");
    const snapshot = (): Promise<unknown> =>
      sql.query("SELECT indisvalid AS ok FROM pg_index WHERE indrelid = 'strata_messages'::regclass ORDER BY indexrelid");
    return { task: reindexTables({ sql, tables: ["strata_messages"] }), items: 1, snapshot };
  },
  { steps: false },
);

describeMaintenanceTask(
  "eraseDeletedRows",
  async () => {
    const sql = await postgres(1);
    await withDeletedRows(sql);
    const snapshot = (): Promise<unknown> =>
      sql.query("SELECT relfilenode::bigint AS n FROM pg_class WHERE relname = 'strata_messages'");
    return { task: eraseDeletedRows({ sql, tables: ["strata_messages"] }), items: 1, snapshot };
  },
  { steps: false },
);
