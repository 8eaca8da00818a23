/**
 * Two tenants over every tier at once, on real engines: memory that evicts, LMDB, Redis and PostgreSQL, each of which now and then
 * answers with what belongs to the other tenant. Ten thousand random operations of all kinds; what each tenant is given is checked
 * against what it stored.
 *
 * The same run is made with a cache that has a part of its defence taken out, and must then give answers to the wrong tenant.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Pool } from "pg";
import { afterAll, afterEach, beforeAll, expect, inject, test, vi } from "vitest";
import { archiveTier } from "../../src/cache/tiers/archive.ts";
import { diskTier } from "../../src/cache/tiers/disk.ts";
import { memoryTier } from "../../src/cache/tiers/memory.ts";
import { redisTier } from "../../src/cache/tiers/redis.ts";
import { pgClient } from "../../src/clients/pg.ts";
import type * as envelope from "../../src/core/envelope.ts";
import type * as scopes from "../../src/core/scope.ts";
import type { Scope } from "../../src/core/scope.ts";
import { cacheBed } from "../support/cache-bed.ts";
import { confusedTier } from "../support/confused-tier.ts";
import { freshDatabase, freshPrefix } from "../support/fresh.ts";
import { chatAnswer, llmKey, textOf } from "../support/model-answers.ts";
import { seededRandom } from "../support/seeded-random.ts";

/** What is taken out of the library. */
const without = vi.hoisted(() => ({ fingerprints: false, scopes: false }));

vi.mock("../../src/core/envelope.ts", async (original) => {
  const real = await original<typeof envelope>();
  const open: typeof real.open = (value, key, scope) => {
    if (!without.fingerprints) return real.open(value, key, scope);
    // Compared with themselves, they always fit.
    const bytes = real.asBuffer(value);
    return real.open(value, bytes.toString("latin1", 8, 24), bytes.toString("latin1", 24, 40));
  };
  return { ...real, open };
});
vi.mock("../../src/core/scope.ts", async (original) => {
  const real = await original<typeof scopes>();
  return { ...real, scopeDigest: (scope: Scope) => real.scopeDigest(without.scopes ? "global" : scope) };
});

/** Seconds on an idle machine; four engines share two cores with whatever else runs. */
const PATIENCE_MS = 240_000;
const KEY = llmKey();
const PROMPTS = 40;
const TENANTS = ["a", "b"] as const;

const root = mkdtempSync(join(tmpdir(), "strata-tenants-"));
let pool: Pool;
beforeAll(async () => {
  pool = new Pool({ connectionString: await freshDatabase() });
});
afterEach(() => {
  without.fingerprints = false;
  without.scopes = false;
});
afterAll(async () => {
  await pool.end();
  rmSync(root, { recursive: true });
});

interface Outcome {
  readonly hits: number;
  /** Answers that another tenant stored. */
  readonly crossed: number;
  /** Answers that the tenant stored, but not last, or that were removed since. */
  readonly outdated: number;
  /** What was found not to be what was asked for. */
  readonly rejected: number;
  readonly hitsByTier: Readonly<Record<string, number>>;
  readonly evicted: number;
}

