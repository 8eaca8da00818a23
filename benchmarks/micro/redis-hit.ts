/**
 * Hits and misses in Redis: TieredCache beside bare GETs, LangChain's two RedisCaches, bentocache and cacheable, all on one real
 * Redis of the run's own, on the loopback. `npm run bench:redis [-- --rounds 30]`. Ends with the ratios that are promised.
 *
 * All but the bare GETs give what LangChain asks a cache for: generations with a message, fresh for the caller. bentocache and
 * cacheable are given LangChain's own stored form for that, as `RedisCache` keeps it; rows of theirs marked "plain JSON" stop
 * before the message is made.
 */
import * as crypto from "node:crypto";
import { createRequire } from "node:module";
import { deserializeStoredGeneration, serializeGeneration, type BaseCache } from "@langchain/core/caches";
import type { StoredGeneration } from "@langchain/core/messages";
import type { ChatGeneration } from "@langchain/core/outputs";
import { BentoCache, bentostore } from "bentocache";
import { redisDriver } from "bentocache/drivers/redis";
import { Cacheable } from "cacheable";
import { Redis } from "ioredis";
import { memoryTier, TieredCache } from "langchain-strata";
import { redisTier } from "langchain-strata/redis";
import { decompress } from "../../src/cache/compression.ts";
import { unpackValue } from "../../src/cache/tiers/redis-layout.ts";
import { chooseRoute } from "../../test/support/servers/routes.ts";
import { fresh, prose, provenance, race, table, type Contender, type Timing } from "../harness.ts";
import { samples } from "./compression-corpus.ts";
import { LLM_KEY } from "./sample-answers.ts";

interface Question {
  readonly prompt: string;
  readonly llmKey: string;
  /** What a model would answer, where it is asked. */
  readonly answer: ChatGeneration[];
}

/** A cache as LangChain uses it. */
type Cache = Pick<BaseCache, "lookup" | "update">;

const ENTRIES = 200;
const AT_ONCE = 32;
const rounds = Number(process.argv[process.argv.indexOf("--rounds") + 1] ?? 30) || 30;

/** bentocache and cacheable take a key, so their caller hashes. */
function givenKey(prompt: string, llmKey: string): string {
  return crypto.hash("sha256", `${llmKey.length}:${llmKey}${prompt}`, "hex");
}

/** A store of plain values as a cache of LangChain's. */
function asCache(get: (key: string) => Promise<unknown>, set: (key: string, value: unknown) => Promise<unknown>): Cache {
  return {
    async lookup(prompt, llmKey) {
      const stored = (await get(givenKey(prompt, llmKey))) as StoredGeneration[] | null | undefined;
      return stored ? stored.map(deserializeStoredGeneration) : null;
    },
    async update(prompt, llmKey, generations) {
      await set(givenKey(prompt, llmKey), generations.map(serializeGeneration));
    },
  };
}

/** Where the payload of a stored envelope begins, with what is needed to read it (`src/core/envelope.ts`). */
function payloadOf(stored: Buffer, key: string): { readonly codec: number; readonly rawLength: number; readonly bytes: Buffer } {
  const envelope = unpackValue(stored, key) as Buffer;
  return {
    codec: envelope.readUInt8(5),
    rawLength: envelope.readUInt32LE(60),
    bytes: envelope.subarray(76 + envelope.readUInt32LE(68)),
  };
}

const server = await (await chooseRoute()).startRedis();
const plain = new Redis(server.url);
const version = /redis_version:(\S+)/.exec(await plain.info("server"))?.[1] ?? "unknown";
console.log(`${provenance()}, Redis ${version}\ncommand: npm run bench:redis -- --rounds ${rounds}\n`);

const require = createRequire(import.meta.url);
const langchain = require("@langchain/redis") as { readonly RedisCache: new (client: unknown) => BaseCache };
const community = require("@langchain/community/caches/ioredis") as typeof langchain;
const keyv = require("@keyv/redis") as { readonly default: new (url: string) => never };
const nodeRedis = require("redis") as {
  createClient(options: object): { connect(): Promise<unknown>; quit(): Promise<unknown> };
};
const nodeRedisClient = nodeRedis.createClient({ url: server.url });
await nodeRedisClient.connect();

const answers = samples("docs", "a", 2048, ENTRIES).map(({ generation }) => [generation]);
const ratios: string[] = [];

