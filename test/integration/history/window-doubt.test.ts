/** What an append leaves behind in Redis that ends between its commit and its window. */
import { Pool } from "pg";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { pgClient } from "../../../src/clients/pg.ts";
import type { SqlClient } from "../../../src/clients/sql.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { conversationKey } from "../../../src/history/conversation-key.ts";
import { HistoryTables } from "../../../src/history/history-tables.ts";
import { hybridLog, redisParts } from "../../../src/history/logs/hybrid.ts";
import type { LogMessage } from "../../../src/history/message-log.ts";
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

test("a window that was never fed after a commit is not gone by, and is whole again once nobody is waited for", async () => {
  const options = { sql, redis: inject("redisUrl"), prefix: freshPrefix(), hotWindow: { ttl: "400ms" } } as const;
  const talk = { ownerId: "ana", sessionId: "dead" };
  const key = conversationKey(talk);
  const log = hybridLog(options);
  const tables = new HistoryTables(sql, systemClock);
  const parts = redisParts("test", options, tables, undefined);
  const { windows } = parts;
  await windows.meet();
  try {
    await log.append(talk, [message("a")]);
    expect(idsOf(await log.read(talk))).toEqual(["a"]);
    expect(await windows.read(key, {})).toMatchObject({ messages: [{ id: "a" }] });

    // A process that ends here.
    await windows.doubt(key);
    await tables.append(talk, [message("b")]);

    expect(await windows.read(key, {})).toBe("doubt");
    expect(idsOf(await log.read(talk))).toEqual(["a", "b"]);
    await expect.poll(() => windows.read(key, {}), { timeout: 5_000 }).toBeUndefined();
    expect(idsOf(await log.read(talk))).toEqual(["a", "b"]);
    expect(await windows.read(key, {})).toMatchObject({ messages: [{ id: "a" }, { id: "b" }] });
  } finally {
    await Promise.all([log.close(), parts.close()]);
  }
});

test("the doubt of one append outlives the feed of another", async () => {
  const options = { sql, redis: inject("redisUrl"), prefix: freshPrefix() } as const;
  const talk = { ownerId: "ana", sessionId: "two" };
  const key = conversationKey(talk);
  const tables = new HistoryTables(sql, systemClock);
  const log = hybridLog(options);
  const parts = redisParts("test", options, tables, undefined);
  const { windows } = parts;
  await windows.meet();
  try {
    await log.append(talk, [message("a")]);
    await log.read(talk);
    const token = await windows.doubt(key);
    await log.append(talk, [message("b")]);
    expect(await windows.read(key, {})).toBe("doubt");
    const { base } = await tables.append(talk, [message("c")]);
    expect(idsOf(await log.read(talk))).toEqual(["a", "b", "c"]);
    const part = { base, last: base + 1, messages: [{ ...message("c"), seq: base + 1 }] };
    expect(await windows.feed(key, part, { token, isHeld: false })).toBe(true);
    expect(await windows.read(key, {})).toMatchObject({ isWhole: true, messages: [{ id: "a" }, { id: "b" }, { id: "c" }] });
  } finally {
    await Promise.all([log.close(), parts.close()]);
  }
});
