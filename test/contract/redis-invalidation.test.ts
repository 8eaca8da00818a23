/** Processes that share a Redis tier drop their own copies of what another one changed. Each cache here stands for a process. */
import { Redis } from "ioredis";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { TieredCache } from "../../src/cache/tiered-cache.ts";
import { memoryTier } from "../../src/cache/tiers/memory.ts";
import { redisTier } from "../../src/cache/tiers/redis.ts";
import { faultProxy } from "../support/fault-proxy.ts";
import { startRedis } from "../support/servers/routes.ts";
import type { TestServer } from "../support/servers/test-server.ts";

let server: TestServer;
let redis: Redis;
const caches: TieredCache[] = [];

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
  redis.on("error", () => {});
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
afterEach(async () => {
  await Promise.all(caches.splice(0).map((cache) => cache.close()));
  await redis.flushall();
});

function process(url: string = server.url): TieredCache {
  const cache = new TieredCache({ tiers: [memoryTier(), redisTier({ client: url, deadline: "1s" })] });
  caches.push(cache);
  return cache;
}

/** Writes values, and waits until they are in Redis. */
async function write(
  cache: TieredCache,
  values: Record<string, number>,
  rest: Parameters<TieredCache["set"]>[2] = {},
): Promise<void> {
  for (const [key, value] of Object.entries(values)) await cache.set(key, value, rest);
  await cache.flush();
}

function inMemory(cache: TieredCache): number | undefined {
  return cache.stats().tiers.find(({ name }) => name === "memory")?.entries;
}

/** What a process has of its own must go; that Redis has it no more is another matter. */
async function expectDropped(cache: TieredCache, entries: number): Promise<void> {
  await vi.waitFor(() => expect(inMemory(cache), "entries in memory").toBe(entries), { timeout: 20_000, interval: 5 });
}

test("a value that another process overwrites is read anew", async () => {
  const [one, other] = [process(), process()];
  await write(one, { a: 1, b: 1 });
  expect([await other.get("a"), await other.get("b")]).toEqual([1, 1]);
  await write(one, { a: 2 });
  await expectDropped(other, 1);
  expect([await other.get("a"), await other.get("b")]).toEqual([2, 1]);
  expect([await one.get("a"), inMemory(one)]).toEqual([2, 2]);
});

test.each([
  ["everything", {}, 0],
  ["a tag", { tag: "red" }, 3],
  ["a scope", { scope: { tenant: "anna" } }, 2],
  ["a tag in a scope", { scope: { tenant: "anna" }, tag: "red" }, 3],
])("what another process clears by %s is dropped, and nothing else", async (_name, filter, left) => {
  const [one, other] = [process(), process()];
  const [anna, ben] = [{ scope: { tenant: "anna" } }, { scope: { tenant: "ben" } }];
  await write(one, { a: 1 }, { ...anna, tags: ["red"] });
  await write(one, { b: 1 }, { ...anna, tags: ["blue"] });
  await write(one, { c: 1 }, { ...ben, tags: ["blue"] });
  await write(one, { d: 1 }, ben);
  expect([await other.get("a", anna), await other.get("b", anna), await other.get("c", ben), await other.get("d", ben)]).toEqual([
    1, 1, 1, 1,
  ]);
  await one.clear(filter);
  await expectDropped(other, left);
});

test("a forgotten scope is forgotten by all", async () => {
  const [one, other] = [process(), process()];
  const anna = { scope: { tenant: "anna", user: "1" } };
  await write(one, { a: 1 }, anna);
  await write(one, { b: 1 });
  expect([await other.get("a", anna), await other.get("b")]).toEqual([1, 1]);
  await one.forget({ tenant: "anna" });
  await expectDropped(other, 1);
  expect(await other.get("a", anna)).toBeUndefined();
});

describe("a process whose connection was cut", () => {
  test("hears what it missed, and keeps the rest", async () => {
    const proxy = await faultProxy(server.port);
    const [one, other] = [process(), process(proxy.through(server.url))];
    await write(one, { a: 1, b: 1 });
    expect([await other.get("a"), await other.get("b")]).toEqual([1, 1]);
    await proxy.refuse();
    proxy.reset();
    await write(one, { a: 2 });
    expect(await other.get("a")).toBe(1);
    await proxy.accept();
    await expectDropped(other, 1);
    await vi.waitFor(async () => expect(await other.get("a")).toBe(2), { timeout: 20_000 });
    await proxy.close();
  });

  test("drops all of its copies when the log no longer reaches back", async () => {
    const proxy = await faultProxy(server.port);
    const [one, other] = [process(), process(proxy.through(server.url))];
    await write(one, { a: 1, b: 1 });
    expect([await other.get("a"), await other.get("b")]).toEqual([1, 1]);
    await write(one, { c: 1 });
    await proxy.refuse();
    proxy.reset();
    await write(one, { d: 1, e: 1 });
    await redis.xtrim("strata:log", "MAXLEN", 1);
    await proxy.accept();
    await expectDropped(other, 0);
    await proxy.close();
  });

  test("keeps its copies when it was Redis that lost everything", async () => {
    const [one, other] = [process(), process()];
    await write(one, { a: 1 });
    expect(await other.get("a")).toBe(1);
    await server.kill();
    await server.restart();
    await vi.waitFor(() => redis.ping(), { timeout: 20_000 });
    await vi.waitFor(
      async () => {
        await write(one, { b: 2 });
        expect(await redis.xlen("strata:log")).toBeGreaterThan(0);
      },
      { timeout: 20_000, interval: 100 },
    );
    expect([await other.get("a"), inMemory(other)]).toEqual([1, 1]);
    // And hears of changes again.
    await vi.waitFor(async () => expect(await other.get("b")).toBe(2), { timeout: 20_000 });
    await write(one, { b: 3 });
    await vi.waitFor(async () => expect(await other.get("b")).toBe(3), { timeout: 20_000 });
  });
});

test("tags and scopes leave no readable text in the log", async () => {
  const one = process();
  await write(one, { a: 1 }, { scope: { tenant: "tenant-in-clear" }, tags: ["tag-in-clear"] });
  await one.clear({ scope: { tenant: "tenant-in-clear" }, tag: "tag-in-clear" });
  const log = JSON.stringify(await redis.xrange("strata:log", "-", "+"));
  expect(log).toContain('"c"');
  expect(log).not.toContain("in-clear");
});
