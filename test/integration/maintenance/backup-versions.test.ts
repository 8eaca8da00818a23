/**
 * Backups that releases have written are restored by this one, byte for byte. A file in `test/fixtures/backups` is never written
 * anew: a release that changes the format adds one.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { Pool } from "pg";
import { expect, test } from "vitest";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { pgClient } from "../../../src/clients/pg.ts";
import { historyPart } from "../../../src/maintenance/backup/parts/history-part.ts";
import { tierPart } from "../../../src/maintenance/backup/parts/tier-part.ts";
import { restore } from "../../../src/maintenance/backup/restore.ts";
import { attached, contentsOf } from "../../support/filled-tier.ts";
import { freshDatabase } from "../../support/fresh.ts";

const FOLDER = "test/fixtures/backups";
/** Of the fixtures only. */
const KEY = Buffer.from("a key that signs nothing but test fixtures");

test.each(readdirSync(FOLDER))("%s", async (name) => {
  const pool = new Pool({ connectionString: await freshDatabase(), max: 2 });
  try {
    const tier = attached(memoryTier());
    const parts = [tierPart(tier, { name: "disk" }), historyPart({ sql: pgClient(pool) })];
    const report = await restore({ from: join(FOLDER, name), parts, key: KEY, system: "fixtures" });
    expect(report.parts).toMatchObject([
      { name: "disk", restored: 3, refused: 0 },
      { name: "history", restored: 8, refused: 0 },
    ]);
    expect([...(await contentsOf(tier)).values()].toSorted()).toEqual(["answer one", "answer two", "réponse \u{1f512}"]);
    const { rows } = await pool.query<object>(
      `SELECT owner_id, session_id, seq::int, m.id, role, name, text, payload, m.created_at = '2026-01-01T12:00:00.123Z' AS on_time
       FROM strata_messages m JOIN strata_conversations c ON c.id = m.conversation_id ORDER BY key, seq`,
    );
    expect(rows).toEqual([
      {
        owner_id: "ana",
        session_id: "s",
        seq: 1,
        id: "1",
        role: "human",
        name: null,
        text: "Olá \u{1f512}",
        payload: '{"a":"\\u0000"}',
        on_time: true,
      },
      { owner_id: "ana", session_id: "s", seq: 2, id: "2", role: "ai", name: "R1", text: "", payload: "[]", on_time: true },
    ]);
    expect((await pool.query("SELECT text FROM strata_summaries")).rows).toEqual([{ text: "they greeted" }]);
    expect((await pool.query("SELECT id FROM strata_archived_messages")).rows).toEqual([{ id: "old" }]);
    expect((await pool.query("SELECT entry FROM strata_dead_letters")).rows).toEqual([{ entry: Buffer.from("unreadable") }]);
    expect((await pool.query("SELECT source, position::int AS at FROM strata_imports")).rows).toEqual([{ source: "s", at: 3 }]);
  } finally {
    await pool.end();
  }
});
