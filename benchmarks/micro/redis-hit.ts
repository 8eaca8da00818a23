/**
 * Hits and misses in Redis: TieredCache over its Redis tier alone, beside a bare GET of the same bytes, LangChain's RedisCache,
 * bentocache and cacheable over Redis. `npm run build && npx tsx benchmarks/micro/redis-hit.ts [--rounds 12]`.
 *
 * A real Redis of the run's own, on the loopback. Peers that are not installed are left out, and named.
 */
import * as crypto from "node:crypto";
import { createRequire } from "node:module";
import type { BaseCache } from "@langchain/core/caches";
import { BentoCache, bentostore } from "bentocache";
import { redisDriver } from "bentocache/drivers/redis";
import { Cacheable } from "cacheable";
import { Redis } from "ioredis";
import { TieredCache } from "langchain-strata";
import { redisTier } from "langchain-strata/redis";
import { decompress } from "../../src/cache/compression.ts";
import { unpackValue } from "../../src/cache/tiers/redis-layout.ts";
import { chooseRoute } from "../../test/support/servers/routes.ts";
import { fresh, prose, provenance, race, table, type Contender } from "../harness.ts";
import { answer, LLM_KEY } from "./sample-answers.ts";

interface Question {
  readonly prompt: string;
  readonly llmKey: string;
}

const ENTRIES = 200;
const rounds = Number(process.argv[process.argv.indexOf("--rounds") + 1] ?? 12) || 12;
const missing: string[] = [];

/** Its exports, or `undefined` when it is not installed. */
function peer(name: string): unknown {
  try {
    return createRequire(import.meta.url)(name) as unknown;
  } catch {
    missing.push(name);
    return undefined;
  }
}

/** bentocache and cacheable take a key, so their caller hashes. */
function givenKey({ prompt, llmKey }: Question): string {
  return crypto.hash("sha256", `${llmKey.length}:${llmKey}${prompt}`, "hex");
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
console.log(`${provenance()}, Redis ${version}\ncommand: npx tsx benchmarks/micro/redis-hit.ts --rounds ${rounds}\n`);

type Caches = { readonly RedisCache: new (client: unknown) => BaseCache } | undefined;
const langchain = peer("@langchain/redis") as Caches;
const community = peer("@langchain/community/caches/ioredis") as Caches;
const nodeRedis = peer("redis") as
  | { createClient(options: object): { connect(): Promise<unknown>; quit(): Promise<unknown> } }
  | undefined;
const keyvRedis = peer("@keyv/redis") as { readonly default: new (url: string) => never } | undefined;
const nodeRedisClient = nodeRedis?.createClient({ url: server.url });
await nodeRedisClient?.connect();

for (const bytes of [2048, 8192]) {
  await plain.flushall();
  const prompts = Array.from({ length: ENTRIES }, (_, index) => prose(bytes, `prompt ${index}`));
  const strata = new TieredCache({ tiers: [redisTier({ client: plain, deadline: "1s" })] });
  const alone = new TieredCache({ tiers: [redisTier({ client: plain, deadline: "1s" })], coalesce: false });
  const bento = new BentoCache({ default: "l2", stores: { l2: bentostore().useL2Layer(redisDriver({ connection: plain })) } });
  const caches = new Map<string, BaseCache>();
  if (langchain && nodeRedisClient) caches.set("@langchain/redis RedisCache", new langchain.RedisCache(nodeRedisClient));
  if (community) caches.set("@langchain/community ioredis RedisCache", new community.RedisCache(new Redis(server.url)));
  const cacheable = keyvRedis && new Cacheable({ secondary: new keyvRedis.default(server.url), nonBlocking: false });

  for (const [index, prompt] of prompts.entries()) {
    await strata.update(prompt, LLM_KEY, answer(index));
    for (const cache of caches.values()) await cache.update(prompt, LLM_KEY, answer(index));
    await bento.set({ key: givenKey({ prompt, llmKey: LLM_KEY }), value: answer(index) });
    await cacheable?.set(givenKey({ prompt, llmKey: LLM_KEY }), answer(index));
  }
  await strata.flush();

  // The very bytes that strata stored, under names of our own.
  const stored = await plain.keys("strata:v:*");
  const payloads = await Promise.all(
    stored.map(async (name) => payloadOf((await plain.getBuffer(name)) as Buffer, name.slice("strata:v:".length))),
  );
  for (const [index, { bytes: payload }] of payloads.entries()) await plain.set(`bare:${index}`, payload);
  const first = payloads[0];
  console.log(`stored: ${first?.bytes.byteLength} bytes, ${first?.rawLength} before compression (codec ${first?.codec})\n`);

  const bareHit: Contender<Question> = {
    name: "bare GET, inflate, parse",
    run: async (_question, index) => {
      const { codec, rawLength } = payloads[index % payloads.length] as { codec: number; rawLength: number };
      const payload = (await plain.getBuffer(`bare:${index % payloads.length}`)) as Buffer;
      return JSON.parse((decompress(codec, payload, rawLength) as Buffer).toString("utf8")) as unknown;
    },
  };
  const others: ReadonlyArray<Contender<Question>> = [
    ...[...caches].map(([name, cache]) => ({ name, run: ({ prompt, llmKey }: Question) => cache.lookup(prompt, llmKey) })),
    { name: "bentocache, second layer only", run: (question) => bento.get({ key: givenKey(question) }) },
    ...(cacheable
      ? [{ name: "cacheable, second layer only", run: (question: Question) => cacheable.secondary?.get(givenKey(question)) }]
      : []),
  ];
  const hits = await race<Question>(
    [bareHit, { name: "TieredCache", run: ({ prompt, llmKey }) => strata.lookup(prompt, llmKey) }, ...others],
    { rounds, callsPerRound: 400, input: (index) => ({ prompt: fresh(prompts[index % ENTRIES] ?? ""), llmKey: fresh(LLM_KEY) }) },
  );
  console.log(table(`Hit in Redis, prompt of ${bytes} bytes, answer of 2 KB`, hits, "bare GET, inflate, parse"));

  let asked = 0;
  const misses = await race<Question>(
    [
      { name: "bare GET", run: ({ prompt }) => plain.getBuffer(prompt.slice(0, 40)) },
      { name: "TieredCache, alone", run: ({ prompt, llmKey }) => alone.lookup(prompt, llmKey) },
      { name: "TieredCache, waiting for other processes", run: ({ prompt, llmKey }) => strata.lookup(prompt, llmKey) },
      ...others,
    ],
    { rounds, callsPerRound: 400, input: () => ({ prompt: fresh(prose(bytes, `absent ${asked++}`)), llmKey: fresh(LLM_KEY) }) },
  );
  console.log(table(`Miss in Redis, prompt of ${bytes} bytes`, misses, "bare GET"));
  await Promise.all([strata.close(), alone.close()]);
}
if (missing.length > 0) console.log(`not installed, left out: ${missing.join(", ")}`);
await nodeRedisClient?.quit();
await server.stop();
process.exit(0);
