/** Somebody who was forgotten, looked for in the bytes: of the tables, after they were written anew, and of a backup made afterwards. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { expect, test } from "vitest";
import { pgClient } from "../../src/clients/pg.ts";
import { systemClock } from "../../src/core/clock.ts";
import { ConversationStore } from "../../src/history/conversation-store.ts";
import { postgresLog } from "../../src/history/logs/postgres.ts";
import { backup } from "../../src/maintenance/backup/backup.ts";
import { historyPart } from "../../src/maintenance/backup/parts/history-part.ts";
import { eraseDeletedRows } from "../../src/maintenance/tasks/tables-tasks.ts";
import { freshDatabase } from "../support/fresh.ts";
import { backupBytes } from "../support/raw-bytes.ts";

const CANARY = "canary-of-ana-5f21";
const STAYS = "what-ben-said-5f21";

test("is in no table file after the tables were written anew, and in no backup made afterwards", async () => {
  const root = mkdtempSync(join(tmpdir(), "strata-forgotten-"));
  const pool = new Pool({ connectionString: await freshDatabase(), max: 1 });
  const sql = pgClient(pool);
  const log = postgresLog({ sql });
  const store = new ConversationStore({ sql });
  try {
    for (const [ownerId, text] of [
      ["ana", CANARY],
      ["ben", STAYS],
    ] as const) {
      const messages = Array.from({ length: 50 }, (_, index) => {
        const own = `${text} ${index}`;
        return {
          id: `${ownerId}-${index}`,
          role: "human",
          createdAt: systemClock.now(),
          text: own,
          payload: JSON.stringify(own),
        };
      });
      await log.append({ ownerId, sessionId: `${text}-session` }, messages, { notes: { metadata: { text } } });
    }
    await store.drain();
    await store.forget({ ownerId: "ana" });
    await pool.query("SELECT pg_stat_force_next_flush()");

    // Deleted, and still in the files: so the looking finds what is there.
    expect((await tableBytes(pool)).includes(CANARY)).toBe(true);
    expect(await eraseDeletedRows({ sql }).run()).toMatchObject({ failed: {}, complete: true });
    const after = await tableBytes(pool);
    expect(after.includes(CANARY)).toBe(false);
    expect(after.includes(STAYS)).toBe(true);

    const path = join(root, "later.backup");
    await backup({ to: path, parts: [historyPart({ sql })] });
    const unpacked = await backupBytes(path);
    expect(unpacked.includes(CANARY)).toBe(false);
    expect(unpacked.includes(STAYS)).toBe(true);
  } finally {
    await log.close();
    await store.close();
    await pool.end();
    rmSync(root, { recursive: true });
  }
});

/** The files of all tables, of what is stored beside them, and of their indexes. */
async function tableBytes(pool: Pool): Promise<string> {
  await pool.query("CHECKPOINT");
  const { rows } = await pool.query<{ bytes: Buffer }>(
    `SELECT pg_read_binary_file(pg_relation_filepath(oid)) AS bytes FROM pg_class
     WHERE relkind IN ('r', 't', 'i') AND pg_relation_size(oid) > 0 AND oid >= 16384`,
  );
  return Buffer.concat(rows.map(({ bytes }) => bytes)).toString("latin1");
}
