/**
 * Chat history: a turn of two messages appended, and the newest 20 of 2,000 read, side by side with the histories of LangChain; how
 * fast the writer drains; appends at a steady rate meanwhile; and how both go on with the number of conversations.
 *
 * `npm run bench:history`, and `npm run bench:history -- --million` for a table of a million messages. PostgreSQL runs as it ships
 * (every commit synced), Redis with its append-only file synced every second, both on this machine.
 */
import { PostgresChatMessageHistory } from "@langchain/community/stores/message/postgres";
import { RedisChatMessageHistory as IoredisHistory } from "@langchain/community/stores/message/ioredis";
import {
  AIMessage,
  HumanMessage,
  mapChatMessagesToStoredMessages,
  mapStoredMessagesToChatMessages,
  type BaseMessage,
  type StoredMessage,
} from "@langchain/core/messages";
import { RedisChatMessageHistory as NodeRedisHistory } from "@langchain/redis";
import { Redis } from "ioredis";
import {
  hybridLog,
  startHistoryWriter,
  type Conversation,
  type Durability,
  type LogMessage,
  type MessageLog,
} from "langchain-strata";
import { pgClient } from "langchain-strata/postgres";
import { Pool } from "pg";
import { createClient } from "redis";
import { monotonicFactory } from "ulid";
import { startPostgres, startRedis } from "../../test/support/servers/routes.ts";
import { seededRandom } from "../../test/support/seeded-random.ts";
import { provenance, race, summarize, table, type Contender, type Timing } from "../harness.ts";

const WORDS =
  "the market opened higher today because rates fell and o portfólio foi ajustado depois da reunião with less risk".split(" ");
const random = seededRandom(1);
const LONG = 2_000;
const ulid = monotonicFactory(Math.random);

function sentence(): string {
  return Array.from({ length: 40 }, () => WORDS[Math.floor(random() * WORDS.length)]).join(" ");
}

function turn(): BaseMessage[] {
  return [new HumanMessage(sentence()), new AIMessage(sentence())];
}

/** What a skin does before it appends. */
function pack(messages: readonly BaseMessage[]): LogMessage[] {
  return mapChatMessagesToStoredMessages([...messages]).map((stored) => ({
    id: ulid(),
    role: stored.type,
    createdAt: Date.now(),
    text: stored.data.content,
    payload: JSON.stringify(stored),
  }));
}

const talkOf = (index: number): Conversation => ({ ownerId: "bench", sessionId: `talk ${index}` });

const [redis, postgres] = await Promise.all([
  startRedis({ args: ["--appendonly", "yes", "--appendfsync", "everysec"] }),
  startPostgres({ durability: "shipped" }),
]);
const pool = new Pool({ connectionString: postgres.url, max: 16 });
const theirPool = new Pool({ connectionString: postgres.url, max: 16 });
const ioredis = new Redis(redis.url);
const nodeRedis = createClient({ url: redis.url });
await nodeRedis.connect();
const opened: MessageLog[] = [];

function open(prefix: string, durability: Durability, writer = true): MessageLog {
  const log = hybridLog({ sql: pgClient(pool), redis: redis.url, prefix, durability, writer });
  opened.push(log);
  return log;
}

