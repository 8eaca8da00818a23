/**
 * Questions that repeat, as people ask them: 20,000 requests without a conversation, by Zipf's law (exponent 1) over 1,000 questions,
 * one seed, through `chat()`; beside the same requests through ChatDeepSeek with LangChain's own cache. One process, one stand-in of
 * the DeepSeek API that answers at once, so that what is left is the cost of the cache.
 *
 * `npm run bench:chat -- --requests 2000` asks fewer. Ends with exit code 1 when a promise is not kept.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { InMemoryCache } from "@langchain/core/caches";
import { ChatDeepSeek } from "@langchain/deepseek";
import { createStrata } from "langchain-strata";
import { startDeepSeekStandIn } from "langchain-strata/testing/deepseek-stand-in";
import { fresh, provenance, summarize } from "../harness.ts";

const QUESTIONS = 1_000;
const SEED = 20_260_801;
const PROMISED = { hits: 0.9, fewerCalls: 0.7, p50Ms: 0.5 } as const;

const { values } = parseArgs({ options: { requests: { type: "string", default: "20000" } } });
const requests = Number(values.requests);
if (!Number.isSafeInteger(requests) || requests < 1) throw new Error("--requests is a whole number of at least 1");

/** Numbers in [0, 1) from a seed: mulberry32 (Tommy Ettinger, public domain). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Which question each request asks: rank r with a probability in proportion to 1 / r. */
function workload(): number[] {
  const random = seeded(SEED);
  const upTo: number[] = [];
  let sum = 0;
  for (let rank = 1; rank <= QUESTIONS; rank++) upTo.push((sum += 1 / rank));
  return Array.from({ length: requests }, () => {
    const point = random() * sum;
    return upTo.findIndex((bound) => point < bound);
  });
}

interface Outcome {
  readonly name: string;
  readonly hitRate: number;
  readonly modelCalls: number;
  readonly hitMicros: readonly number[];
  readonly seconds: number;
}

const folder = mkdtempSync(join(tmpdir(), "strata-chat-"));
const standIn = await startDeepSeekStandIn({ delay: 0 });
const ranks = workload();
const asked = (rank: number): string =>
  fresh(`Question ${rank}: what moves the price of asset number ${rank}, and how is the risk kept small?`);

async function run(name: string, ask: (question: string) => Promise<boolean>): Promise<Outcome> {
  standIn.reset();
  const hitMicros: number[] = [];
  const begun = performance.now();
  for (const rank of ranks) {
    const question = asked(rank);
    const start = performance.now();
    if (await ask(question)) hitMicros.push((performance.now() - start) * 1_000);
  }
  const seconds = (performance.now() - begun) / 1_000;
  return { name, hitRate: hitMicros.length / ranks.length, modelCalls: standIn.calls.length, hitMicros, seconds };
}

const model = { model: "deepseek-reasoner", apiKey: "none" } as const;
const strata = await createStrata({ data: folder, model: { ...model, provider: "deepseek", baseURL: standIn.url } });
const ours = await run("createStrata().chat()", async (question) => (await strata.chat(question)).cached);
const saved = await strata.stats();
await strata.close();

const theirs = new ChatDeepSeek({ ...model, cache: new InMemoryCache(), configuration: { baseURL: standIn.url } });
const before = (): number => standIn.calls.length;
const langchain = await run("ChatDeepSeek with InMemoryCache", async (question) => {
  const calls = before();
  await theirs.invoke(question);
  return before() === calls;
});
await standIn.close();
rmSync(folder, { recursive: true, force: true });

console.log(`${provenance()}\ncommand: npm run bench:chat${requests === 20_000 ? "" : ` -- --requests ${requests}`}\n`);
console.log(
  `${requests} requests, Zipf exponent 1.0 over ${QUESTIONS} questions, ${new Set(ranks).size} of them asked, seed ${SEED}\n`,
);
console.log("| | hits | model calls | fewer calls | p50 of a hit, ms | p99 of a hit, ms | all requests, s |");
console.log("| --- | --- | --- | --- | --- | --- | --- |");
for (const { name, hitRate, modelCalls, hitMicros, seconds } of [ours, langchain]) {
  const { p50, p99 } = summarize(name, hitMicros);
  const cells = [
    percent(hitRate),
    modelCalls,
    percent(1 - modelCalls / requests),
    (p50 / 1_000).toFixed(3),
    (p99 / 1_000).toFixed(3),
  ];
  console.log(`| ${[name, ...cells, seconds.toFixed(2)].join(" | ")} |`);
}
console.log(`\nSaved, as the provider counted: ${saved.chat.savedTokens} tokens.`);

const kept = {
  [`hits >= ${percent(PROMISED.hits)}`]: ours.hitRate >= PROMISED.hits,
  [`model calls fewer by >= ${percent(PROMISED.fewerCalls)}`]: 1 - ours.modelCalls / requests >= PROMISED.fewerCalls,
  [`p50 of a hit < ${PROMISED.p50Ms} ms`]: summarize("", ours.hitMicros).p50 < PROMISED.p50Ms * 1_000,
};
console.log();
for (const [promise, isKept] of Object.entries(kept)) console.log(`${isKept ? "kept  " : "BROKEN"} ${promise}`);
if (!Object.values(kept).every(Boolean)) process.exitCode = 1;

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
