/**
 * Trains the weights that the calibrated policy starts from, on streams of our own: `npx tsx benchmarks/quality/semantic-priors.ts`.
 * Prints the table for `src/cache/semantic/calibration/priors.ts`. Each stream is replayed as misses, with every embedding model
 * that is asked for, so that the weights suit none of them alone; the streams weigh alike.
 */
import { LocalEmbeddings } from "../../src/embeddings/local-embeddings.ts";
import { PRIOR_DIRECTION, PRIOR_PRECISION } from "../../src/cache/semantic/calibration/priors.ts";
import { Population } from "../../src/cache/semantic/calibration/population.ts";
import { FEATURES } from "../../src/cache/semantic/match-features.ts";
import { fitLogistic, type Example } from "../../src/cache/semantic/numerics/logistic.ts";
import { phraseReader } from "../../src/cache/semantic/phrase.ts";
import type { SimilarityPolicy } from "../../src/cache/semantic/similarity-policy.ts";
import { seededRandom } from "../../test/support/seeded-random.ts";
import { neighboursOf } from "./semantic/neighbours.ts";
import { ownStreams } from "./semantic/own-streams.ts";
import { replay, shuffled } from "./semantic/replay.ts";

/** Taken off the constant, in log odds: odds of one in twenty for what would be even. */
const CAUTION = 3;

const models = process.argv.slice(2).filter((name) => name === "static" || name === "minilm");
const examples: Example[] = [];
for (const model of models.length === 0 ? (["static"] as const) : models) {
  const embeddings = new LocalEmbeddings({ model });
  for (const stream of ownStreams(seededRandom(7))) {
    const neighbours = await neighboursOf(async () =>
      (await embeddings.embedDocuments([...stream.prompts])).map((vector) => Float32Array.from(vector)),
    );
    const learned = labelsOf(stream.prompts.length, (policy, order) =>
      replay(policy, stream, neighbours, order, seededRandom(3)),
    );
    const right = learned.filter((example) => example.right).length;
    console.error(`${model}, ${stream.name}: ${learned.length} pairs without veto, ${right} right`);
    examples.push(...learned);
  }
  await embeddings.close();
}

const nothing = { dense: new Float64Array(FEATURES.length), sparse: new Float64Array(1) };
const prior = {
  mean: nothing.dense,
  precision: PRIOR_PRECISION.map((each) => each * 4),
  direction: PRIOR_DIRECTION,
  sparsePrecision: 1,
};
const { dense } = fitLogistic(examples, prior, nothing, 40);
for (const [index, name] of FEATURES.entries()) {
  // Questions of our own are cleaner than traffic: a new population has to show that its candidates are right as often.
  const weight = dense[index]! - (name === "constant" ? CAUTION : 0);
  console.log(`  ${name}: ${weight.toFixed(2)},`);
}

/** What one population learns of a stream that it serves nothing of. */
function labelsOf(length: number, run: (policy: SimilarityPolicy, order: Int32Array) => unknown): Example[] {
  const population = new Population({ target: 1e-9, audit: 0, judged: 0, random: () => 1, read: phraseReader() });
  const policy: SimilarityPolicy = {
    name: "student",
    decide: ({ text }, candidates) => population.decide(text, candidates),
    learn: (outcome) => population.learn(outcome),
  };
  run(policy, shuffled(length, seededRandom(11)));
  return population.model.labels.map(({ dense, right }) => ({ dense, right, sparse: new Uint16Array(0) }));
}
