/** A server is away for a while: what was acknowledged before, meanwhile and afterwards is there, once and in order. */
import { setTimeout as pause } from "node:timers/promises";
import { Pool } from "pg";
import { afterEach, describe, expect, test } from "vitest";
import { pgClient } from "../../src/clients/pg.ts";
import { hybridLog, type HybridLogOptions } from "../../src/history/logs/hybrid.ts";
import type { Conversation, LogMessage, MessageLog } from "../../src/history/message-log.ts";
import { startHistoryWriter } from "../../src/history/redis/start-writer.ts";
import { faultProxy } from "../support/fault-proxy.ts";
import { freshDatabase } from "../support/fresh.ts";
import { queryOnce } from "../support/servers/probes.ts";
import { chooseRoute, startPostgres, startRedis } from "../support/servers/routes.ts";

const ending: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  for (const end of ending.splice(0).toReversed()) await end();
});

const talk = { ownerId: "ana", sessionId: "s" };
const message = (id: string, size = 0): LogMessage => ({
  id,
  role: "human",
  createdAt: 0,
  text: "",
  payload: JSON.stringify(id + "x".repeat(size)),
});
const idsOf = async (log: MessageLog, conversation: Conversation = talk): Promise<string[]> =>
  (await log.read(conversation)).map(({ id }) => id);

async function owned<T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T> {
  const server = await starting;
  ending.push(() => server.stop());
  return server;
}

function open(url: string, options: Pick<HybridLogOptions, "redis"> & Partial<HybridLogOptions>): MessageLog {
  const pool = new Pool({ connectionString: url, max: 4, connectionTimeoutMillis: 1_000, query_timeout: 3_000 });
  const log = hybridLog({ sql: pgClient(pool), prefix: "away", ...options });
  ending.push(async () => {
    await log.close();
    await pool.end();
  });
  return log;
}

describe("while PostgreSQL is away", () => {
  test(
    "messages are taken up to maxBytes, then refused; none is lost, and it goes on afterwards",
    { timeout: 240_000 },
    async () => {
      const [redis, postgres] = await Promise.all([
        owned(startRedis({ aof: true })),
        owned(startPostgres({ durability: "shipped" })),
      ]);
      const log = open(postgres.url, { redis: redis.url, durability: "redis", maxBytes: "64kb", claimAfter: "1s" });
      const acknowledged: string[] = [];
      const say = async (id: string): Promise<void> => {
        await log.append(talk, [message(id, 4_000)]);
        acknowledged.push(id);
      };
      await say("before");
      await log.drain();
      await postgres.kill();

      let refusal: unknown;
      for (let number = 0; number < 40 && refusal === undefined; number++) {
        await say(`away ${number}`).catch((error: unknown) => (refusal = error));
      }
      expect(refusal).toMatchObject({ code: "QUEUE_FULL", message: expect.stringContaining("65536") });
      // It holds what it said it would, and goes on refusing.
      expect(acknowledged.length).toBeGreaterThan(10);
      // Long enough for what waits to be claimed again and again.
      await pause(6_000);
      await expect(say("still away")).rejects.toMatchObject({ code: "QUEUE_FULL" });
      expect((await idsOf(log)).slice(-2)).toEqual(acknowledged.slice(-2));

      await postgres.restart();
      await expect.poll(() => say("back").then(() => "taken", String), { timeout: 30_000, interval: 200 }).toBe("taken");
      await log.drain();
      expect(await idsOf(log)).toEqual(acknowledged);
      const stored = await queryOnce(postgres.url, "SELECT id FROM strata_messages ORDER BY seq");
      expect(stored).toEqual(acknowledged.map((id) => ({ id })));
    },
  );

  test.for(["redis", "postgres"] as const)(
    "a standby that takes over has every message, with durability %s",
    { timeout: 240_000 },
    async (durability, { skip }) => {
      const route = await chooseRoute();
      if (route.startStandby === undefined) return skip("servers in containers have no standby here");
      const [redis, primary] = await Promise.all([
        owned(startRedis({ aof: true })),
        owned(startPostgres({ settings: { synchronous_commit: "on" } })),
      ]);
      const standby = await owned(route.startStandby(primary));
      // A commit waits until the standby has it; else whoever takes over lacks the last ones.
      await queryOnce(primary.url, "ALTER SYSTEM SET synchronous_standby_names = '*'");
      await queryOnce(primary.url, "SELECT pg_reload_conf()");
      const proxy = await faultProxy(primary.port);
      ending.push(() => proxy.close());
      const log = open(proxy.through(primary.url), { redis: redis.url, durability });

      const talks = [0, 1, 2].map((number) => ({ ownerId: "ana", sessionId: `${number}` }));
      const acknowledged = talks.map((): string[] => []);
      const until = { isOver: false };
      const talking = talks.map(async (conversation, number) => {
        for (let count = 0; !until.isOver; count++) {
          const id = `${number}/${count}`;
          for (;;) {
            try {
              await log.append(conversation, [message(id)]);
              break;
            } catch {
              await pause(50);
            }
          }
          acknowledged[number]?.push(id);
          await pause(5);
        }
      });
      await pause(1_500);
      await primary.kill("SIGQUIT");
      proxy.reset();
      await pause(1_000);
      const before = acknowledged.map(({ length }) => length);
      await queryOnce(standby.url, "ALTER SYSTEM RESET synchronous_standby_names");
      await queryOnce(standby.url, "SELECT pg_promote()");
      proxy.aim(standby.port);
      await expect
        .poll(() => acknowledged.every(({ length }, number) => length > (before[number] ?? 0) + 3), { timeout: 30_000 })
        .toBe(true);
      until.isOver = true;
      await Promise.all(talking);
      await log.drain();
      for (const [number, conversation] of talks.entries()) {
        expect(await idsOf(log, conversation)).toEqual(acknowledged[number]);
        const stored = await queryOnce(
          standby.url,
          `SELECT m.id FROM strata_messages m JOIN strata_conversations c ON c.id = m.conversation_id
           WHERE c.session_id = '${number}' ORDER BY m.seq`,
        );
        expect(stored).toEqual(acknowledged[number]?.map((id) => ({ id })));
      }
    },
  );
});

