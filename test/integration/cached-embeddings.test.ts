import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { Pool } from "pg";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { pgClient } from "../../src/clients/pg.ts";
import { archiveTier } from "../../src/cache/tiers/archive.ts";
import { diskTier } from "../../src/cache/tiers/disk.ts";
import { memoryTier } from "../../src/cache/tiers/memory.ts";
import { redisTier } from "../../src/cache/tiers/redis.ts";
import type { CacheTier } from "../../src/cache/tier.ts";
import { CachedEmbeddings } from "../../src/embeddings/cached-embeddings.ts";
import { CountingEmbeddings } from "../support/counting-embeddings.ts";
import { freshDatabase, freshPrefix } from "../support/fresh.ts";

const root = mkdtempSync(join(tmpdir(), "strata-embeddings-"));
let redis: Redis;
let pool: Pool;
let places = 0;

beforeAll(async () => {
  redis = new Redis(inject("redisUrl"));
  pool = new Pool({ connectionString: await freshDatabase() });
});
afterAll(async () => {
  redis.disconnect();
  await pool.end();
  rmSync(root, { recursive: true });
});

/** Each opens the same place again; `lasts` where another object finds what the first one kept. */
const TIERS: Readonly<Record<string, { readonly lasts: boolean; readonly open: (place: string) => CacheTier }>> = {
  memory: { lasts: false, open: () => memoryTier() },
  disk: { lasts: true, open: (place) => patient(diskTier({ path: join(root, place) })) },
  redis: { lasts: true, open: (place) => patient(redisTier({ client: redis, prefix: `${prefix}${place}:` })) },
  // An archive takes what falls out of the tier above; here it is the only one, so it is written behind.
  postgres: {
    lasts: true,
    open: (place) => patient(archiveTier({ sql: pgClient(pool), table: place.replaceAll("-", "_") }), "behind"),
  },
};
const prefix = freshPrefix();

/** The tier with time enough for a busy machine, and perhaps another rule for writes; everything else is its own. */
function patient(tier: CacheTier, writes: CacheTier["writes"] = tier.writes): CacheTier {
  return new Proxy(tier, {
    get(target, property) {
      if (property === "writes") return writes;
      if (property === "deadline") return "10s";
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

describe.each(Object.entries(TIERS))("CachedEmbeddings over %s", (name, { lasts, open }) => {
  function make(place: string, provider: CountingEmbeddings): CachedEmbeddings {
    return new CachedEmbeddings({ embeddings: provider, model: "test", tiers: [open(place)], ttl: "1h" });
  }

  test("gives from the tier what the provider gave, to the last bit", async () => {
    const provider = new CountingEmbeddings(1536);
    const cached = make(`${name}-${places++}`, provider);
    const texts = Array.from({ length: 300 }, (_, index) => `text ${index}: ação 日本 ${"x".repeat(index)}`);
    const first = await cached.embedDocuments(texts);
    await cached.flush();
    expect(await cached.embedDocuments(texts.toReversed())).toEqual(first.toReversed());
    expect(provider.calls.length).toBe(1);
    expect(cached.stats()).toMatchObject({ hits: 300, rejected: 0, textsSaved: 300 });
    expect(cached.stats().tiers[0]).toMatchObject({ state: "on", faults: 0, dropped: 0 });
    expect(await cached.clear()).toBe(300);
    await cached.embedDocuments(["text 0"]);
    expect(provider.calls.length).toBe(2);
    await cached.close();
  });

  test.runIf(lasts)("a second process finds what the first one kept, and learns the dimensions from it", async () => {
    const place = `${name}-${places++}`;
    const provider = new CountingEmbeddings(64);
    const first = make(place, provider);
    const vector = await first.embedQuery("a");
    await first.close();
    const second = make(place, provider);
    expect(await second.embedQuery("a")).toEqual(vector);
    expect(second.stats()).toMatchObject({ dimensions: 64, providerCalls: 0 });
    await second.close();
  });

  test("callers at the same time share one call", async () => {
    const provider = new CountingEmbeddings();
    const cached = make(`${name}-${places++}`, provider);
    await Promise.all(Array.from({ length: 50 }, () => cached.embedDocuments(["a", "b"])));
    expect(provider.sent).toBe(2);
    await cached.close();
  });
});

test("what falls out of memory comes back from the archive", async () => {
  const provider = new CountingEmbeddings(256);
  provider.before = () => new Promise((resolve) => setTimeout(resolve, 40));
  const tiers = [memoryTier({ maxEntries: 5 }), archiveTier({ sql: pgClient(pool), table: "demoted" })];
  const cached = new CachedEmbeddings({ embeddings: provider, model: "test", tiers });
  const texts = Array.from({ length: 10 }, (_, index) => `text ${index}`);
  for (const text of texts) await cached.embedQuery(text);
  await cached.flush();
  for (const text of texts) await cached.embedQuery(text);
  expect(provider.calls.length).toBe(10);
  expect(cached.stats().tiers[1]?.hits).toBeGreaterThan(0);
  await cached.close();
});
