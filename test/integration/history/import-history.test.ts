/** Taken over from what LangChain's own classes wrote. */
import {
  AIMessage,
  HumanMessage,
  SystemMessage,
  ToolMessage,
  type AIMessageFields,
  type BaseMessage,
} from "@langchain/core/messages";
import { PostgresChatMessageHistory } from "@langchain/community/stores/message/postgres";
import { RedisChatMessageHistory as IoredisHistory } from "@langchain/community/stores/message/ioredis";
import { RedisChatMessageHistory as NodeRedisHistory } from "@langchain/redis";
import { Redis } from "ioredis";
import { Pool } from "pg";
import { createClient } from "redis";
import { afterAll, describe, expect, inject, test } from "vitest";
import { pgClient } from "../../../src/clients/pg.ts";
import { importHistory } from "../../../src/history/imports/import-history.ts";
import { conversationBed } from "../../support/conversation-bed.ts";
import { freshDatabase, freshPrefix } from "../../support/fresh.ts";
import { contentsOf } from "../../support/any-message.ts";

const ending: Array<() => Promise<unknown>> = [];
afterAll(() => Promise.all(ending.map((end) => end())));

const MESSAGES: readonly BaseMessage[] = [
  new SystemMessage("Be brief."),
  new HumanMessage({ content: "What is the weather?", name: "Ada", id: "own-id" }),
  new AIMessage({
    content: "",
    tool_calls: [{ id: "c1", name: "weather", args: { lc: 1, type: "constructor", city: "Lisbon" }, type: "tool_call" }],
    additional_kwargs: { reasoning_content: "look it up" },
    usage_metadata: { input_tokens: 1, output_tokens: 2, total_tokens: 3 },
  } as unknown as AIMessageFields),
  new ToolMessage({ content: "20 °C", tool_call_id: "c1", name: "weather", status: "success" }),
  new AIMessage({
    contentBlocks: [
      { type: "reasoning", reasoning: "warm" },
      { type: "text", text: "20 °C" },
    ],
  }),
  new HumanMessage({ content: [{ type: "text", text: "And tomorrow?" }], id: "own-id" }),
];

function seen(messages: readonly BaseMessage[]): unknown {
  return JSON.parse(JSON.stringify(messages.map(contentsOf)));
}

async function database(): Promise<Pool> {
  const pool = new Pool({ connectionString: await freshDatabase(), max: 2 });
  ending.push(() => pool.end());
  return pool;
}