async function sideBySide(): Promise<void> {
  const logs = { redis: open("a", "redis"), postgres: open("b", "postgres"), both: open("c", "both") };
  const theirs = {
    postgres: new PostgresChatMessageHistory({ pool: theirPool, sessionId: "s", tableName: "theirs" }),
    ioredis: new IoredisHistory({ sessionId: "theirs-ioredis", client: ioredis, sessionTTL: 3_600 }),
    redis: new NodeRedisHistory({ sessionId: "theirs-redis", client: nodeRedis as never, sessionTTL: 3_600 }),
  };
  const own = (durability: Durability, index: number): Contender<BaseMessage[]> => ({
    name: `langchain-strata, durability "${durability}"`,
    run: (messages) => logs[durability].append(talkOf(index), pack(messages)),
  });
  const append: Contender<BaseMessage[]>[] = [
    own("redis", 1),
    own("postgres", 2),
    own("both", 3),
    { name: "community PostgresChatMessageHistory", run: (messages) => theirs.postgres.addMessages(messages) },
    { name: "community ioredis history", run: (messages) => theirs.ioredis.addMessages(messages) },
    { name: "@langchain/redis history", run: (messages) => theirs.redis.addMessages(messages) },
  ];
  const settle = (): Promise<unknown> => Promise.all(Object.values(logs).map((log) => log.drain()));
  const appended = await race(append, { rounds: 40, callsPerRound: 25, input: turn, settle });
  await logs.redis.drain();
  print("Appending a turn of two messages", appended, "community PostgresChatMessageHistory");

  const long = Array.from({ length: LONG / 2 }, turn).flat();
  for (let at = 0; at < LONG; at += 200) {
    const part = long.slice(at, at + 200);
    await logs.redis.append(talkOf(4), pack(part));
    await logs.postgres.append(talkOf(5), pack(part));
  }
  await logs.redis.drain();
  const longTheirs = {
    postgres: new PostgresChatMessageHistory({ pool: theirPool, sessionId: "long", tableName: "theirs" }),
    ioredis: new IoredisHistory({ sessionId: "theirs-long", client: ioredis }),
    redis: new NodeRedisHistory({ sessionId: "theirs-long", client: nodeRedis as never }),
  };
  for (const message of long) {
    await longTheirs.postgres.addMessage(message);
    await longTheirs.ioredis.addMessage(message);
  }
  const newest = async (log: MessageLog, index: number): Promise<BaseMessage[]> => {
    const stored = await log.read(talkOf(index), { limit: 20 });
    return mapStoredMessagesToChatMessages(stored.map(({ payload }) => JSON.parse(payload) as StoredMessage));
  };
  const read = await race<undefined>(
    [
      { name: 'langchain-strata, durability "redis"', run: () => newest(logs.redis, 4) },
      { name: 'langchain-strata, durability "postgres"', run: () => newest(logs.postgres, 5) },
      { name: "community PostgresChatMessageHistory", run: async () => (await longTheirs.postgres.getMessages()).slice(-20) },
      { name: "community ioredis history", run: async () => (await longTheirs.ioredis.getMessages()).slice(-20) },
      { name: "@langchain/redis history", run: async () => (await longTheirs.redis.getMessages()).slice(-20) },
    ],
    { rounds: 10, callsPerRound: 10, input: () => undefined },
  );
  print("Reading the newest 20 of 2,000 messages", read, "community PostgresChatMessageHistory");
}

async function drainRate(): Promise<void> {
  const log = open("d", "redis", false);
  const messages = 40_000;
  await Promise.all(
    Array.from({ length: 64 }, async (_, index) => {
      for (let at = 0; at < messages / 64; at += 10)
        await log.append(talkOf(100 + index), pack(Array.from({ length: 5 }, turn).flat()));
    }),
  );
  const [{ count: before } = { count: 0 }] = (await pool.query<{ count: number }>("SELECT count(*) FROM strata_messages")).rows;
  const start = performance.now();
  const writer = startHistoryWriter({ sql: pgClient(pool), redis: redis.url, prefix: "d" });
  await log.drain();
  const seconds = (performance.now() - start) / 1_000;
  await writer.close();
  const [{ count: after } = { count: 0 }] = (await pool.query<{ count: number }>("SELECT count(*) FROM strata_messages")).rows;
  const stored = Number.parseInt(String(after), 10) - Number.parseInt(String(before), 10);
  console.log(
    `### Draining\n\n${stored} messages in ${seconds.toFixed(2)} s, words for search included: ${Math.round(stored / seconds)} a second.\n`,
  );
}

