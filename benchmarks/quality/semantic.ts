/**
 * How often the semantic cache hits, and how often it is wrong: streams replayed against each policy in several orders.
 *
 *     STRATA_BENCH_DATA=… npm run bench:quality:semantic -- [--model static|minilm] [--stream text] [--orders 3] [--most 22000] [--keep folder]
 *
 * `--keep` keeps the nearest neighbours of every prompt in a folder, which is what takes longest. Exits with 1 when the calibrated
 * policy breaks its promise.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { LocalEmbeddings } from "../../src/embeddings/local-embeddings.ts";
import { clopperPearsonUpper } from "../../src/cache/semantic/numerics/beta.ts";
import { calibratedPolicy } from "../../src/cache/semantic/policies/calibrated.ts";
import { staticPolicy } from "../../src/cache/semantic/policies/static.ts";
import type { SimilarityPolicy } from "../../src/cache/semantic/similarity-policy.ts";
import { seededRandom } from "../../test/support/seeded-random.ts";
import { provenance } from "../harness.ts";
import { neighboursOf, type Neighbours } from "./semantic/neighbours.ts";
import { replay, shuffled, type Judge, type Tally } from "./semantic/replay.ts";
import { readStreams, type Stream } from "./semantic/streams.ts";
import { vCache } from "./semantic/vcache.ts";

/** Most wrong answers among the hits. */
const PROMISE = 0.02;
const JUDGE: Judge = { falseAccepts: 0.01, falseRejects: 0.05 };

interface Contender {
  readonly name: string;
  readonly make: (random: () => number) => SimilarityPolicy;
  readonly judge?: Judge;
}

const CONTENDERS: readonly Contender[] = [
  ...[0.85, 0.9, 0.95].map((similarity) => ({
    name: `cosine ${similarity}`,
    make: () => staticPolicy({ similarity, vetoes: false }),
  })),
  ...[0.85, 0.95].map((similarity) => ({ name: `static ${similarity}, vetoes`, make: () => staticPolicy({ similarity }) })),
  { name: "vCache 0.02", make: (random) => vCache(PROMISE, random) },
  { name: "calibrated 0.02", make: (random) => calibratedPolicy({ maxWrongHits: PROMISE, random }) },
  { name: "calibrated 0.02, judge", make: (random) => calibratedPolicy({ maxWrongHits: PROMISE, random }), judge: JUDGE },
];

const { values: asked } = parseArgs({
  options: {
    model: { type: "string", default: "static" },
    stream: { type: "string" },
    orders: { type: "string", default: "3" },
    most: { type: "string", default: "22000" },
    keep: { type: "string" },
  },
});

const streams = readStreams(process.env["STRATA_BENCH_DATA"], Number(asked.most));
if (streams === undefined) {
  console.log("No streams: STRATA_BENCH_DATA must name a folder with semantic/*.jsonl. Nothing was measured.");
} else {
  await measure(streams.filter(({ name }) => asked.stream === undefined || name.includes(asked.stream)));
}

async function measure(chosen: readonly Stream[]): Promise<void> {
  const model = asked.model === "minilm" ? "minilm" : "static";
  const embeddings = new LocalEmbeddings({ model });
  console.log(`${provenance()}, embeddings: ${model}, ${asked.orders} orders.\n`);
  console.log(
    "| stream | policy | hits % | wrong / 100 requests | wrong / 100 hits | at most (95 %) | in the first 1,500 | judged / request |",
  );
  console.log("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |");
  const sums = new Map<string, Tally>();
  for (const stream of chosen) {
    const keep = asked.keep === undefined ? undefined : join(asked.keep, `${model}-${stream.name}-${stream.prompts.length}.bin`);
    const vectors = async (): Promise<Float32Array[]> =>
      (await embeddings.embedDocuments([...stream.prompts])).map((vector) => Float32Array.from(vector));
    const neighbours = await neighboursOf(vectors, keep);
    for (const contender of CONTENDERS) {
      const tally = inAllOrders(contender, stream, neighbours);
      const { hits, wrong } = tally;
      console.log(row(stream.name, contender.name, tally));
      sums.set(contender.name, add(sums.get(contender.name), tally));
      if (contender.name === "calibrated 0.02" && hits > 0 && wrong / hits > PROMISE) {
        console.error(`BROKEN: ${wrong} of ${hits} hits were wrong on ${stream.name}.`);
        process.exitCode = 1;
      }
    }
  }
  for (const [name, tally] of sums) console.log(row("all", name, tally));
  await embeddings.close();
}

function inAllOrders({ make, judge }: Contender, stream: Stream, neighbours: Neighbours): Tally {
  let sum: Tally | undefined;
  for (let seed = 1; seed <= Number(asked.orders); seed++) {
    const order = shuffled(stream.prompts.length, seededRandom(seed));
    const random = seededRandom(1_000 + seed);
    sum = add(sum, replay(make(random), stream, neighbours, order, random, judge));
  }
  if (sum === undefined) throw new Error("--orders must be at least 1.");
  return sum;
}

function add(a: Tally | undefined, b: Tally): Tally {
  if (a === undefined) return b;
  return {
    requests: a.requests + b.requests,
    hits: a.hits + b.hits,
    wrong: a.wrong + b.wrong,
    judged: a.judged + b.judged,
    early: a.early + b.early,
    slowest: Math.max(a.slowest, b.slowest),
  };
}

function row(stream: string, policy: string, { requests, hits, wrong, judged, early }: Tally): string {
  const share = (part: number, whole: number, digits: number): string =>
    whole === 0 ? "-" : ((100 * part) / whole).toFixed(digits);
  const bound = hits === 0 ? "-" : (100 * clopperPearsonUpper(wrong, hits)).toFixed(2);
  const first = stream === "all" ? "" : (early / Number(asked.orders)).toFixed(0);
  const calls = judged === 0 ? "" : (judged / requests).toFixed(2);
  return `| ${[stream, policy, share(hits, requests, 1), share(wrong, requests, 2), share(wrong, hits, 2), bound, first, calls].join(" | ")} |`;
}
