import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { afterAll, expect, test } from "vitest";
import { pgClient } from "../../../src/clients/pg.ts";
import { pgliteClient } from "../../../src/clients/pglite.ts";
import type { SqlClient } from "../../../src/clients/sql.ts";
import { manualClock, systemClock } from "../../../src/core/clock.ts";
import { archiveHistory } from "../../../src/history/tables/archive.ts";
import { ConversationStore } from "../../../src/history/conversation-store.ts";
import { embedMessages } from "../../../src/history/tables/embed-messages.ts";
import { historyTables } from "../../../src/history/tables/history-tables.ts";
import { postgresLog } from "../../../src/history/logs/postgres.ts";
import type { LogMessage } from "../../../src/history/message-log.ts";
import { StrategyTable } from "../../../src/memory/strategy-table.ts";
import { backup } from "../../../src/maintenance/backup/backup.ts";
import { forgettingLog } from "../../../src/maintenance/backup/forgetting-log.ts";
import { historyPart } from "../../../src/maintenance/backup/parts/history-part.ts";
import { HISTORY_KINDS } from "../../../src/maintenance/backup/parts/history-kinds.ts";
import { restore } from "../../../src/maintenance/backup/restore.ts";
import { CountingEmbeddings } from "../../support/counting-embeddings.ts";
import { freshDatabase } from "../../support/fresh.ts";

const root = mkdtempSync(join(tmpdir(), "strata-backup-history-"));
const ending: Array<() => Promise<unknown>> = [];
afterAll(async () => {
  await Promise.all(ending.map((end) => end()));
  rmSync(root, { recursive: true });
});

async function postgres(): Promise<SqlClient> {
  const pool = new Pool({ connectionString: await freshDatabase(), max: 6 });
  ending.push(() => pool.end());
  return pgClient(pool);
}

function pglite(): SqlClient {
  const sql = pgliteClient();
  ending.push(() => sql.close());
  return sql;
}

const message = (id: string, text = `text of ${id} \u{1f512} "quoted" \\ \n\t`): LogMessage => ({
  ...{ id, role: "human", name: "Ana", createdAt: 1_700_000_000_123, text },
  payload: JSON.stringify({ id, text, lone: "\ud83d", nul: "\0" }),
});
const talk = (owner: string, session: string): { ownerId: string; sessionId: string } => ({ ownerId: owner, sessionId: session });

/** A history that has something of everything. */
async function fill(sql: SqlClient): Promise<void> {
  const clock = manualClock(Date.UTC(2026, 0, 1, 12, 30, 15, 123));
  const log = postgresLog({ sql, clock });
  const tables = historyTables("test", { sql, clock });
  await log.append(talk("ana", "old"), [message("1"), message("2")]);
  await clock.advance(100 * 86_400_000);
  await archiveHistory({ sql, clock, olderThan: "90d" });
  const notes = { feature: "chat", metadata: { a: [1, { "b\u00e9": null }], n: 1e21 } };
  await log.append(talk("ana", "new"), [message("1"), message("2"), message("3")], { notes });
  await log.append(talk("ben", "new"), [message("1", "")]);
  await tables.clear(talk("ben", "new"), 0, []);
  await log.append(talk("ben", "new"), [message("2")]);
  await sql.query("UPDATE strata_messages SET text = '', payload = '' WHERE id = '3'");
  await sql.query(`INSERT INTO strata_summaries SELECT id, 2, 'they spoke', now() FROM strata_conversations WHERE session_id = 'new'
    AND owner_id = 'ana'`);
  await tables.bury({ place: "stream 1-0", ownerId: "ana", entry: '{"x":"\0\u00e9"}', error: new Error("refused") });
  await tables.bury({ place: "stream 2-0", entry: "unreadable", error: new Error("refused") });
  await tables.newEpoch("stream");
  await sql.query("INSERT INTO strata_imports VALUES ('source', 12, now())");
  await embedMessages({ sql, embeddings: new CountingEmbeddings(), model: "m" });
  await log.close();
  const recalls = new StrategyTable({ sql, clock, onError: (error) => expect.fail(String(error)) });
  for (const [ownerId, outcome] of [
    ["ana", 1],
    ["ben", undefined],
  ] as const) {
    recalls.put({
      ...{ id: `recall of ${ownerId}`, ownerId, strategy: "hybrid", at: clock.now(), latencyMs: 1.25, results: 3 },
      ...{ cacheHit: false, propensity: 0.95, isExploration: false, outcome },
    });
  }
  await recalls.close();
}

