/**
 * Values beyond all measure, offered to a cache and lying in its tiers: each is a refusal or a miss, counted, and while it is handled
 * the event loop keeps turning. A text of 512 MB is the longest that JavaScript has.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { TieredCache } from "../../../src/cache/tiered-cache.ts";
import type { CacheTier } from "../../../src/cache/tier.ts";
import { diskTier } from "../../../src/cache/tiers/disk.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { redisTier } from "../../../src/cache/tiers/redis.ts";
import { asBuffer, open, seal } from "../../../src/core/envelope.ts";
import type { StrataEvent } from "../../../src/core/events.ts";
import { freshPrefix } from "../../support/fresh.ts";

const MEBIBYTE = 1024 * 1024;
const LLM_KEY = JSON.stringify({ _type: "openai", model_name: "m" });
/** What is promised is 50 ms at p99; a loaded machine of two cores keeps any process waiting for longer now and then. */
const PROMISED_MS = 50;
/** The longest that anything may keep the loop once, on a loaded machine; to write out a text of 500 MB takes 5 to 12 s. */
const LONGEST_MS = 2_500;

const root = mkdtempSync(join(tmpdir(), "strata-giants-"));
let redis: Redis;
beforeAll(() => {
  redis = new Redis(inject("redisUrl"));
});
afterAll(() => {
  redis.disconnect();
  rmSync(root, { recursive: true });
});

/** Fails when the event loop is kept too long while `work` runs. */
async function expectTurning(name: string, work: () => Promise<unknown>): Promise<void> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  // What comes before its first two ticks is not measured.
  await new Promise((resolve) => setTimeout(resolve, 20));
  await work();
  // As many turns as a service makes in the meantime, without which the few long ones would be all that is measured.
  for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
  delay.disable();
  const [p99, max] = [delay.percentile(99) / 1e6, delay.max / 1e6];
  console.info(`${name}: delay of the loop p99 ${p99.toFixed(1)}, max ${max.toFixed(1)} ms`);
  expect(p99).toBeLessThan(2 * PROMISED_MS);
  expect(max).toBeLessThan(LONGEST_MS);
}

describe("an answer of", () => {
  test.each([1, 16, 64, 500])("%i MB is stored or refused, and never fails the call", async (megabytes) => {
    const events: StrataEvent[] = [];
    const cache = new TieredCache({
      tiers: [
        memoryTier({ maxBytes: "64mb" }),
        diskTier({ path: join(root, String(megabytes)) }),
        redisTier({ client: inject("redisUrl"), prefix: freshPrefix(), deadline: "2s" }),
      ],
      modelId: "m",
      observer: (event) => void events.push(event),
    });
    // One byte a character, in one piece: what costs time here is the cache.
    const text = Buffer.alloc(megabytes * MEBIBYTE, "a").toString("latin1");
    await expectTurning(`${megabytes} MB`, async () => {
      await cache.update("prompt", LLM_KEY, [{ text }]);
      await cache.flush();
    });
    const found = await cache.lookup("prompt", LLM_KEY);
    const isStored = megabytes < 16;
    expect(found?.[0]?.text.length).toBe(isStored ? text.length : undefined);
    expect(cache.stats().bypassed["too-large"] ?? 0).toBe(isStored ? 0 : 1);
    await cache.close();
  });
});

/** What lies in a tier for a prompt, replaced by an envelope of the same key that holds `payload`. */
async function plant(tiers: () => CacheTier[], make: (sealed: Buffer) => Buffer): Promise<TieredCache> {
  const [tier] = tiers();
  if (tier === undefined) throw new Error("There is no tier.");
  const original = tier.set.bind(tier);
  const spoilt: CacheTier["set"] = (entries, options) =>
    original(
      entries.map((entry) => ({ ...entry, decoded: undefined, value: make(asBuffer(entry.value)) })),
      options,
    );
  const writer = new TieredCache({
    tiers: [
      new Proxy(tier, {
        get(target, name) {
          const value: unknown = name === "set" ? spoilt : Reflect.get(target, name, target);
          return typeof value === "function" && name !== "set" ? (value as (...a: unknown[]) => unknown).bind(target) : value;
        },
      }),
    ],
    modelId: "m",
    compression: "none",
  });
  await writer.update("prompt", LLM_KEY, [{ text: "an answer" }]);
  await writer.flush();
  await writer.close();
  return new TieredCache({ tiers: tiers(), modelId: "m" });
}

/** The same envelope around other bytes, which pretend to be so long before compression. */
function around(sealed: Buffer, codec: number, payload: Buffer, rawLength: number): Buffer {
  const [key, scope] = [sealed.toString("latin1", 8, 24), sealed.toString("latin1", 24, 40)];
  return seal({ ...open(sealed, key, scope), key, scope, codec, payload, rawLength });
}

const zeros = Buffer.alloc(128 * MEBIBYTE);
const gzipped = gzipSync(zeros, { level: 1 });
const brotlied = brotliCompressSync(zeros, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } });
const BOMBS: ReadonlyArray<readonly [string, (sealed: Buffer) => Buffer]> = [
  ["128 MB in gzip, which says that it is 1 KB", (sealed) => around(sealed, 1, gzipped, 1_024)],
  ["128 MB in gzip, which says so", (sealed) => around(sealed, 1, gzipped, zeros.byteLength)],
  ["128 MB in brotli, which says that it is 1 KB", (sealed) => around(sealed, 2, brotlied, 1_024)],
  ["64 MB of garbage that is no JSON", (sealed) => around(sealed, 0, Buffer.alloc(64 * MEBIBYTE, 0x78), 64 * MEBIBYTE)],
];

describe.each(BOMBS)("a bomb of %s", (_name, make) => {
  test.each(["disk", "redis"])("in %s is a miss, counted, and the loop keeps turning", async (where) => {
    const [path, prefix] = [mkdtempSync(join(root, "bomb-")), freshPrefix()];
    const cache = await plant(
      () => [where === "disk" ? diskTier({ path }) : redisTier({ client: inject("redisUrl"), prefix, deadline: "10s" })],
      make,
    );
    const before = process.memoryUsage().rss;
    let found: unknown;
    await expectTurning(`bomb in ${where}`, async () => {
      found = await cache.lookup("prompt", LLM_KEY);
    });
    expect(found).toBeNull();
    expect(cache.stats().rejected).toBe(1);
    expect(process.memoryUsage().rss - before, "bytes more in memory").toBeLessThan(200 * MEBIBYTE);
    await cache.close();
  });
});
