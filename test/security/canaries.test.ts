/**
 * Secrets in every place that a user has for one: API keys, headers, the organization, the environment, prompts, system messages,
 * names of scopes and users, arguments of tools. They go through the cache by each of its ways in, over all tiers. Then the raw
 * bytes are read, of files and of servers: an answer is found in each, which proves the reading, and no secret in any.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AIMessage, AIMessageChunk, HumanMessage, SystemMessage } from "@langchain/core/messages";
import { ChatGenerationChunk } from "@langchain/core/outputs";
import { ChatOpenAI } from "@langchain/openai";
import { Redis } from "ioredis";
import { createAgent, tool } from "langchain";
import { Pool } from "pg";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { z } from "zod";
import { cacheModel } from "../../src/cache/model/cached-model.ts";
import { TieredCache } from "../../src/cache/tiered-cache.ts";
import { archiveTier } from "../../src/cache/tiers/archive.ts";
import { diskTier } from "../../src/cache/tiers/disk.ts";
import { memoryTier } from "../../src/cache/tiers/memory.ts";
import { redisTier } from "../../src/cache/tiers/redis.ts";
import { pgClient } from "../../src/clients/pg.ts";
import type { StrataEvent } from "../../src/core/events.ts";
import { responseCacheMiddleware, toolCacheMiddleware } from "../../src/middleware.ts";
import { freshDatabase } from "../support/fresh.ts";
import { endOfLog, logSince } from "../support/postgres-log.ts";
import { ScriptedModel } from "../support/scripted-model.ts";
import { startRedis } from "../support/servers/routes.ts";
import type { TestServer } from "../support/servers/test-server.ts";

/** All of them begin alike, so that one search finds any. */
const MARK = "canary-7c1e";
const secret = (where: string): string => `${MARK}-${where}`;
/** What is stored, and must be found; long enough to be seen. */
const ANSWER = "An order block is the last opposite candle before a strong move.";

const root = mkdtempSync(join(tmpdir(), "strata-canaries-"));
let redisServer: TestServer;
let redis: Redis;
let pool: Pool;
let logBegan: string;

beforeAll(async () => {
  redisServer = await startRedis();
  redis = new Redis(redisServer.url);
  // Or what it writes cannot be searched.
  await redis.config("SET", "rdbcompression", "no");
  pool = new Pool({ connectionString: await freshDatabase() });
  logBegan = await endOfLog(pool);
});
afterAll(async () => {
  redis.disconnect();
  await redisServer.stop();
  await pool.end();
  rmSync(root, { recursive: true });
});

interface Bed {
  readonly cache: TieredCache;
  readonly events: StrataEvent[];
  /** How often the model was asked. */
  readonly asked: () => number;
  readonly model: (key: string, own?: TieredCache) => ChatOpenAI;
}

function bed(folder: string): Bed {
  const events: StrataEvent[] = [];
  let asked = 0;
  const cache = new TieredCache({
    tiers: [
      memoryTier(),
      diskTier({ path: join(root, folder) }),
      redisTier({ client: redisServer.url, prefix: folder, deadline: "5s" }),
      archiveTier({ sql: pgClient(pool), table: folder, deadline: "5s", writes: "behind" }),
    ],
    scope: () => ({ tenant: secret("tenant"), user: secret("user") }),
    compression: "none",
    observer: (event) => void events.push(event),
  });
  const model = (key: string, own?: TieredCache): ChatOpenAI => {
    const made = new ChatOpenAI({
      model: "m-1",
      apiKey: key,
      configuration: {
        organization: `${key}-organization`,
        defaultHeaders: { Authorization: `Bearer ${key}-header`, "x-team": `${key}-team`, cookie: `s=${key}-cookie` },
      },
      ...(own !== undefined && { cache: own }),
    });
    // In place of a network.
    made._generate = async () => {
      asked++;
      return { generations: [{ text: ANSWER, message: new AIMessage(ANSWER) }] };
    };
    made._streamResponseChunks = async function* () {
      asked++;
      yield new ChatGenerationChunk({ text: ANSWER, message: new AIMessageChunk(ANSWER) });
    };
    return made;
  };
  return { cache, events, model, asked: () => asked };
}

