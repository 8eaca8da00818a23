/** What it costs a hit in memory to be measured: one cache that nobody listens to, one whose events metrics fold, in turns. */
import { createMetrics, memoryTier, TieredCache } from "langchain-strata";
import { fresh, prose, provenance } from "../harness.ts";
import { answer, LLM_KEY } from "./sample-answers.ts";

const ENTRIES = 200;
const ROUNDS = Number(process.argv[2] ?? 400);
const CALLS = 500;

const metrics = createMetrics();
const caches = {
  "nobody listens": new TieredCache({ tiers: [memoryTier()] }),
  "an observer that does nothing": new TieredCache({ tiers: [memoryTier()], observer: () => undefined }),
  metrics: new TieredCache({ tiers: [memoryTier()], observer: metrics.observer }),
};
metrics.watch(caches.metrics);
const names = Object.keys(caches) as (keyof typeof caches)[];
const prompts = Array.from({ length: ENTRIES }, (_, index) => prose(2048, `prompt ${index}`));
for (const cache of Object.values(caches)) {
  for (const [index, prompt] of prompts.entries()) await cache.update(prompt, LLM_KEY, answer(index));
}

/** Nanoseconds of one lookup, over a run of many: two readings of the clock around each would cost more than what is measured. */
async function run(cache: TieredCache): Promise<number> {
  const asked = Array.from({ length: CALLS }, (_, index) => fresh(prompts[index % ENTRIES] ?? ""));
  const start = performance.now();
  for (const prompt of asked) await cache.lookup(prompt, LLM_KEY);
  return ((performance.now() - start) * 1e6) / CALLS;
}

const times = new Map(names.map((name) => [name, [] as number[]]));
for (let round = -20; round < ROUNDS; round++) {
  // Whoever comes first in a round has a warmer or colder machine: the order goes round.
  for (let turn = 0; turn < names.length; turn++) {
    const name = names[(turn + round + 20) % names.length] as keyof typeof caches;
    const ns = await run(caches[name]);
    if (round >= 0) times.get(name)?.push(ns);
  }
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const base = times.get("nobody listens") ?? [];
console.log(`${provenance()}\ncommand: npm run bench:metrics\n`);
console.log("### A hit in memory, measured\n\n| | median ns | more than without, median of the rounds |\n| --- | --- | --- |");
for (const [name, values] of times) {
  const more = median(values.map((value, round) => value / (base[round] ?? Number.NaN) - 1));
  console.log(`| ${name} | ${median(values).toFixed(0)} | ${(more * 100).toFixed(2)} % |`);
}
console.log(`\n${metrics.snapshot().cache.hits.toLocaleString("en")} hits were counted.`);
metrics.close();
for (const cache of Object.values(caches)) await cache.close();
