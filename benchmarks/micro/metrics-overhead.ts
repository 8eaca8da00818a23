/**
 * What it costs a hit in memory to be measured, told apart to a fraction of a percent.
 *
 * Three caches in one process take turns in short rounds: two that nobody listens to, and one with an observer. Each round gives a pair
 * of ratios: the observed one to the mean of the other two, and the two to each other, which is the noise. They take every order
 * equally often, and read one tier, so that none has its entries in a better place. Several processes, since where code comes to lie
 * is a matter of luck for each; one observer in a process, as in a server, since the compiler treats a call to one function unlike a
 * call to many. What is timed is the processor, all threads of the process: time in which others had it is nobody's cost here.
 *
 * The figure is the median over all rounds; its interval is bootstrapped over processes, and over rounds within them (B. Efron, 1979).
 *
 *   npm run bench:metrics                    9 processes for each observer
 *   npm run bench:metrics -- --processes 3 --rounds 300
 */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createMetrics, memoryTier, TieredCache, type Observer } from "langchain-strata";
import { fresh, prose, provenance } from "../harness.ts";
import { answer, LLM_KEY } from "./sample-answers.ts";

const ENTRIES = 200;
const CALLS = 200;
const ORDERS = [0, 1, 2].flatMap((first) => [1, 2].map((step) => [first, (first + step) % 3, (first + 2 * step) % 3]));
const WARM_UP = 100;
const RESAMPLES = 1_000;

const OBSERVERS = ["an observer that does nothing", "metrics"] as const;
type Observed = (typeof OBSERVERS)[number];

/** Of one process, by round. */
interface Rounds {
  /** Nanoseconds of one hit that nobody listens to. */
  readonly plain: number[];
  /** Ratio of the observed cache to the other two. */
  readonly observed: number[];
  /** Ratio of the other two to each other. */
  readonly control: number[];
}

const { values } = parseArgs({
  options: { processes: { type: "string" }, rounds: { type: "string" }, observer: { type: "string" }, place: { type: "string" } },
});
const PROCESSES = Number(values.processes ?? 9);
const ROUNDS = Number(values.rounds ?? 1_500);

/** Nanoseconds of one lookup, over a run of many: what is read around it is told in microseconds. */
async function run(cache: TieredCache, prompts: readonly string[], from: number): Promise<number> {
  const asked = Array.from({ length: CALLS }, (_, index) => fresh(prompts[(from + index) % ENTRIES] ?? ""));
  const start = process.cpuUsage();
  for (const prompt of asked) await cache.lookup(prompt, LLM_KEY);
  const { user, system } = process.cpuUsage(start);
  return ((user + system) * 1_000) / CALLS;
}

/** @param place of the observed cache among the three: the first and the last that were made are not alike by a percent */
async function measure(observed: Observed, place: number): Promise<Rounds> {
  const metrics = createMetrics();
  const observer: Observer = observed === "metrics" ? metrics.observer : () => undefined;
  const tier = memoryTier();
  const caches = [0, 1, 2].map((at) => new TieredCache({ tiers: [tier], observer: at === place ? observer : undefined }));
  if (observed === "metrics") metrics.watch(caches[place] as TieredCache);
  // None of the three: what it remembers of its own writes would set it apart.
  const writer = new TieredCache({ tiers: [tier] });
  const prompts = Array.from({ length: ENTRIES }, (_, index) => prose(2048, `prompt ${index}`));
  for (const [index, prompt] of prompts.entries()) await writer.update(prompt, LLM_KEY, answer(index));
  const rounds: Rounds = { plain: [], observed: [], control: [] };
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    const ns = [0, 0, 0];
    for (const which of ORDERS[(round + WARM_UP) % ORDERS.length] ?? [])
      ns[which] = await run(caches[which] as TieredCache, prompts, (round + WARM_UP) * CALLS);
    if (round < 0) continue;
    const [first = Number.NaN, second = Number.NaN] = ns.filter((_, at) => at !== place);
    const own = ns[place] ?? Number.NaN;
    rounds.plain.push((first + second) / 2);
    rounds.observed.push((2 * own) / (first + second));
    rounds.control.push(second / first);
  }
  const hits = metrics.snapshot().cache.hits;
  const made = observed === "metrics" ? (ROUNDS + WARM_UP) * CALLS : 0;
  if (hits !== made) throw new Error(`${hits} hits were counted of ${made}.`);
  metrics.close();
  for (const cache of [writer, ...caches]) await cache.close();
  return rounds;
}

function inProcess(observed: Observed, place: number): Promise<Rounds> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), [
      "--observer",
      observed,
      "--place",
      String(place),
      "--rounds",
      String(ROUNDS),
    ]);
    child.once("message", (rounds) => resolve(rounds as Rounds));
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`A process ended with ${code}.`)));
  });
}

function median(numbers: readonly number[]): number {
  const sorted = Float64Array.from(numbers).toSorted();
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

function drawn<T>(from: readonly T[]): T[] {
  return from.map(() => from[Math.floor(Math.random() * from.length)] as T);
}

/** `1.23 % (1.01 to 1.44)`: the median with its 95 % interval. */
function more(processes: ReadonlyArray<readonly number[]>): string {
  const percent = (ratio: number): string => ((ratio - 1) * 100).toFixed(2);
  // The median of the medians of processes: each counts alike, and there is little to sort.
  const medians = Array.from({ length: RESAMPLES }, () => median(drawn(processes).map((rounds) => median(drawn(rounds)))));
  const sorted = medians.toSorted((a, b) => a - b);
  const [low, high] = [sorted[Math.floor(RESAMPLES * 0.025)] ?? Number.NaN, sorted[Math.floor(RESAMPLES * 0.975)] ?? Number.NaN];
  return `${percent(median(processes.map(median)))} % (${percent(low)} to ${percent(high)})`;
}

if (values.observer !== undefined) {
  process.send?.(await measure(values.observer as Observed, Number(values.place)));
} else {
  const found = new Map(OBSERVERS.map((name) => [name, [] as Rounds[]]));
  for (let count = 0; count < PROCESSES; count++) {
    for (const name of OBSERVERS) found.get(name)?.push(await inProcess(name, count % 3));
  }
  console.log(`${provenance()}\ncommand: npm run bench:metrics\n`);
  console.log(`### A hit in memory, measured\n\n${PROCESSES} processes of ${ROUNDS} rounds for each observer; 95 % intervals\n`);
  console.log("| | median ns without | more with it | noise: two without, one to the other |\n| --- | --- | --- | --- |");
  for (const [name, processes] of found) {
    const plain = median(processes.map((rounds) => median(rounds.plain))).toFixed(0);
    const [own, noise] = [processes.map(({ observed }) => observed), processes.map(({ control }) => control)];
    console.log(`| ${name} | ${plain} | ${more(own)} | ${more(noise)} |`);
  }
}
