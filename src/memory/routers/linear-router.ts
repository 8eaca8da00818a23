/**
 * Which strategy serves a query: multinomial logistic regression over its text. In microseconds, and as good as models a thousand
 * times its size on questions of this kind (RAGRouter-Bench: a linear model on n-grams, macro-F1 .928, beats sentence embeddings).
 *
 * The weights are data: made by `npm run train:router` from the labelled queries in `training/router`.
 */
import { StrataConfigError } from "../../core/errors.ts";
import { STRATEGIES, type Strategy } from "../strategy.ts";
import { BUCKETS, FEATURES_VERSION, queryFeatures } from "./query-features.ts";

/** A trained model, as its JSON file has it. */
export interface RouterWeights {
  readonly kind: "strata-router";
  readonly version: number;
  readonly strategies: readonly string[];
  readonly buckets: number;
  /** Per strategy: what one step of `weights` is worth. */
  readonly scales: readonly number[];
  readonly biases: readonly number[];
  /** Base64 of int8, strategy by strategy. */
  readonly weights: string;
}

export interface RouterOpinion {
  readonly strategy: Strategy;
  /** Of each strategy; they sum to 1. */
  readonly probabilities: Readonly<Record<Strategy, number>>;
}

export type QueryRouter = (query: string) => RouterOpinion;

/** @throws {@link StrataConfigError} for weights of another kind, version or size */
export function linearRouter(model: RouterWeights): QueryRouter {
  const weights = weightsOf(model);
  return (query) => {
    const features = queryFeatures(query);
    const scores = STRATEGIES.map((_, which) => {
      let score = 0;
      for (const [bucket, value] of features) score += value * (weights[which * BUCKETS + bucket] as number);
      return (model.biases[which] as number) + score * (model.scales[which] as number);
    });
    const highest = Math.max(...scores);
    const powers = scores.map((score) => Math.exp(score - highest));
    const sum = powers.reduce((total, power) => total + power, 0);
    const probabilities = Object.fromEntries(STRATEGIES.map((name, which) => [name, (powers[which] as number) / sum]));
    return {
      strategy: STRATEGIES[scores.indexOf(highest)] as Strategy,
      probabilities: probabilities as Record<Strategy, number>,
    };
  };
}

function weightsOf(model: RouterWeights): Int8Array {
  const accepted = `router weights of version ${FEATURES_VERSION}, made by this release's training script`;
  const given: Partial<RouterWeights> = typeof model === "object" && model !== null ? model : {};
  const bytes = Buffer.from(typeof given.weights === "string" ? given.weights : "", "base64");
  const isOurs =
    given.kind === "strata-router" &&
    given.version === FEATURES_VERSION &&
    given.buckets === BUCKETS &&
    given.strategies?.join() === STRATEGIES.join() &&
    bytes.length === BUCKETS * STRATEGIES.length &&
    [given.scales, given.biases].every(
      (list) => list?.length === STRATEGIES.length && list.every((value) => Number.isFinite(value)),
    );
  if (!isOurs) throw new StrataConfigError("router", { kind: given.kind, version: given.version }, accepted);
  return new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
}