/** Everything that a backup reads, as text, in an order of its own. */
async function everything(sql: SqlClient): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const { letter, read } of HISTORY_KINDS) {
    const rows = await sql.query<{ owner: string | null; line: string }>(read);
    // Grows with each writer that passes by.
    found[letter] = rows.map(({ owner, line }) => `${owner} ${line.replace(/"arrivals":\d+/, "")}`).toSorted();
  }
  return found;
}

test("a history goes from PostgreSQL to PGlite and back, equal in every value", async () => {
  const source = await postgres();
  await fill(source);
  const before = await everything(source);
  expect(Object.entries(before).map(([letter, rows]) => [letter, rows.length])).toEqual([
    ["C", 3],
    ["A", 2],
    ["M", 4],
    ["S", 1],
    ["V", 3],
    ["D", 2],
    ["E", 1],
    ["I", 1],
    ["R", 2],
  ]);
  const first = join(root, "first.backup");
  const report = await backup({ to: first, parts: [historyPart({ sql: source })] });
  expect(report.parts).toMatchObject([{ name: "history", records: 19 }]);

  const middle = pglite();
  const there = await restore({ from: first, parts: [historyPart({ sql: middle })] });
  expect(there.parts).toMatchObject([{ records: 19, restored: 19, present: 0, refused: 0, forgotten: 0 }]);
  expect(await everything(middle)).toEqual(before);

  const second = join(root, "second.backup");
  await backup({ to: second, parts: [historyPart({ sql: middle })] });
  const target = await postgres();
  expect((await restore({ from: second, parts: [historyPart({ sql: target })] })).parts).toMatchObject([{ restored: 19 }]);
  expect(await everything(target)).toEqual(before);

  // Again changes nothing, and a program goes on where it was.
  expect((await restore({ from: first, parts: [historyPart({ sql: target })] })).parts).toMatchObject([
    { restored: 0, present: 19, refused: 0 },
  ]);
  expect(await everything(target)).toEqual(before);
  const store = new ConversationStore({ sql: target });
  await store.drain();
  const log = postgresLog({ sql: target });
  expect(await log.append(talk("ana", "new"), [message("1"), message("9")])).toMatchObject({ seqs: [1, 5], added: 1 });
  const words = await target.query<{ n: number }>("SELECT count(*) AS n FROM strata_message_words");
  expect(words[0]?.n).toBeGreaterThanOrEqual(4);
  await log.close();
  await store.close();
});

test("what happened in the target since stays: corrections, clearings, new messages", async () => {
  const sql = await postgres();
  const log = postgresLog({ sql });
  const tables = historyTables("test", { sql });
  await log.append(talk("ana", "cleared"), [message("1"), message("2")]);
  await log.append(talk("ana", "corrected"), [message("1")]);
  await log.append(talk("ana", "gone"), [message("1")]);
  const to = join(root, "since.backup");
  await backup({ to, parts: [historyPart({ sql })] });
  await tables.clear(talk("ana", "cleared"), 0, []);
  await sql.query("UPDATE strata_messages SET text = 'corrected' WHERE text LIKE 'text of 1%'");
  await sql.query(
    "DELETE FROM strata_messages USING strata_conversations c WHERE c.id = conversation_id AND c.session_id = 'gone'",
  );
  await sql.query("DELETE FROM strata_conversations WHERE session_id = 'gone'");
  await log.append(talk("ana", "gone"), [message("other")]);

  const report = await restore({ from: to, parts: [historyPart({ sql })] });
  // Of four messages one is there, two were cleared, and the number of one is another's.
  expect(report.parts).toMatchObject([{ restored: 0, present: 4, refused: 3 }]);
  expect(await log.read(talk("ana", "cleared"))).toEqual([]);
  expect((await log.read(talk("ana", "corrected"))).map(({ text }) => text)).toEqual(["corrected"]);
  expect((await log.read(talk("ana", "gone"))).map(({ id }) => id)).toEqual(["other"]);
  await log.close();
});