/** Everything that lies in each place, as bytes. */
async function rawBytes(folder: string): Promise<Record<string, string>> {
  const files = readdirSync(join(root, folder), { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  await redis.call("save");
  const [, directory = ""] = (await redis.config("GET", "dir")) as string[];
  const [, name = ""] = (await redis.config("GET", "dbfilename")) as string[];
  const rdb = join(directory, name);
  const dumped: Buffer[] = [];
  for (const key of await redis.keys("*")) dumped.push(Buffer.from(key), (await redis.dumpBuffer(key)) ?? Buffer.alloc(0));
  await pool.query("CHECKPOINT");
  // The table itself, what is stored beside it, its indexes, and the log of what was written.
  const { rows } = await pool.query<{ bytes: Buffer }>(
    `SELECT pg_read_binary_file(pg_relation_filepath(oid)) AS bytes FROM pg_class
     WHERE relkind IN ('r', 't', 'i') AND pg_relation_size(oid) > 0
       AND (relname LIKE $1 || '%' OR oid = (SELECT reltoastrelid FROM pg_class WHERE relname = $1 AND relkind = 'r'))`,
    [folder],
  );
  const text = (parts: readonly Buffer[]): string => Buffer.concat(parts).toString("latin1");
  return {
    "the files of the disk tier": text(files.map((file) => readFileSync(join(file.parentPath, file.name)))),
    "what Redis dumps": text(dumped),
    ...(existsSync(rdb) && { "the RDB file of Redis": text([readFileSync(rdb)]) }),
    "the files of PostgreSQL": text(rows.map(({ bytes }) => bytes)),
    "the log of PostgreSQL": text([await logSince(pool, logBegan)]),
  };
}

test("no secret is in any stored byte, event or statistic, whichever way it came in", async () => {
  vi.stubEnv("OPENAI_API_KEY", secret("environment"));
  vi.stubEnv("LANGCHAIN_API_KEY", secret("environment-2"));
  const { cache, events, model, asked } = bed("canaries");
  const messages = [new SystemMessage(`You know ${secret("system")}.`), new HumanMessage(`What of ${secret("prompt")}?`)];
  const find = tool(async () => ANSWER, { name: "find", description: secret("tool"), schema: z.object({ word: z.string() }) });
  const given = {
    configurable: { thread_id: secret("thread"), api_key: secret("config") },
    metadata: { key: secret("metadata") },
  };

  await cacheModel(model(secret("key")), { cache }).invoke(messages, given);

  for await (const _ of await cacheModel(model(secret("key")), { cache }).stream("streamed", given));
  await model(secret("key"), cache).invoke(messages, given);

  const calls = [{ name: "find", args: { word: secret("argument") }, id: "c1" }];
  const agent = createAgent({
    // A client of OpenAI's is made anew when tools are bound to it, with the network.
    model: new ScriptedModel({
      ...{ model: "scripted", apiKey: secret("key"), defaultHeaders: { Authorization: secret("header") } },
      reply: ({ messages: all }) => (all.at(-1)?.type === "human" ? { content: "", tool_calls: calls } : ANSWER),
    }),
    tools: [find],
    middleware: [responseCacheMiddleware({ cache }), toolCacheMiddleware({ cache, tools: ["find"] })] as const,
  });
  await agent.invoke({ messages: [new HumanMessage(`What of ${secret("agent")}`)] });

  await cache.set(secret("name"), ANSWER, { tags: ["open"] });
  await model(secret("key"), cache)
    .invoke([new HumanMessage({ content: [{ type: "image_url", image_url: { url: `https://x.test/?k=${secret("url")}` } }] })])
    .catch(() => undefined);

  await cache.flush();

  expect(asked()).toBe(4);

  const shown = JSON.stringify([events, cache.stats()]);
  const stored = await rawBytes("canaries");
  const receipt = JSON.stringify(await cache.forget({ tenant: secret("tenant") }));
  await cache.close();
  for (const [place, bytes] of Object.entries({ ...stored, "what is shown": shown, "the receipt": receipt })) {
    if (place in stored) expect(bytes.includes(ANSWER.slice(0, 30)), `an answer in ${place}`).toBe(true);
    for (const form of forms(MARK)) expect(around(bytes, form), place).toBeUndefined();
  }
});

/**
 * A call of a tool that the model asked for is part of the answer, which is what is stored. Its arguments are therefore found, where
 * the model was told to write a secret into them; everything else of a call is not.
 */
function around(bytes: string, form: string): string | undefined {
  const clean = bytes.replaceAll(secret("argument"), "");
  const at = clean.indexOf(form);
  return at === -1 ? undefined : clean.slice(Math.max(0, at - 40), at + 60);
}

function forms(text: string): string[] {
  const base64 = [0, 1, 2].map((shift) =>
    Buffer.from("x".repeat(shift) + text)
      .toString("base64")
      .slice(shift === 0 ? 0 : 4, -4),
  );
  return [text, Buffer.from(text).toString("hex"), Buffer.from(text, "utf16le").toString("latin1"), ...base64];
}

test("another API key finds what was stored with the first, in every tier", async () => {
  const { cache, model, asked } = bed("rotation");
  await cacheModel(model("one"), { cache }).invoke("What is an order block?");
  await model("one", cache).invoke("What is an order block?");
  await cache.flush();
  const before = asked();
  for (const tier of ["memory", "disk", "redis", "archive"]) {
    expect((await cacheModel(model(`two ${tier}`), { cache }).invoke("What is an order block?")).text).toBe(ANSWER);
    expect((await model(`three ${tier}`, cache).invoke("What is an order block?")).text).toBe(ANSWER);
    await cache.flush();
    // The next round is answered by the tier below.
    for (const above of ["memory", "disk", "redis"].slice(0, ["memory", "disk", "redis", "archive"].indexOf(tier) + 1))
      await cache.clear({ tier: above });
  }
  expect(asked()).toBe(before);
  for (const { name, hits } of cache.stats().tiers) expect(hits, `hits in ${name}`).toBeGreaterThan(0);
  await cache.close();
});
