/** A change that is cut off after its commit: the caller does not learn that it was made, and does it again. */
import { HumanMessage } from "@langchain/core/messages";
import { Redis } from "ioredis";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { pgClient } from "../../src/clients/pg.ts";
import type { SqlClient } from "../../src/clients/sql.ts";
import { ConversationStore } from "../../src/history/conversation-store.ts";
import { faultProxy, type FaultProxy } from "../support/fault-proxy.ts";
import { freshDatabase } from "../support/fresh.ts";
import { startRedis } from "../support/servers/routes.ts";
import type { TestServer } from "../support/servers/test-server.ts";

const SECRET = "canary-cut-4711";
let server: TestServer;
let redis: Redis;

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
  await redis.config("SET", "rdbcompression", "no");
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

interface Bed {
  readonly store: ConversationStore;
  readonly proxy: FaultProxy;
  readonly sql: SqlClient;
  /** What happens when a transaction is committed, before the caller learns of it. */
  afterCommit: (() => Promise<void>) | undefined;
}

async function bed(durability: "redis" | "postgres"): Promise<Bed> {
  await redis.flushall();
  const pool = new Pool({ connectionString: await freshDatabase() });
  const sql = pgClient(pool);
  const proxy = await faultProxy(server.port);
  const cut: SqlClient = {
    ...sql,
    query: sql.query.bind(sql),
    transaction: async (work, options) => {
      const result = await sql.transaction(work, options);
      await made.afterCommit?.();
      return result;
    },
  };
  const store = new ConversationStore({ sql: cut, redis: proxy.through(server.url), durability });
  const made: Bed = { store, proxy, sql, afterCommit: undefined };
  onTestFinished(async () => {
    await store.close();
    await Promise.all([proxy.close(), pool.end()]);
  });
  return made;
}

/** A conversation of which Redis has the window. */
async function talk({ store }: Bed): Promise<ReturnType<ConversationStore["history"]>> {
  const history = store.history({ sessionId: "s", ownerId: "ada" });
  await history.addMessages([new HumanMessage({ id: "m1", content: SECRET })]);
  await store.drain();
  // With durability "postgres" a new window is in doubt for some seconds; then whoever reads makes it.
  const isThere = async (): Promise<boolean> => (await history.getMessages()).length === 1 && (await inRedis());
  await expect.poll(isThere).toBe(true);
  return history;
}

async function inRedis(): Promise<boolean> {
  const dumps = await Promise.all((await redis.keys("*")).map((key) => redis.dumpBuffer(key)));
  return dumps.some((dump) => dump?.includes(SECRET));
}

describe.each(["redis", "postgres"] as const)("with durability %s", (durability) => {
  test("a forgetting that Redis did not hear of is done when it is done again", async () => {
    const made = await bed(durability);
    const history = await talk(made);
    made.afterCommit = async () => {
      await made.proxy.refuse();
      made.proxy.reset();
    };
    await expect(made.store.forget({ ownerId: "ada" })).rejects.toThrow();
    made.afterCommit = undefined;
    expect(await inRedis()).toBe(true);
    await made.proxy.accept();
    const again = (): Promise<unknown> => made.store.forget({ ownerId: "ada" }).then(Boolean, () => false);
    await expect.poll(again).toBe(true);
    expect(await inRedis()).toBe(false);
    expect(await history.getMessages()).toEqual([]);
    expect(await made.sql.query("SELECT key FROM strata_forgotten_windows")).toEqual([]);
  });

  test("a message whose removal was not heard of is read by nobody for long", async () => {
    const made = await bed(durability);
    const history = await talk(made);
    made.afterCommit = () => Promise.reject(new Error("The answer to COMMIT was lost."));
    await expect(made.store.remove({ ownerId: "ada", messageId: "m1" })).rejects.toThrow("COMMIT");
    made.afterCommit = undefined;
    expect(await made.store.remove({ ownerId: "ada", messageId: "m1" })).toBe(false);
    await expect.poll(() => history.getMessages()).toEqual([]);
  });
});
