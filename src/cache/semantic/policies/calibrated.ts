/**
 * A policy that keeps a promise: of the answers that it serves, at most so many are wrong. It learns from what becomes known after
 * misses, audits, verdicts and complaints.
 *
 *  1. Hard vetoes.
 *  2. One logistic model for the whole population, on the cosine, on what the words of the two questions have in common, and on
 *     how far the other candidates agree. It starts from weights that ship with the library.
 *  3. It serves from the lowest score above which the share of wrong answers is within the promise with confidence, on held-out
 *     scores of the model that decides.
 *  4. A small share of the hits is withheld, so that the model's own answer checks them. When these audits tell that the promise
 *     is broken, nothing is served until new evidence has been gathered.
 *
 * Per-entry thresholds (vCache: Schroeder et al., "vCache: Verified Semantic Prompt Caching", 2025, arXiv 2502.03771) starve in long
 * tails, as an entry seldom sees enough neighbours, and bound the errors per request rather than per hit; here an
 * entry's own record only lowers its scores.
 */
import { LRUCache } from "lru-cache";
import { StrataConfigError } from "../../../core/errors.ts";
import { parseNumber, refuseUnknown } from "../../../core/options.ts";
import { Population, type PopulationOptions } from "../calibration/population.ts";
import { exportPopulations, restorePopulations } from "../calibration/learned-state.ts";
import { phraseReader } from "../phrase.ts";
import type { SimilarityPolicy } from "../similarity-policy.ts";

export interface CalibratedPolicyOptions {
  /** Most wrong answers among those served, as a share, 0.001 to 0.5; default 0.02. */
  readonly maxWrongHits?: number | undefined;
  /** Share of the hits that are withheld to check the policy, 0.01 to 0.5; default 0.05. */
  readonly audit?: number | undefined;
  /** Most calls of a verifier per request, 0 to 1, where the cache has one; default 0.5. */
  readonly verify?: number | undefined;
  /** Source of randomness for audits; default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** Populations whose state is kept; of more, those not seen for longest start anew. */
const MOST_POPULATIONS = 64;

/**
 * Serves what is right with a probability that was shown on this very traffic.
 * @throws {@link StrataConfigError} when an option is out of its range
 */
export function calibratedPolicy(
  options: CalibratedPolicyOptions = {},
): SimilarityPolicy & Required<Pick<SimilarityPolicy, "learn" | "export" | "restore">> {
  refuseUnknown("calibratedPolicy", options, ["maxWrongHits", "audit", "verify", "random"]);
  const random: unknown = options.random ?? Math.random;
  if (typeof random !== "function") throw new StrataConfigError("random", random, "a function that gives numbers from 0 to 1");
  const shared: PopulationOptions = {
    target: parseNumber("maxWrongHits", options.maxWrongHits ?? 0.02, 0.001, 0.5),
    audit: parseNumber("audit", options.audit ?? 0.05, 0.01, 0.5),
    judged: parseNumber("verify", options.verify ?? 0.5, 0, 1),
    random: options.random ?? Math.random,
    read: phraseReader(),
  };
  const populations = new LRUCache<string, Population>({ max: MOST_POPULATIONS });
  const of = (name: string): Population => {
    let population = populations.get(name);
    if (population === undefined) populations.set(name, (population = new Population(shared)));
    return population;
  };

  return {
    name: "calibrated",
    decide: ({ text, population }, candidates) => of(population).decide(text, candidates),
    learn: (outcome) => of(outcome.question.population).learn(outcome),
    export: () => exportPopulations([...populations.entries()]),
    restore(state) {
      const restored = restorePopulations(state, shared);
      if (restored === undefined) return false;
      for (const [name, population] of restored) populations.set(name, population);
      return true;
    },
  };
}
