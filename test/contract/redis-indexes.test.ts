/** What the contract of tiers cannot see: what a call costs, what lies in Redis, and that it does not pile up. */
import { Redis } from "ioredis";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { redisTier } from "../../src/cache/tiers/redis.ts";
import type { CacheTier, TierEntry } from "../../src/cache/tier.ts";
import { manualClock, type ManualClock } from "../../src/core/clock.ts";
import { digest, type Digest } from "../../src/core/key.ts";
import { scopeDigest } from "../../src/core/scope.ts";
import { startRedis } from "../support/servers/routes.ts";
import type { TestServer } from "../support/servers/test-server.ts";

const HOUR = 3_600_000;
const ANNA = scopeDigest({ tenant: "anna" });

let server: TestServer;
let redis: Redis;
let tier: CacheTier;
let clock: ManualClock;

beforeAll(async () => {
  server = await startRedis();
  redis = new Redis(server.url);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
  // The engine's own time ends values; the clock of the tier decides on index entries.
  clock = manualClock(Date.now());
  tier = redisTier({ client: redis, prefix: "t" });
  tier.attach?.({ clock, random: Math.random, evicted: () => undefined, fault: () => undefined });
  return () => tier.close();
});

function entry(name: string | number, rest: Partial<TierEntry> = {}): TierEntry {
  return { key: digest(String(name)), value: Buffer.from(`value of ${name}`), ...rest };
}

function keys(...names: Array<string | number>): Digest[] {
  return names.map((name) => digest(String(name)));
}

/** What this test sends, and the reader of the log. */
const NOT_OURS = /^(config|info|client|xread|xinfo)/;

/** Calls of each command that the server has carried out meanwhile, scripts by what they call. */
async function commandsDuring(work: () => Promise<unknown>): Promise<Record<string, number>> {
  await redis.config("RESETSTAT");
  await work();
  const stats = await redis.info("commandstats");
  const calls = [...stats.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)].map(([, name, count]): [string, number] => [
    name ?? "",
    Number(count),
  ]);
  return Object.fromEntries(calls.filter(([name]) => !NOT_OURS.test(name)));
}

describe("costs", () => {
  test("a hit is one GET, and so is a miss", async () => {
    await tier.set([entry("a", { scope: ANNA, tags: ["red"] })]);
    expect(await commandsDuring(async () => tier.get(keys("a")))).toEqual({ get: 1 });
    expect(await commandsDuring(async () => tier.get(keys("absent")))).toEqual({ get: 1 });
  });

  test("a batch is one MGET", async () => {
    await tier.set([entry("a"), entry("b")]);
    expect(await commandsDuring(async () => tier.get(keys("a", "absent", "b")))).toEqual({ mget: 1 });
  });

  test("no command ever walks the database", async () => {
    const used = await commandsDuring(async () => {
      await tier.set(Array.from({ length: 200 }, (_, name) => entry(name, { scope: ANNA, tags: ["red"] })));
      for await (const { key } of tier.entries()) await tier.get([key]);
      await tier.delete(keys(1));
      await tier.clear({ scope: ANNA, tag: "red" });
      await tier.clear();
    });
    expect(Object.keys(used).filter((name) => ["keys", "scan", "flushdb", "flushall"].includes(name))).toEqual([]);
  });

  test("scripts that the server has forgotten are sent again", async () => {
    await tier.set([entry("a")]);
    await redis.script("FLUSH");
    await tier.set([entry("a", { value: Buffer.from("newer") }), entry("b")]);
    expect(await tier.clear()).toBe(2);
  });
});

describe("lives", () => {
  test("a value expires in Redis with its entry, and one without an expiry after 30 days", async () => {
    await tier.set([entry("a", { expiresAt: clock.now() + HOUR }), entry("b")]);
    const [a, b] = await Promise.all(keys("a", "b").map((key) => redis.pttl(`t:v:${key}`)));
    expect(a).toBeGreaterThan(HOUR - 5_000);
    expect(a).toBeLessThanOrEqual(HOUR);
    expect(b).toBeGreaterThan(30 * 24 * HOUR - 5_000);
  });

  test("the ttl of the tier shortens a life, and never lengthens one", async () => {
    const short = redisTier({ client: redis, prefix: "t", ttl: "1h" });
    await short.set([entry("long", { expiresAt: Date.now() + 5 * HOUR }), entry("short", { expiresAt: Date.now() + 1_000 })]);
    expect(await redis.pttl(`t:v:${digest("long")}`)).toBeLessThanOrEqual(HOUR);
    expect(await redis.pttl(`t:v:${digest("short")}`)).toBeLessThanOrEqual(1_000);
    await short.close();
  });
});

