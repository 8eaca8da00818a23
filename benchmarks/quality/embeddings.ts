/**
 * Quality, speed and memory of the local models: `npm run bench:quality:embeddings`. Each model has a process of its own, so that
 * its memory is its own.
 *
 *     STRATA_BENCH_DATA=… npx tsx benchmarks/quality/embeddings.ts [--folder path/of/another/onnx/model]…
 *
 * STS-B as Spearman, ASSIN2 (its test split) as Pearson correlation with the judgements of people, both times 100.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { LocalEmbeddings, type LocalEmbeddingsOptions } from "langchain-strata/local";
import { provenance, summarize, type Timing } from "../harness.ts";

type Model = NonNullable<LocalEmbeddingsOptions["model"]>;

interface Pair {
  readonly a: string;
  readonly b: string;
  readonly score: number;
}

/** What each model must reach: STS-B in English, in Portuguese, across; ASSIN2. */
const BARS: Readonly<Record<string, readonly number[]>> = { static: [76, 70, 61, 69.5], minilm: [81.5, 73, 67, 75] };

interface Measured {
  readonly quality: readonly number[];
  readonly loadMs: number;
  readonly rssMb: number;
  readonly one: Timing;
  readonly batch: Timing;
  readonly longestPauseMs: number;
}

const data = join(process.env["STRATA_BENCH_DATA"] ?? "", "semantic");
const [role, asked] = process.argv.slice(2);
if (process.env["STRATA_BENCH_DATA"] === undefined || !existsSync(join(data, "stsb_en_test.jsonl"))) {
  console.log("No pairs: STRATA_BENCH_DATA must name a folder with semantic/stsb_*.jsonl and semantic/assin2_pairs.jsonl.");
} else if (role === "measure" && asked !== undefined) {
  process.send?.(await measure(JSON.parse(asked) as Model));
  process.disconnect();
} else {
  await compare();
}

async function compare(): Promise<void> {
  const folders = process.argv.flatMap((word, index) => (word === "--folder" ? [process.argv[index + 1] ?? ""] : []));
  const models: Model[] = ["static", "minilm", ...folders.map((path) => ({ path }))];
  console.log(`${provenance()}\n`);
  console.log(
    "| model | STS-B en / pt / en-pt | ASSIN2 | load ms | RSS MB | 1 text ms, p99 | 32 texts ms, p99 | longest pause ms |",
  );
  console.log("| --- | --- | --- | ---: | ---: | --- | --- | ---: |");
  for (const model of models) {
    const child = fork(fileURLToPath(import.meta.url), ["measure", JSON.stringify(model)]);
    const [measured] = (await Promise.race([once(child, "message"), once(child, "exit")])) as [Measured | number];
    if (typeof measured === "number") throw new Error(`The measurement ended with code ${measured}.`);
    const name = typeof model === "string" ? model : basename(model.path);
    console.log(row(name, measured));
    const missed = (BARS[name] ?? []).some((bar, index) => (measured.quality[index] ?? 0) < bar);
    if (missed) {
      console.log(`${name} misses its bars: ${BARS[name]?.join(" / ")}`);
      process.exitCode = 1;
    }
  }
}

function row(name: string, { quality, loadMs, rssMb, one, batch, longestPauseMs }: Measured): string {
  const [en, pt, across, assin] = quality.map((value) => value.toFixed(1));
  const times = [one, batch].map(({ p50, p99 }) => `${(p50 / 1000).toFixed(3)}, ${(p99 / 1000).toFixed(3)}`);
  const cells = [
    name,
    `${en} / ${pt} / ${across}`,
    assin,
    loadMs.toFixed(0),
    rssMb.toFixed(0),
    ...times,
    longestPauseMs.toFixed(0),
  ];
  return `| ${cells.join(" | ")} |`;
}

async function measure(model: Model): Promise<Measured> {
  const [en, pt] = ["stsb_en_test", "stsb_pt_test"].map((name) => rows(name)) as [Pair[], Pair[]];
  const across = en.map(({ a, score }, index) => ({ a, b: pt[index]?.b ?? "", score }));
  const assin = (rows("assin2_pairs") as (Pair & { sim: number; split: string })[])
    .filter(({ split }) => split === "test")
    .map(({ a, b, sim }) => ({ a, b, score: sim }));

  const before = process.memoryUsage.rss();
  const embeddings = new LocalEmbeddings({ model });
  const start = performance.now();
  await embeddings.load();
  const loadMs = performance.now() - start;
  const texts = en.flatMap(({ a }, index) => [a, pt[index]?.b ?? ""]);
  const one = await time(400, (index) => embeddings.embedQuery(texts[index % texts.length] ?? ""));
  const batch = await time(60, (index) => embeddings.embedDocuments(texts.slice(index * 32, index * 32 + 32)));
  const rssMb = (process.memoryUsage.rss() - before) / 2 ** 20;
  const pauses = monitorEventLoopDelay({ resolution: 1 });
  pauses.enable();
  await embeddings.embedDocuments(texts);
  pauses.disable();
  const correlations = [
    spearman(...(await scores(embeddings, en))),
    spearman(...(await scores(embeddings, pt))),
    spearman(...(await scores(embeddings, across))),
    pearson(...(await scores(embeddings, assin))),
  ];
  await embeddings.close();
  const longestPauseMs = pauses.max / 1e6;
  return { quality: correlations.map((value) => value * 100), loadMs, rssMb, one, batch, longestPauseMs };
}

async function time(calls: number, call: (index: number) => Promise<unknown>): Promise<Timing> {
  const micros: number[] = [];
  for (let index = -10; index < calls; index++) {
    const start = performance.now();
    await call(Math.max(0, index));
    if (index >= 0) micros.push((performance.now() - start) * 1000);
  }
  return summarize("", micros);
}

async function scores(embeddings: LocalEmbeddings, pairs: readonly Pair[]): Promise<[number[], number[]]> {
  const a = await embeddings.embedDocuments(pairs.map(({ a }) => a));
  const b = await embeddings.embedDocuments(pairs.map(({ b }) => b));
  const cosines = a.map((vector, index) => vector.reduce((sum, value, at) => sum + value * (b[index]?.[at] ?? 0), 0));
  return [cosines, pairs.map(({ score }) => score)];
}

function rows(name: string): Pair[] {
  const lines = readFileSync(join(data, `${name}.jsonl`), "utf8")
    .trim()
    .split("\n");
  return lines.map((line) => JSON.parse(line) as Pair);
}

function pearson(a: readonly number[], b: readonly number[]): number {
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [middleA, middleB] = [mean(a), mean(b)];
  const product = (x: readonly number[], mx: number, y: readonly number[], my: number): number =>
    x.reduce((sum, value, index) => sum + (value - mx) * ((y[index] ?? 0) - my), 0);
  return product(a, middleA, b, middleB) / Math.sqrt(product(a, middleA, a, middleA) * product(b, middleB, b, middleB));
}

function spearman(a: readonly number[], b: readonly number[]): number {
  return pearson(ranks(a), ranks(b));
}

/** Equal values share the mean of their ranks. */
function ranks(values: readonly number[]): number[] {
  const order = values.map((_, index) => index).toSorted((x, y) => (values[x] ?? 0) - (values[y] ?? 0));
  const result = values.map(() => 0);
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end + 1 < order.length && values[order[end + 1] ?? 0] === values[order[start] ?? 0]) end++;
    for (let at = start; at <= end; at++) result[order[at] ?? 0] = (start + end) / 2;
    start = end + 1;
  }
  return result;
}
