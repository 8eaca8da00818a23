/**
 * Trains the strategy router: `npm run train:router`. Prints the accuracy on the half of the patterns that a first model did not
 * see, then trains on all and writes `src/memory/routers/strategy-weights.json`.
 *
 * Softmax regression by stochastic gradient descent with AdaGrad (Duchi et al., 2011). Every pattern weighs the same, however many
 * queries it makes, and so does every strategy. The order is fixed: the same queries give the same file.
 */
import { writeFileSync } from "node:fs";
import { BUCKETS, FEATURES_VERSION, queryFeatures, type QueryFeatures } from "../../src/memory/routers/query-features.ts";
import { linearRouter, type RouterWeights } from "../../src/memory/routers/linear-router.ts";
import { STRATEGIES, type Strategy } from "../../src/memory/strategy.ts";
import { patterns, typed, type Pattern } from "./labelled-queries.ts";

const EPOCHS = 12;
const RATE = 0.1;
const RIDGE = 2e-5;
/** Queries taken of one pattern: more of them would teach its fillers. */
const PER_PATTERN = 12;

interface Example {
  readonly features: QueryFeatures;
  readonly strategy: number;
  readonly weight: number;
}

/** Mulberry32: small, and the same everywhere. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const result = [...list];
  for (let at = result.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [result[at], result[other]] = [result[other] as T, result[at] as T];
  }
  return result;
}

function examplesOf(from: readonly Pattern[], random: () => number): Example[] {
  const perStrategy = new Map<Strategy, number>();
  for (const { strategy } of from) perStrategy.set(strategy, (perStrategy.get(strategy) ?? 0) + 1);
  return from.flatMap(({ strategy, queries }) => {
    const texts = shuffled(queries, random)
      .slice(0, PER_PATTERN)
      .flatMap((query) => typed(query, random));
    const weight = from.length / STRATEGIES.length / (perStrategy.get(strategy) ?? 1) / texts.length;
    return texts.map((text) => ({
      features: queryFeatures(text),
      strategy: STRATEGIES.indexOf(strategy),
      weight: weight * PER_PATTERN,
    }));
  });
}

function train(examples: readonly Example[], random: () => number): RouterWeights {
  const classes = STRATEGIES.length;
  const weights = new Float64Array(classes * BUCKETS);
  const slopes = new Float64Array(classes * BUCKETS).fill(1e-8);
  const biases = new Float64Array(classes);
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    for (const { features, strategy, weight } of shuffled(examples, random)) {
      const scores = Array.from({ length: classes }, (_, which) => {
        let score = biases[which] as number;
        for (const [bucket, value] of features) score += value * (weights[which * BUCKETS + bucket] as number);
        return score;
      });
      const highest = Math.max(...scores);
      const powers = scores.map((score) => Math.exp(score - highest));
      const sum = powers.reduce((total, power) => total + power, 0);
      for (let which = 0; which < classes; which++) {
        const error = weight * ((powers[which] as number) / sum - (which === strategy ? 1 : 0));
        biases[which] = (biases[which] as number) - 0.05 * error;
        for (const [bucket, value] of features) {
          const at = which * BUCKETS + bucket;
          const slope = error * value + RIDGE * (weights[at] as number);
          slopes[at] = (slopes[at] as number) + slope * slope;
          weights[at] = (weights[at] as number) - (RATE * slope) / Math.sqrt(slopes[at]);
        }
      }
    }
  }
  return quantised(weights, biases);
}

function quantised(weights: Float64Array, biases: Float64Array): RouterWeights {
  const bytes = new Int8Array(weights.length);
  const scales = STRATEGIES.map((_, which) => {
    const own = weights.subarray(which * BUCKETS, (which + 1) * BUCKETS);
    const scale = own.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-9) / 127;
    own.forEach((value, bucket) => (bytes[which * BUCKETS + bucket] = Math.round(value / scale)));
    return scale;
  });
  return {
    kind: "strata-router",
    version: FEATURES_VERSION,
    strategies: STRATEGIES,
    buckets: BUCKETS,
    scales,
    biases: [...biases],
    weights: Buffer.from(bytes.buffer).toString("base64"),
  };
}

function report(name: string, model: RouterWeights, on: readonly Pattern[], random: () => number): void {
  const route = linearRouter(model);
  const perStrategy = STRATEGIES.map((strategy) => {
    const own = on.filter((pattern) => pattern.strategy === strategy);
    const right = own.map(({ queries }) => {
      const texts = shuffled(queries, random)
        .slice(0, PER_PATTERN)
        .flatMap((query) => typed(query, random));
      return texts.filter((text) => route(text).strategy === strategy).length / texts.length;
    });
    return right.reduce((sum, share) => sum + share, 0) / Math.max(1, own.length);
  });
  const mean = perStrategy.reduce((sum, share) => sum + share, 0) / perStrategy.length;
  console.log(`| ${name} | ${[mean, ...perStrategy].map((share) => (100 * share).toFixed(1)).join(" | ")} |`);
}

function main(): void {
  const random = seeded(20_261_121);
  const halves: [Pattern[], Pattern[]] = [[], []];
  for (const language of ["en", "pt"] as const) {
    for (const strategy of STRATEGIES) {
      const own = shuffled(
        patterns(language).filter((pattern) => pattern.strategy === strategy),
        random,
      );
      own.forEach((pattern, at) => halves[at % 2 === 0 ? 0 : 1].push(pattern));
    }
  }
  for (const language of ["en", "pt"] as const) {
    const own = patterns(language);
    const queries = new Set(own.flatMap((pattern) => pattern.queries)).size;
    console.log(
      `${language}: ${own.length} patterns, ${queries} queries, each also without accents, without capitals, with slips`,
    );
  }
  console.log(
    `\n| accuracy, % | mean | ${STRATEGIES.join(" | ")} |\n| --- | ${["", ...STRATEGIES].map(() => "---").join(" | ")} |`,
  );
  for (const [learned, held] of [halves, halves.toReversed()] as [Pattern[], Pattern[]][]) {
    const model = train(examplesOf(learned, random), random);
    for (const language of ["en", "pt"] as const) {
      report(
        `held-out half, ${language}`,
        model,
        held.filter((pattern) => pattern.language === language),
        random,
      );
    }
  }
  const model = train(examplesOf(halves.flat(), random), random);
  writeFileSync(new URL("../../src/memory/routers/strategy-weights.json", import.meta.url), `${JSON.stringify(model)}\n`);
}

main();