/** Notes how much faster, or slower, one is than another. */
function promise(what: string, bar: string, met: (ratio: number) => boolean, one: Timing | undefined, other: Timing | undefined) {
  const [p50, p99] = [(one?.p50 ?? Number.NaN) / (other?.p50 ?? 1), (one?.p99 ?? Number.NaN) / (other?.p99 ?? 1)];
  ratios.push(`| ${what} | ${p50.toFixed(2)} | ${p99.toFixed(2)} | ${bar} | ${met(p50) ? "met" : "missed"} |`);
}

const BARE = "bare GET, parse";
const INFLATING = "bare GET, inflate, parse";
const OURS = "TieredCache, Redis alone";
const SECOND = "TieredCache, memory above Redis";
const RAW = "TieredCache, Redis alone, not compressed";
const THEIRS = "@langchain/redis RedisCache";

for (const bytes of [2048, 8192]) {
  await plain.flushall();
  const prompts = Array.from({ length: ENTRIES }, (_, index) => prose(bytes, `prompt ${index}`));
  const tier = (prefix: string) => redisTier({ client: plain, deadline: "1s", prefix });
  const ours = {
    [OURS]: new TieredCache({ tiers: [tier("strata")] }),
    // Room for one answer, so that each lookup has to go on to Redis.
    [SECOND]: new TieredCache({ tiers: [memoryTier({ maxEntries: 1 }), tier("second")] }),
    [RAW]: new TieredCache({ tiers: [tier("raw")], compression: "none" }),
  };
  const bento = new BentoCache({ default: "l2", stores: { l2: bentostore().useL2Layer(redisDriver({ connection: plain })) } });
  const cacheable = new Cacheable({ secondary: new keyv.default(server.url), nonBlocking: false });
  const caches = new Map<string, Cache>(Object.entries(ours));
  caches.set(THEIRS, new langchain.RedisCache(nodeRedisClient));
  caches.set("@langchain/community ioredis RedisCache", new community.RedisCache(new Redis(server.url)));
  const bentoCache = asCache(
    (key) => bento.get({ key }),
    (key, value) => bento.set({ key, value }),
  );
  caches.set("bentocache, second layer only", bentoCache);
  const second = cacheable.secondary;
  caches.set(
    "cacheable, second layer only",
    asCache(
      async (key) => second?.get(key),
      async (key, value) => cacheable.set(key, value),
    ),
  );
  for (const cache of caches.values()) {
    for (const [index, prompt] of prompts.entries()) await cache.update(prompt, LLM_KEY, answers[index] as ChatGeneration[]);
  }
  for (const cache of Object.values(ours)) await cache.flush();

  // The very bytes that TieredCache stored, under names of our own: as they lie there, and inflated.
  const stored = await plain.keys("strata:v:*");
  const payloads = await Promise.all(
    stored.map(async (name) => payloadOf((await plain.getBuffer(name)) as Buffer, name.slice("strata:v:".length))),
  );
  for (const [index, { codec, bytes: payload, rawLength }] of payloads.entries()) {
    await plain.set(`packed:${index}`, payload);
    await plain.set(`bare:${index}`, Buffer.from(await decompress(codec, payload, rawLength)));
  }
  const sum = (pick: (payload: (typeof payloads)[number]) => number): number =>
    Math.round(payloads.reduce((total, payload) => total + pick(payload), 0) / payloads.length);
  console.log(`stored: ${sum((one) => one.bytes.byteLength)} bytes, ${sum((one) => one.rawLength)} before compression\n`);

  const bare: ReadonlyArray<Contender<Question>> = [
    { name: BARE, run: async (_, index) => JSON.parse((await plain.getBuffer(`bare:${index % ENTRIES}`))?.toString() ?? "") },
    {
      name: INFLATING,
      run: async (_, index) => {
        const { codec, rawLength } = payloads[index % ENTRIES] as { codec: number; rawLength: number };
        const payload = (await plain.getBuffer(`packed:${index % ENTRIES}`)) as Buffer;
        return JSON.parse((decompress(codec, payload, rawLength) as Buffer).toString("utf8")) as unknown;
      },
    },
  ];
  const known = (index: number): Question => {
    const prompt = fresh(prompts[index % ENTRIES] ?? "");
    return { prompt, llmKey: fresh(LLM_KEY), answer: answers[index % ENTRIES] ?? [] };
  };
  const lookups: ReadonlyArray<Contender<Question>> = [
    ...[...caches].map(([name, cache]) => ({
      name,
      run: async ({ prompt, llmKey }: Question) => {
        if ((await cache.lookup(prompt, llmKey)) === null) throw new Error(`${name} did not find what it stored.`);
      },
    })),
    { name: "bentocache, plain JSON", run: ({ prompt, llmKey }) => bento.get({ key: givenKey(prompt, llmKey) }) },
    { name: "cacheable, plain JSON", run: ({ prompt, llmKey }) => second?.get(givenKey(prompt, llmKey)) },
  ];
  const hits = await race<Question>([...bare, ...lookups], { rounds, callsPerRound: 100, input: known });
  console.log(table(`Hit in Redis, prompt of ${bytes} bytes, answer of 2 KB`, hits, BARE));

  const together = await race<Question[]>(
    [...bare, ...lookups].map((one) => ({
      name: one.name,
      run: (batch, index) => Promise.all(batch.map((question, place) => one.run(question, index * AT_ONCE + place))),
    })),
    {
      rounds,
      callsPerRound: 10,
      input: (index) => Array.from({ length: AT_ONCE }, (_, place) => known(index * AT_ONCE + place)),
    },
  );
  console.log(table(`${AT_ONCE} hits at once, prompt of ${bytes} bytes, answer of 2 KB`, together, BARE));

  let asked = 0;
  const unknown = (index: number): Question => {
    return { ...known(index), prompt: fresh(prose(bytes, `absent ${asked++}`)) };
  };
  const misses = await race<Question>(
    [
      { name: BARE, run: ({ prompt }) => plain.getBuffer(prompt.slice(0, 40)) },
      ...[...caches].map(([name, cache]) => ({
        name,
        run: async ({ prompt, llmKey, answer }: Question) => {
          if ((await cache.lookup(prompt, llmKey)) !== null) throw new Error(`${name} found what nobody stored.`);
          await cache.update(prompt, llmKey, answer);
        },
      })),
    ],
    { rounds, callsPerRound: 100, input: unknown },
  );
  console.log(table(`Full miss (lookup and update), prompt of ${bytes} bytes, answer of 2 KB`, misses, BARE));

  const of = (timings: readonly Timing[], name: string): Timing | undefined => timings.find((timing) => timing.name === name);
  const size = `prompt of ${bytes / 1024} KB`;
  for (const name of [OURS, SECOND, RAW]) {
    promise(`hit, ${name}, of a bare GET and parse, ${size}`, "<= 1.4", (r) => r <= 1.4, of(hits, name), of(hits, BARE));
  }
  promise(
    `hit, ${OURS}, of a bare GET, inflate and parse, ${size}`,
    "<= 1.4",
    (r) => r <= 1.4,
    of(hits, OURS),
    of(hits, INFLATING),
  );
  const [least, bar] = bytes === 2048 ? [3, ">= 3"] : [10, ">= 10"];
  for (const [name, timings, when] of [
    [OURS, hits, "one by one"],
    [RAW, hits, "one by one"],
    [BARE, hits, "one by one"],
    [OURS, together, `${AT_ONCE} at once`],
    [RAW, together, `${AT_ONCE} at once`],
  ] as const) {
    promise(`hit, RedisCache of ${name}, ${when}, ${size}`, bar, (r) => r >= least, of(timings, THEIRS), of(timings, name));
  }
  for (const peer of ["bentocache", "cacheable"]) {
    const name = `${peer}, second layer only`;
    promise(`hit, ${name}, of ${OURS}, ${size}`, ">= 1", (r) => r >= 1, of(hits, name), of(hits, OURS));
    promise(`hit, ${name}, of ${RAW}, ${size}`, ">= 1", (r) => r >= 1, of(hits, name), of(hits, RAW));
    promise(`full miss, ${name}, of ${OURS}, ${size}`, ">= 1", (r) => r >= 1, of(misses, name), of(misses, OURS));
  }
  promise(`full miss, RedisCache of ${OURS}, ${size}`, ">= 2.3", (r) => r >= 2.3, of(misses, THEIRS), of(misses, OURS));
  promise(`full miss, RedisCache of ${RAW}, ${size}`, ">= 2.3", (r) => r >= 2.3, of(misses, THEIRS), of(misses, RAW));
  await Promise.all(Object.values(ours).map((cache) => cache.close()));
}
console.log(["| ratio | p50 | p99 | bar | |", "| --- | --- | --- | --- | --- |", ...ratios, ""].join("\n"));
await nodeRedisClient.quit();
await server.stop();
process.exit(0);
