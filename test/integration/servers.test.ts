/** The test bed itself: that the servers are real, have what we need of them, and can be broken. */
import { Redis } from "ioredis";
import { Client } from "pg";
import { afterEach, describe, expect, inject, it } from "vitest";
import { freshDatabase, freshPrefix } from "../support/fresh.ts";
import { queryOnce } from "../support/servers/probes.ts";
import { startPostgres, startRedis } from "../support/servers/routes.ts";
import type { TestServer } from "../support/servers/test-server.ts";

const servers: TestServer[] = [];
const clients: Redis[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.disconnect();
  await Promise.all(servers.splice(0).map((server) => server.stop()));
});

function own<T extends TestServer>(server: T): T {
  servers.push(server);
  return server;
}

function client(url: string): Redis {
  const redis = new Redis(url, { maxRetriesPerRequest: 20 });
  redis.on("error", () => {}); // Tests here break the connection; the command's own error is what they look at.
  clients.push(redis);
  return redis;
}

describe("the shared PostgreSQL", () => {
  it("searches vectors through an HNSW index", async () => {
    const url = await freshDatabase();
    await queryOnce(
      url,
      `CREATE TABLE items (id int, embedding vector(3));
       INSERT INTO items SELECT i, ARRAY[i, 1000 - i, 1]::vector FROM generate_series(1, 1000) AS i;
       CREATE INDEX ON items USING hnsw (embedding vector_cosine_ops)`,
    );
    const nearest = `SELECT id FROM items ORDER BY embedding <=> '[500,500,1]' LIMIT 1`;
    expect(await queryOnce(url, nearest)).toEqual([{ id: 500 }]);
    const plan = await queryOnce(url, `EXPLAIN ${nearest}`);
    expect(JSON.stringify(plan)).toContain("items_embedding_idx");
  });

  it("gives each test a database of its own", async () => {
    const [one, other] = await Promise.all([freshDatabase(), freshDatabase()]);
    await queryOnce(one, "CREATE TABLE only_here (id int)");
    await expect(queryOnce(other, "SELECT * FROM only_here")).rejects.toMatchObject({ code: "42P01" });
  });
});

describe("the shared Redis", () => {
  it("keeps and searches vector sets", async () => {
    const redis = client(inject("redisUrl"));
    const key = `${freshPrefix()}vectors`;
    for (const [name, x, y] of [
      ["east", 1, 0],
      ["north", 0, 1],
      ["west", -1, 0],
    ] as const) {
      expect(await redis.call("VADD", key, "VALUES", 2, x, y, name)).toBe(1);
    }
    expect(await redis.call("VSIM", key, "VALUES", 2, "0.9", "0.1", "COUNT", 1)).toEqual(["east"]);
  });
});

describe("servers of one's own", () => {
  it("keeps what an append-only Redis acknowledged over a kill, under the same address", async () => {
    const server = own(await startRedis({ aof: true, password: "with space" }));
    const redis = client(server.url);
    await redis.set("acknowledged", "yes");
    const run = async (): Promise<string | undefined> => /run_id:(\w+)/.exec(await redis.info("server"))?.[1];
    const before = await run();
    await server.kill();
    expect(server.pid).toBeUndefined();
    await server.restart();
    expect(await redis.get("acknowledged")).toBe("yes");
    expect(await run()).not.toBe(before);
  });

  it("starts empty after a kill without an append-only file", async () => {
    const server = own(await startRedis());
    await client(server.url).set("forgotten", "yes");
    await server.kill();
    await server.restart();
    expect(await client(server.url).get("forgotten")).toBeNull();
  });

  it("freezes and thaws", async () => {
    const server = own(await startRedis());
    const redis = client(server.url);
    await redis.ping();
    await server.kill("SIGSTOP");
    const pong = redis.ping();
    const answer = await Promise.race([pong, new Promise((resolve) => setTimeout(resolve, 100, "silence"))]);
    expect(answer).toBe("silence");
    await server.kill("SIGCONT");
    expect(await pong).toBe("PONG");
  });

  it("freezes a PostgreSQL with its open connections", async () => {
    const server = own(await startPostgres());
    const query = new Client(server.url);
    await query.connect();
    await server.kill("SIGSTOP");
    const one = query.query("SELECT 1 AS one");
    expect(await Promise.race([one, new Promise((resolve) => setTimeout(resolve, 100, "silence"))])).toBe("silence");
    await server.kill("SIGCONT");
    expect((await one).rows).toEqual([{ one: 1 }]);
    await query.end();
  });

  it("keeps what a durable PostgreSQL committed over a kill", async () => {
    const server = own(await startPostgres({ durability: "shipped", settings: { statement_timeout: "5s" } }));
    expect(await queryOnce(server.url, "SHOW fsync")).toEqual([{ fsync: "on" }]);
    expect(await queryOnce(server.url, "SHOW statement_timeout")).toEqual([{ statement_timeout: "5s" }]);
    await queryOnce(server.url, "CREATE TABLE kept AS SELECT 42 AS answer");
    await server.kill();
    await expect(queryOnce(server.url, "SELECT 1")).rejects.toThrow(/ECONNREFUSED/);
    await server.restart();
    expect(await queryOnce(server.url, "SELECT answer FROM kept")).toEqual([{ answer: 42 }]);
  });

  it.each([
    ["redis8", /^Redis 8\./],
    ["redis7", /^Redis 7\./],
    ["valkey", /^Valkey 8\./],
  ] as const)("starts %s", async (flavour, version) => {
    const server = own(await startRedis({ flavour }));
    expect(server.version).toMatch(version);
    expect(await client(server.url).ping()).toBe("PONG");
  });

  it("reports the server's own words when it does not start", async () => {
    await expect(startRedis({ args: ["--no-such-setting", "1"] })).rejects.toThrow(/no-such-setting/);
  });
});