describe("indexes", () => {
  const scopeSet = `t:i:s${ANNA}`;

  test("drop what is over by its time while others are written", async () => {
    const soon = Date.now() + 10_000;
    await tier.set(Array.from({ length: 100 }, (_, name) => entry(name, { scope: ANNA, expiresAt: soon })));
    expect(await redis.zcard(scopeSet)).toBe(100);
    await clock.advance(2 * HOUR);
    await tier.set(Array.from({ length: 10 }, (_, name) => entry(`new ${name}`, { scope: ANNA })));
    expect(await redis.zcard(scopeSet)).toBe(10);
  });

  test("stay within twice what lives while values are deleted or evicted under them", async () => {
    const live = 100;
    for (let round = 0; round < 40; round++) {
      const names = Array.from({ length: live }, (_, name) => `${round} ${name}`);
      for (const name of names) await tier.set([entry(name, { scope: ANNA, tags: ["red"] })]);
      const gone = await redis.unlink(keys(...names).map((key) => `t:v:${key}`));
      expect(gone).toBe(live);
    }
    expect(await redis.zcard(scopeSet)).toBeLessThan(4 * live);
    expect(await tier.clear()).toBe(0);
    expect(await redis.exists(scopeSet)).toBe(0);
  });

  test("are dropped as a whole when all in them is over", async () => {
    await tier.set([entry("a", { scope: ANNA, tags: ["red"], expiresAt: Date.now() + 10_000 })]);
    await clock.advance(2 * HOUR);
    await tier.set(Array.from({ length: 64 }, (_, name) => entry(name)));
    const left = await redis.keys("t:i:*");
    expect(left).toEqual(["t:i:s"]);
    expect(await redis.zrange("t:d", 0, -1)).toEqual(["s"]);
  });

  test("keep nothing of what was cleared", async () => {
    await tier.set(Array.from({ length: 1_000 }, (_, name) => entry(name, { scope: ANNA, tags: ["red", `tag ${name}`] })));
    expect(await tier.clear()).toBe(1_000);
    expect((await redis.keys("t:[vi]:*")).length).toBe(0);
  });

  test("are as they were after a write that the server refused", async () => {
    await tier.set([entry("a", { scope: ANNA })]);
    await redis.config("SET", "maxmemory", "1mb", "maxmemory-policy", "noeviction");
    const refused = Promise.resolve(tier.set([entry("b", { scope: ANNA, tags: ["red"], value: Buffer.alloc(100_000) })]));
    await expect(refused).rejects.toThrow(/OOM/);
    await redis.config("SET", "maxmemory", "0");
    expect(await redis.zrange(scopeSet, 0, -1)).toEqual(keys("a"));
    expect(await tier.clear()).toBe(1);
  });
});

describe("the client", () => {
  test("is left as it was, and open", async () => {
    const before = redis.listenerCount("error");
    await tier.set([entry("a")]);
    await tier.close();
    expect(redis.listenerCount("error")).toBe(before);
    expect(await redis.ping()).toBe("PONG");
  });

  test("may be closed by its owner before the tier is", async () => {
    const own = new Redis(server.url);
    const other = redisTier({ client: own, prefix: "t" });
    await other.set([entry("a")]);
    await own.quit();
    expect((await other.get(keys("a")))[0]).toBeDefined();
    await other.close();
  });

  test("gives its database, its prefix and its password", async () => {
    await redis.config("SET", "requirepass", "with space");
    const own = new Redis(server.url, { db: 3, keyPrefix: "own:", password: "with space", lazyConnect: true });
    const other = redisTier({ client: own, prefix: "t" });
    await other.set([entry("a", { scope: ANNA })]);
    expect(await own.exists(`t:v:${digest("a")}`)).toBe(1);
    expect(await other.clear({ scope: ANNA })).toBe(1);
    await other.close();
    own.disconnect();
    await redis.config("SET", "requirepass", "");
  });

  test.each([
    [{ client: "localhost:6379" }, /redisTier\.client.*redis:\/\//],
    [{ client: "http://user:secret@host" }, /redisTier\.client/],
    [{ client: {} }, /redisTier\.client.*ioredis/],
    [{ client: undefined }, /redisTier\.client/],
    [{ client: "redis://x", prefix: "" }, /redisTier\.prefix/],
    [{ client: "redis://x", ttl: 0 }, /redisTier\.ttl/],
    [{ client: "redis://x", deadline: "soon" }, /redisTier\.deadline/],
    [{ client: "redis://x", tll: 5 }, /redisTier\.tll/],
  ])("says what is accepted in place of %o, and shows no password", (options, message) => {
    const make = (): unknown => redisTier(options as never);
    expect(make).toThrow(message);
    expect(make).not.toThrow(/secret/);
  });
});