describe("an import from PostgresChatMessageHistory", () => {
  const bed = conversationBed("PostgreSQL");

  test.each([
    ["langchain_chat_histories", false],
    ["Mixed", false],
    ['odd "name"; DROP', true],
    ["public.with_schema", false],
  ])(
    "takes over every message of table %s, content blocks and `lc` objects too, and once",
    async (tableName, escapeTableName) => {
      const pool = await database();
      for (const sessionId of ["a", "b'; --"]) {
        const former = new PostgresChatMessageHistory({ pool, tableName, escapeTableName, sessionId });
        for (const message of MESSAGES) await former.addMessage(message);
      }
      const store = await bed.store();
      const from = { sql: pgClient(pool), table: tableName, ownerId: "ada" };
      expect(await importHistory({ from, store })).toEqual({ read: 12, imported: 12, known: 0, skipped: 0, skips: [] });
      for (const sessionId of ["a", "b'; --"]) {
        expect(seen(await store.history({ ownerId: "ada", sessionId }).getMessages())).toEqual(seen(MESSAGES));
      }
      expect((await store.history({ ownerId: "ada", sessionId: "a" }).getMessages())[1]?.id).toBe("own-id");
      expect(await importHistory({ from, store })).toMatchObject({ read: 0, imported: 0 });
      // As if it had been cut off before it noted how far it had come.
      await (await bed.sql()).query("DELETE FROM strata_imports");
      expect(await importHistory({ from, store })).toMatchObject({ read: 12, imported: 0, known: 12 });
    },
  );

  test("goes on where it was cut off, and with what was added since", async () => {
    const pool = await database();
    const former = new PostgresChatMessageHistory({ pool, sessionId: "long" });
    await former.addMessage(new HumanMessage("0"));
    await pool.query(
      `INSERT INTO langchain_chat_histories (session_id, message)
       SELECT 'long', jsonb_build_object('type', 'human', 'content', n::text) FROM generate_series(1, 1199) AS n`,
    );
    const store = await bed.store();
    const from = { sql: pgClient(pool) };
    const stop = new AbortController();
    const cut = importHistory({ from, store, signal: stop.signal, onProgress: () => stop.abort(new Error("enough")) });
    await expect(cut).rejects.toThrow("enough");
    const steps: number[] = [];
    const report = await importHistory({ from, store, onProgress: ({ read }) => void steps.push(read) });
    expect(report).toMatchObject({ read: 700, imported: 700 });
    expect(steps).toEqual([500, 700]);
    await former.addMessage(new HumanMessage("1200"));
    expect(await importHistory({ from, store })).toMatchObject({ read: 1, imported: 1 });
    const texts = (await store.history({ sessionId: "long" }).getMessages()).map(({ content }) => content);
    expect(texts).toEqual(Array.from({ length: 1_201 }, (_, number) => String(number)));
  });

  test("skips what is no message, tells where it lies, and takes over the rest", async () => {
    const pool = await database();
    const former = new PostgresChatMessageHistory({ pool, sessionId: "s" });
    await former.addMessage(new HumanMessage("a"));
    await pool.query(`INSERT INTO langchain_chat_histories (session_id, message) VALUES
      ('s', '{"type": "martian", "content": "x"}'), ('s', '[1]'), ('nobody', '{"type": "human", "content": "x"}')`);
    await former.addMessage(new AIMessage("b"));
    const store = await bed.store();
    const ownerId = (sessionId: string): string | undefined => (sessionId === "nobody" ? undefined : "ada");
    const report = await importHistory({ from: { sql: pgClient(pool), ownerId }, store });
    expect(report).toMatchObject({ read: 5, imported: 2, skipped: 3 });
    expect(report.skips.map(({ place, sessionId }) => [place, sessionId])).toEqual([
      ["2", "s"],
      ["3", "s"],
      ["4", "nobody"],
    ]);
  });

  test("refuses the name of a table that is not there", async () => {
    const from = { sql: pgClient(await database()), table: "pg_class; DROP TABLE x" };
    await expect(importHistory({ from, store: await bed.store() })).rejects.toThrow("importHistory.from.table");
  });
});

describe("an import from RedisChatMessageHistory", () => {
  const bed = conversationBed("PGlite");

  test.each(["@langchain/community", "@langchain/redis"])("of %s takes over every message, and once", async (name) => {
    const prefix = freshPrefix();
    const sessions = [`${prefix}a`, `${prefix}b c'"*`];
    const ioredis = new Redis(inject("redisUrl"));
    const nodeRedis = createClient({ url: inject("redisUrl") });
    await nodeRedis.connect();
    ending.push(
      async () => ioredis.disconnect(),
      () => nodeRedis.quit(),
    );
    for (const sessionId of sessions) {
      const former =
        name === "@langchain/redis"
          ? new NodeRedisHistory({ sessionId, client: nodeRedis as never })
          : new IoredisHistory({ sessionId, client: ioredis });
      for (const message of MESSAGES) await former.addMessage(message);
    }
    await ioredis.lpush(`${prefix}queue`, "no json", '{"job": 1}');
    await ioredis.set(`${prefix}text`, "no list");
    const store = await bed.store();
    const from = { redis: inject("redisUrl"), match: `${prefix}*` };
    const report = await importHistory({ from, store });
    expect(report).toMatchObject({ read: 14, imported: 12, known: 0, skipped: 2 });
    for (const sessionId of sessions) {
      expect(seen(await store.history({ sessionId }).getMessages())).toEqual(seen(MESSAGES));
    }
    expect(await importHistory({ from, store })).toMatchObject({ read: 0 });
    await (await bed.sql()).query("DELETE FROM strata_imports");
    expect(await importHistory({ from: { redis: ioredis, sessionIds: sessions }, store })).toMatchObject({
      read: 12,
      imported: 0,
      known: 12,
    });
  });
});