async function operate(operations: number, seed: number, stale: boolean): Promise<Outcome> {
  const random = seededRandom(seed);
  const pick = (below: number): number => Math.floor(random() * below);
  const isConfused = (): boolean => pick(50) === 0;
  const name = `r${seed}${stale ? "s" : ""}${Object.values(without).join("")}`;
  let tenant: string = "a";
  const real = [
    memoryTier({ maxEntries: 12 }),
    diskTier({ path: join(root, name) }),
    redisTier({ client: inject("redisUrl"), prefix: `${freshPrefix()}${name}`, deadline: "10s" }),
    archiveTier({ sql: pgClient(pool), table: `tenants_${name}`, deadline: "10s", writes: "behind" }),
  ];
  const { cache, clock } = cacheBed({
    tiers: real.map((tier) => confusedTier(tier, isConfused)),
    scope: (): Scope => ({ tenant, user: "u" }),
    ttl: "10m",
    ...(stale && { stale: "5m" }),
  });
  const counts = { hits: 0, crossed: 0, outdated: 0 };
  const newest = new Map<string, string>();
  const forget = (whose: string): void => {
    for (const known of newest.keys()) if (known.startsWith(`${whose} `)) newest.delete(known);
  };
  const check = (slot: string, found: unknown): void => {
    if (typeof found !== "string") return;
    counts.hits++;
    if (!found.startsWith(`${tenant}:`)) counts.crossed++;
    else if (found !== newest.get(slot)) counts.outdated++;
  };

  for (let operation = 0; operation < operations; operation++) {
    tenant = TENANTS[pick(2)] ?? "a";
    const prompt = `prompt ${pick(PROMPTS)}`;
    const dice = pick(1_000);
    const text = `${tenant}: answer ${operation}`;
    if (dice < 450) {
      check(`${tenant} ${prompt}`, textOf(await cache.lookup(prompt, KEY)));
    } else if (dice < 600) {
      check(`${tenant} value ${prompt}`, await cache.get(prompt));
    } else if (dice < 800) {
      const refused = cache.stats().bypassed.forgotten;
      await cache.update(prompt, KEY, chatAnswer(text));
      // After `forget`, what nobody is known to have asked since is not stored.
      if (cache.stats().bypassed.forgotten === refused) newest.set(`${tenant} ${prompt}`, text);
    } else if (dice < 900) {
      newest.set(`${tenant} value ${prompt}`, text);
      await cache.set(prompt, text, { tags: [`of ${tenant}`] });
    } else if (dice < 960) {
      await cache.flush();
    } else if (dice < 962) {
      await cache.clear({ scope: { tenant } });
      forget(tenant);
    } else if (dice < 963) {
      await cache.forget({ tenant });
      forget(tenant);
    } else if (dice < 966) {
      await cache.invalidate(`of ${tenant}`);
      for (const known of newest.keys()) if (known.startsWith(`${tenant} value`)) newest.delete(known);
    } else if (dice < 980) {
      await cache.clear({ tier: real[pick(real.length)]?.name ?? "memory" });
    } else {
      // Or what is being written would be past its deadline.
      await cache.flush();
      await clock.advance(pick(60_000));
    }
  }
  await cache.flush();
  const { tiers, rejected } = cache.stats();
  await cache.close();
  return {
    ...counts,
    rejected,
    hitsByTier: Object.fromEntries(tiers.map(({ name: tier, hits }) => [tier, hits])),
    evicted: tiers[0]?.evicted ?? 0,
  };
}

test.each([
  ["", false],
  [", stale answers served too", true],
])(
  "neither of two tenants gets an answer of the other's from any tier, 5,000 operations%s",
  { timeout: PATIENCE_MS },
  async (_how, stale) => {
    const outcome = await operate(5_000, 7, stale);
    console.info(JSON.stringify(outcome));
    expect(outcome).toMatchObject({ crossed: 0, outdated: 0 });
    expect(outcome.hits).toBeGreaterThan(500);
    expect(outcome.rejected).toBeGreaterThan(20);
    expect(outcome.evicted).toBeGreaterThan(100);
    for (const [tier, hits] of Object.entries(outcome.hitsByTier)) expect(hits, `hits in ${tier}`).toBeGreaterThan(0);
  },
);

test("without a look at the fingerprints, the same operations give answers to the wrong tenant", async () => {
  without.fingerprints = true;
  expect((await operate(1_000, 7, false)).crossed).toBeGreaterThan(0);
});

test("without the scope in keys and fingerprints, the same operations give answers to the wrong tenant", async () => {
  without.scopes = true;
  expect((await operate(1_000, 7, false)).crossed).toBeGreaterThan(0);
});
