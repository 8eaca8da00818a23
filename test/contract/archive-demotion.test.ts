/** The archive as the last tier: it gets what the tiers above drop, and gives it back upwards. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterAll, expect, inject, test } from "vitest";
import { TieredCache } from "../../src/cache/tiered-cache.ts";
import { archiveTier } from "../../src/cache/tiers/archive.ts";
import { memoryTier } from "../../src/cache/tiers/memory.ts";
import { redisTier } from "../../src/cache/tiers/redis.ts";
import type { StrataEvent } from "../../src/core/events.ts";
import type { Json } from "../../src/core/plain.ts";
import { freshPrefix } from "../support/fresh.ts";

const root = mkdtempSync(join(tmpdir(), "strata-demotion-"));
afterAll(() => rmSync(root, { recursive: true }));

test("what memory dropped and Redis lost is found in the archive, and moves up again", async () => {
  const prefix = freshPrefix();
  const moved: StrataEvent[] = [];
  const cache = new TieredCache({
    tiers: [
      memoryTier({ maxEntries: 10 }),
      redisTier({ client: inject("redisUrl"), prefix, deadline: "1s" }),
      archiveTier({ path: root, deadline: "1s" }),
    ],
    observer: (event) => void (event.type === "entry.moved" && moved.push(event)),
  });
  const keys = Array.from({ length: 40 }, (_, index) => `key ${index}`);
  const valueOf = (key: string): object => ({ text: `value of ${key}` });
  for (const key of keys) await cache.set(key, valueOf(key) as Json);
  await cache.flush();
  expect(moved.filter((event) => event.type === "entry.moved" && event.to === "archive")).toHaveLength(30);

  const redis = new Redis(inject("redisUrl"));
  for (const key of await redis.keys(`${prefix}:v:*`)) await redis.unlink(key);
  redis.disconnect();
  for (const key of keys) expect(await cache.get(key)).toEqual(valueOf(key));
  const { tiers } = cache.stats();
  expect(tiers.find(({ name }) => name === "archive")?.hits).toBeGreaterThanOrEqual(30);
  await cache.flush();
  for (const key of keys) await cache.get(key);
  expect(cache.stats().tiers.find(({ name }) => name === "redis")?.hits).toBeGreaterThan(20);
  await cache.close();
});