describe("where replies are lost", () => {
  /** What the server did and nobody learned of is asked for again, with the same ids. */
  test.for([
    ["Redis", "redis"],
    ["Redis", "postgres"],
    ["PostgreSQL", "redis"],
    ["PostgreSQL", "postgres"],
  ] as const)(
    "of %s, with durability %s, every message is kept once and in order",
    { timeout: 240_000 },
    async ([of, durability]) => {
      const [redis, postgres] = await Promise.all([owned(startRedis({ aof: true })), owned(startPostgres())]);
      const [toRedis, toPostgres] = await Promise.all([faultProxy(redis.port), faultProxy(postgres.port)]);
      ending.push(
        () => toRedis.close(),
        () => toPostgres.close(),
      );
      const log = open(toPostgres.through(postgres.url), { redis: toRedis.through(redis.url), durability });
      const proxy = of === "Redis" ? toRedis : toPostgres;
      const acknowledged: string[] = [];
      let failed = 0;
      const say = async (id: string): Promise<void> => {
        for (;;) {
          try {
            await log.append(talk, [message(id)]);
            break;
          } catch {
            failed++;
            await pause(50);
          }
        }
        acknowledged.push(id);
      };
      for (let spell = 0; spell < 3; spell++) {
        for (let count = 0; count < 5; count++) await say(`${spell}/${count}`);
        proxy.set({ replies: { drop: true } });
        const saying = say(`${spell}/lost`);
        await pause(700);
        proxy.set({});
        proxy.reset();
        await saying;
      }
      // The connection that was reset last may not be back yet; but nobody waits until entries are claimed, after 30 s.
      const signal = AbortSignal.timeout(20_000);
      await expect.poll(() => log.drain({ signal }).then(() => "drained", String), { timeout: 20_000 }).toBe("drained");
      expect(await idsOf(log)).toEqual(acknowledged);
      expect(await queryOnce(postgres.url, "SELECT id FROM strata_messages ORDER BY seq")).toEqual(
        acknowledged.map((id) => ({ id })),
      );
      // Else no reply was lost that an append waited for.
      if (of === "PostgreSQL" && durability === "postgres") expect(failed).toBeGreaterThan(0);
    },
  );
});

describe("while Redis is away, with durability redis", () => {
  test.each([true, false])("messages are committed, and read before and after it is back (with its data: %s)", async (aof) => {
    const redis = await owned(startRedis({ aof }));
    const url = await freshDatabase();
    const log = open(url, { redis: redis.url, durability: "redis" });
    await log.append(talk, [message("a")]);
    await log.drain();
    await redis.kill();
    await log.append(talk, [message("b")]);
    expect(await idsOf(log)).toEqual(["a", "b"]);
    expect(await queryOnce(url, "SELECT id FROM strata_messages ORDER BY seq")).toEqual([{ id: "a" }, { id: "b" }]);
    await redis.restart();
    await log.append(talk, [message("c")]);
    expect(await idsOf(log)).toEqual(["a", "b", "c"]);
    const other = open(url, { redis: redis.url, durability: "redis" });
    expect(await idsOf(other)).toEqual(["a", "b", "c"]);
    await other.append(talk, [message("d")]);
    await expect.poll(() => idsOf(log), { timeout: 10_000 }).toEqual(["a", "b", "c", "d"]);
    await other.drain();
    expect(await idsOf(log)).toEqual(["a", "b", "c", "d"]);
  });

  test("what is only in the stream is there again with Redis, before what was said meanwhile", async () => {
    const redis = await owned(startRedis({ aof: true }));
    const url = await freshDatabase();
    const log = open(url, { redis: redis.url, durability: "redis", writer: false });
    await log.append(talk, [message("a")]);
    await redis.kill();
    await log.append(talk, [message("b")]);
    expect(await idsOf(log)).toEqual(["b"]);
    await redis.restart();
    await expect.poll(() => idsOf(log), { timeout: 10_000 }).toEqual(["a", "b"]);
    const pool = new Pool({ connectionString: url, max: 2 });
    ending.push(() => pool.end());
    await startHistoryWriter({ sql: pgClient(pool), redis: redis.url, prefix: "away", once: true }).ended;
    expect(await idsOf(log)).toEqual(["a", "b"]);
    expect(await queryOnce(url, "SELECT id FROM strata_messages ORDER BY seq")).toEqual([{ id: "a" }, { id: "b" }]);
  });
});
