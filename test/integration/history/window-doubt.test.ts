/** What an append leaves behind in Redis that ends between its commit and its window. */
import { Pool } from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { pgClient } from "../../../src/clients/pg.ts";
import type { SqlClient } from "../../../src/clients/sql.ts";
import { sleep } from "../../../src/core/abort.ts";
import { systemClock } from "../../../src/core/clock.ts";
import type { Digest } from "../../../src/core/key.ts";
import { conversationKey } from "../../../src/history/conversation-key.ts";
import { HistoryTables } from "../../../src/history/tables/history-tables.ts";
import { hybridLog, redisParts, type HybridLogOptions } from "../../../src/history/logs/hybrid.ts";
import type { Conversation, LogMessage, MessageLog } from "../../../src/history/message-log.ts";
import type { RedisWindows } from "../../../src/history/redis/windows.ts";
import { freshDatabase, freshPrefix } from "../../support/fresh.ts";

let pool: Pool;
let sql: SqlClient;
beforeAll(async () => {
  pool = new Pool({ connectionString: await freshDatabase(), max: 4 });
  sql = pgClient(pool);
});
afterAll(() => pool.end());

const message = (id: string): LogMessage => ({ id, role: "human", createdAt: 0, text: id, payload: JSON.stringify(id) });
const idsOf = (list: ReadonlyArray<{ id: string }>): string[] => list.map(({ id }) => id);

/** A window that nobody has known before is in doubt for a moment. */
async function warm(log: MessageLog, windows: RedisWindows, ids: string[], talk: Conversation): Promise<void> {
  await expect
    .poll(
      async () => {
        expect(idsOf(await log.read(talk))).toEqual(ids);
        return windows.read(conversationKey(talk), {});
      },
      { timeout: 20_000 },
    )
    .toMatchObject({ messages: ids.map((id) => ({ id })) });
}

/** A conversation with one message in a warm window, and the parts under its log, which stand for another process. */
interface Bed {
  readonly talk: Conversation;
  readonly key: Digest;
  readonly log: MessageLog;
  readonly tables: HistoryTables;
  readonly windows: RedisWindows;
}

async function withWindow(work: (bed: Bed) => Promise<void>, more: Partial<HybridLogOptions> = {}): Promise<void> {
  const prefix = freshPrefix();
  const options: HybridLogOptions = { sql, redis: inject("redisUrl"), prefix, ...more };
  // The tests share a database.
  const talk = { ownerId: "ana", sessionId: prefix };
  const log = hybridLog(options);
  const tables = new HistoryTables(sql, systemClock);
  const parts = redisParts("test", options, tables, undefined);
  const { windows } = parts;
  await windows.meet();
  try {
    await log.append(talk, [message("a")]);
    await warm(log, windows, ["a"], talk);
    await work({ talk, key: conversationKey(talk), log, tables, windows });
  } finally {
    await Promise.all([log.close(), parts.close()]);
  }
}

test("a window that was never fed after a commit is not gone by, and is whole again once nobody is waited for", async () => {
  await withWindow(
    async ({ talk, key, log, tables, windows }) => {
      // A process that ends here.
      await windows.doubt(key);
      await tables.append(talk, [message("b")]);

      expect(await windows.read(key, {})).toBe("doubt");
      expect(idsOf(await log.read(talk))).toEqual(["a", "b"]);
      await expect.poll(() => windows.read(key, {}), { timeout: 20_000 }).toBeUndefined();
      expect(idsOf(await log.read(talk))).toEqual(["a", "b"]);
      expect(await windows.read(key, {})).toMatchObject({ messages: [{ id: "a" }, { id: "b" }] });
    },
    { hotWindow: { ttl: "400ms" } },
  );
});

test("the doubt of one append outlives the feed of another", async () => {
  await withWindow(async ({ talk, key, log, tables, windows }) => {
    const token = await windows.doubt(key);
    await log.append(talk, [message("b")]);
    expect(await windows.read(key, {})).toBe("doubt");
    const { base } = await tables.append(talk, [message("c")]);
    expect(idsOf(await log.read(talk))).toEqual(["a", "b", "c"]);
    const part = { base, last: base + 1, messages: [{ ...message("c"), seq: base + 1 }] };
    expect(await windows.feed(key, part, { token, isHeld: false })).toBe(true);
    expect(await windows.read(key, {})).toMatchObject({ isWhole: true, messages: [{ id: "a" }, { id: "b" }, { id: "c" }] });
  });
});

test("a doubt that is lost with Redis' data is not missed by who makes the window anew", async () => {
  await withWindow(async ({ talk, key, log, tables, windows }) => {
    // Of another process, which has noted its doubt and will acknowledge as soon as it has committed.
    await windows.doubt(key);
    await windows.remove(key);
    expect(idsOf(await log.read(talk))).toEqual(["a"]);
    await tables.append(talk, [message("b")]);
    expect(idsOf(await log.read(talk))).toEqual(["a", "b"]);
    await warm(log, windows, ["a", "b"], talk);
  });
});

test("an append whose commit takes long feeds the window before it is acknowledged", async () => {
  let delayMs = 0;
  const slow: SqlClient = {
    ...sql,
    async query(text, ...rest) {
      const rows = await sql.query<never>(text, ...rest);
      if (text.includes("INSERT INTO strata_messages")) await sleep(systemClock, delayMs);
      return rows;
    },
  };
  await withWindow(
    async ({ talk, key, log, windows }) => {
      delayMs = windows.trustMs + 50;
      await log.append(talk, [message("b")]);
      expect(await windows.read(key, {})).toMatchObject({ messages: [{ id: "a" }, { id: "b" }] });
    },
    { sql: slow },
  );
});
