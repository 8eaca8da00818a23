import { FEATURES } from "../match-features.ts";

type Feature = (typeof FEATURES)[number];

/**
 * What the model believes of a population that it has seen nothing of: `npx tsx benchmarks/quality/semantic-priors.ts`, which trains
 * on questions of made-up domains, in English and Portuguese.
 */
const BELIEFS: Readonly<Record<Feature, number>> = {
  constant: 0.89,
  nearest: 2.22,
  margin: 0.91,
  agree: 1,
  agreedMargin: 1.02,
  lost: -0.4,
  lostRarest: -3.35,
  lostCount: 0,
  swapped: -0.59,
  equal: 0.55,
  trigrams: 0,
  order: 0,
  grammar: 0,
  asks: -0.03,
  shared: -0.89,
};

/** Which way a feature may speak: a weight of the other sign would be an accident of few examples. 0: either way. */
const DIRECTIONS: Readonly<Record<Feature, -1 | 0 | 1>> = {
  constant: 0,
  nearest: 1,
  margin: 1,
  agree: 1,
  agreedMargin: 1,
  lost: -1,
  lostRarest: -1,
  lostCount: -1,
  swapped: -1,
  equal: 1,
  trigrams: 1,
  order: -1,
  grammar: -1,
  asks: -1,
  shared: 0,
};

export const PRIOR_MEAN: Float64Array = Float64Array.from(FEATURES, (name) => BELIEFS[name]);
export const PRIOR_DIRECTION: Int8Array = Int8Array.from(FEATURES, (name) => DIRECTIONS[name]);
/** Inverse variances: the constant is free, as streams differ in it most. */
export const PRIOR_PRECISION: Float64Array = Float64Array.from(FEATURES, (name) => (name === "constant" ? 0.05 : 1));