test("an owner who was forgotten does not come back, on this server or another", async () => {
  const sql = await postgres();
  await fill(sql);
  const to = join(root, "forgotten.backup");
  await backup({ to, parts: [historyPart({ sql })] });
  const store = new ConversationStore({ sql });
  await store.forget({ ownerId: "ana" });
  const here = await restore({ from: to, parts: [historyPart({ sql })] });
  expect(here.parts).toMatchObject([{ forgotten: 12 }]);
  expect(await sql.query("SELECT 1 AS n FROM strata_conversations WHERE owner_id = 'ana'")).toEqual([]);

  const elsewhere = await postgres();
  const forgotten = forgettingLog({ path: join(root, "forgotten.log") });
  await forgotten.add({ ownerId: "ana" });
  expect((await restore({ from: to, parts: [historyPart({ sql: elsewhere })], forgotten })).parts).toMatchObject([
    { forgotten: 12, restored: 7 },
  ]);
  // The tombstone is there too.
  expect(await elsewhere.query("SELECT count(*) AS n FROM strata_forgotten")).toEqual([{ n: 1 }]);

  // What is backed up from now on says it by itself.
  const later = join(root, "later.backup");
  await backup({ to: later, parts: [historyPart({ sql })] });
  expect(readFileSync(later).includes("ana")).toBe(false);
  const third = await postgres();
  await restore({ from: later, parts: [historyPart({ sql: third })] });
  expect(await third.query("SELECT count(*) AS n FROM strata_forgotten")).toEqual([{ n: 1 }]);
  await store.close();
});

test("a backup under traffic is the history at one moment: nothing acknowledged before is missing, no append is torn", async () => {
  const sql = await postgres();
  const log = postgresLog({ sql });
  const acknowledged = new Set<string>();
  let next = 0;
  let running = true;
  const writer = async (owner: number): Promise<void> => {
    while (running) {
      const n = next++;
      const three = [0, 1, 2].map((part) => message(`${n}-${part}`));
      await log.append(talk(`owner ${owner}`, `session ${n % 5}`), three);
      for (const { id } of three) acknowledged.add(id);
    }
  };
  const writers = [1, 2, 3].map(writer);
  await expect.poll(() => acknowledged.size, { timeout: 10_000 }).toBeGreaterThan(300);
  const before = [...acknowledged];
  const to = join(root, "traffic.backup");
  const slow = historyPart({ sql });
  // Give the writers time while it is read.
  const part: typeof slow = {
    ...slow,
    backup: (put, options) =>
      slow.backup(async (owners, ...body) => {
        await new Promise<void>((go) => void systemClock.setTimer(0, go));
        return put(owners, ...body);
      }, options),
  };
  await backup({ to, parts: [part] });
  running = false;
  await Promise.all(writers);
  expect(acknowledged.size).toBeGreaterThan(before.length);

  const target = await postgres();
  await restore({ from: to, parts: [historyPart({ sql: target })] });
  const ids = (await target.query<{ id: string }>("SELECT id FROM strata_messages")).map(({ id }) => id);
  const found = new Set(ids);
  expect(ids.length).toBe(found.size);
  expect(before.filter((id) => !found.has(id))).toEqual([]);
  const perAppend = new Map<string, number>();
  for (const id of found) perAppend.set(id.split("-")[0] ?? "", (perAppend.get(id.split("-")[0] ?? "") ?? 0) + 1);
  expect([...perAppend.values()].filter((count) => count !== 3)).toEqual([]);
  await log.close();
});