async function steady(): Promise<void> {
  const log = open("e", "redis");
  const perSecond = 500;
  const seconds = 6;
  const micros: number[] = [];
  const pending: Promise<void>[] = [];
  for (let index = 0; index < 64; index++) await log.append(talkOf(200 + index), pack(turn()));
  const begin = performance.now();
  for (let sent = 0; sent < perSecond * seconds;) {
    const due = Math.floor(((performance.now() - begin) / 1_000) * perSecond);
    for (; sent < Math.min(due, perSecond * seconds); sent++) {
      const start = performance.now();
      pending.push(
        log.append(talkOf(200 + (sent % 64)), pack(turn())).then(() => void micros.push((performance.now() - start) * 1_000)),
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(pending);
  const sorted = micros.toSorted((a, b) => a - b);
  const at = (q: number): string => ((sorted[Math.floor(q * sorted.length)] ?? 0) / 1_000).toFixed(2);
  console.log(
    `### ${perSecond} appends a second while draining, durability "redis", 64 conversations\n\np50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms\n`,
  );
}

async function conversations(): Promise<void> {
  console.log("### With the number of conversations, one call at a time in each\n\n| | 1 | 8 | 64 |\n| --- | --- | --- | --- |");
  for (const durability of ["redis", "postgres"] as const) {
    const log = open(`f-${durability}`, durability);
    for (const [what, work] of [
      ["appends of a turn", (index: number) => log.append(talkOf(index), pack(turn()))],
      ["reads of the newest 20", (index: number) => log.read(talkOf(index), { limit: 20 })],
    ] as const) {
      const rates: number[] = [];
      for (const count of [1, 8, 64]) {
        let done = 0;
        const end = performance.now() + 1_500;
        await Promise.all(
          Array.from({ length: count }, async (_, index) => {
            while (performance.now() < end) {
              await work(300 + index);
              done++;
            }
          }),
        );
        rates.push(Math.round(done / 1.5));
      }
      await log.drain();
      console.log(`| ${what} a second, durability "${durability}" | ${rates.join(" | ")} |`);
    }
  }
  console.log("");
}

async function million(): Promise<void> {
  const log = open("g", "redis");
  for (let at = 0; at < 60; at += 10) await log.append(talkOf(500), pack(Array.from({ length: 5 }, turn).flat()));
  await log.drain();
  const measure = async (name: string): Promise<Timing[]> => {
    const warm: number[] = [];
    const cold: number[] = [];
    for (let round = 0; round < 400; round++) {
      await ioredis.del(...(await ioredis.keys("g:[hwi]:*")));
      for (const list of [cold, warm]) {
        const start = performance.now();
        await log.read(talkOf(500), { limit: 50 });
        list.push((performance.now() - start) * 1_000);
      }
    }
    return [summarize(`window in Redis, ${name}`, warm), summarize(`window from PostgreSQL, ${name}`, cold)];
  };
  const empty = await measure("60 messages in all");
  await pool.query(`INSERT INTO strata_conversations (key, owner_key, owner_id, session_id, last_seq, created_at, updated_at)
    SELECT 'bulk ' || n, 'bulk', 'bulk', n::text, 100, at, at + interval '100 minutes'
    FROM generate_series(1, 10000) n, LATERAL (SELECT now() - interval '7 days' * (1 - n / 10000.0) AS at) t`);
  await pool.query(`INSERT INTO strata_messages (conversation_id, seq, id, role, created_at, text, payload)
    SELECT c.id, n, 'm' || n, 'human', c.created_at + n * interval '1 minute', repeat('some words of a message ', 10), repeat('{"content":"some words"} ', 12)
    FROM strata_conversations c, generate_series(1, 100) n WHERE c.owner_key = 'bulk'`);
  await pool.query("VACUUM ANALYZE strata_messages");
  print(
    "A window of 50 messages, by the size of the database: 10,000 conversations of a week, 100 messages each",
    [...empty, ...(await measure("a million"))],
    "window in Redis, 60 messages in all",
  );
}

function print(title: string, timings: readonly Timing[], against: string): void {
  console.log(table(title, timings, against));
}

console.log(
  `${provenance()}\n${postgres.version} as it ships, ${redis.version} with appendfsync everysec\ncommand: npm run bench:history\n`,
);
try {
  if (process.argv.includes("--million")) await million();
  else {
    await sideBySide();
    await drainRate();
    await steady();
    await conversations();
  }
} finally {
  await Promise.all(opened.map((log) => log.close()));
  await Promise.all([pool.end(), theirPool.end(), nodeRedis.quit(), ioredis.quit()]);
  await Promise.all([redis.stop(), postgres.stop()]);
}
