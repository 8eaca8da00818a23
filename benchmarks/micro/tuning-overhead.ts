/** What it costs a hit in memory to be sampled: one cache without tuning, one that is tuned, in turns, among 10,000 entries. */
import { memoryTier, TieredCache } from "langchain-strata";
import { fresh, prose, provenance } from "../harness.ts";
import { answer, LLM_KEY } from "./sample-answers.ts";

const ENTRIES = 10_000;
const ROUNDS = Number(process.argv[2] ?? 300);
const CALLS = 500;

const caches = {
  off: new TieredCache({ tiers: [memoryTier()] }),
  "a second cache without": new TieredCache({ tiers: [memoryTier()] }),
  apply: new TieredCache({ tiers: [memoryTier()], tuning: { mode: "apply", every: "1s" } }),
};
const names = Object.keys(caches) as (keyof typeof caches)[];
const prompts = Array.from({ length: ENTRIES }, (_, index) => prose(2_048, `prompt ${index}`));
for (const cache of Object.values(caches)) {
  for (const [index, prompt] of prompts.entries()) {
    await cache.update(prompt, LLM_KEY, answer(index, 512));
    // Timers, by which the sample is worked off, get their turn.
    if (index % 100 === 0) await pause();
  }
}

function pause(): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, 20));
}

/** Nanoseconds of one lookup, over a run of many. */
async function run(cache: TieredCache, round: number): Promise<number> {
  const asked = Array.from({ length: CALLS }, (_, index) => fresh(prompts[(round * CALLS + index * 7_919) % ENTRIES] ?? ""));
  const start = performance.now();
  for (const prompt of asked) await cache.lookup(prompt, LLM_KEY);
  return ((performance.now() - start) * 1e6) / CALLS;
}

const times = new Map(names.map((name) => [name, [] as number[]]));
for (let round = -20; round < ROUNDS; round++) {
  for (let turn = 0; turn < names.length; turn++) {
    const name = names[(turn + round + 20) % names.length] as keyof typeof caches;
    const ns = await run(caches[name], round + 20);
    if (round >= 0) times.get(name)?.push(ns);
  }
  await pause();
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
const base = times.get("off") ?? [];
console.log(`${provenance()}\ncommand: npm run bench:tuning:overhead\n`);
console.log(
  "### A hit in memory, tuned\n\n| tuning | median ns | more than without, median of the rounds |\n| --- | --- | --- |",
);
for (const [name, values] of times) {
  const more = median(values.map((value, round) => value / (base[round] ?? Number.NaN) - 1));
  console.log(`| ${name} | ${median(values).toFixed(0)} | ${(more * 100).toFixed(2)} % |`);
}
const { rate, entries } = caches.apply.tuning.sample();
console.log(`\nThe sample: one key in ${1 / rate}; the largest ghost holds ${entries} entries.`);

// Beside the hits: what one observation costs all ghosts together.
const cpu = process.cpuUsage();
const before = process.hrtime.bigint();
await new Promise((resolve) => void setTimeout(resolve, 1_000));
const { user, system } = process.cpuUsage(cpu);
const idle = ((user + system) * 1_000) / Number(process.hrtime.bigint() - before);
console.log(`While nothing is asked, the process takes ${(idle * 100).toFixed(2)} % of a core.`);
for (const cache of Object.values(caches)) await cache.close();
