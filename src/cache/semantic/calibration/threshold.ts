/**
 * The score from which a hit may be served: the lowest one above which the share of wrong answers is, with a confidence of 99 %,
 * within the target.
 *
 * The scores are held out: each comes from a model that was fitted without the question, and all from the models that decide now.
 * (Scores kept from older models looked well calibrated and broke a bound of 2 % more than tenfold.) The bound on the share is
 * that of a beta posterior; its prior weighs as much as `PRIOR_QUESTIONS` questions and expects what the model itself expects, but
 * never less than a quarter of the target, so that a model sure of itself still has to show it.
 */
import { betaQuantile } from "../numerics/beta.ts";

export interface Scored {
  /** Probability of being right, held out. */
  readonly p: number;
  readonly right: boolean;
}

export interface Threshold {
  /** Probability from which a hit is served; `Infinity` when none may be. */
  readonly p: number;
  /** Questions at or above it whose outcome is known, and how many of them were wrong. */
  readonly seen: number;
  readonly wrong: number;
  /** Upper bound on the share of wrong ones, 99 %. */
  readonly bound: number;
}

export const SERVE_NOTHING: Threshold = { p: Infinity, seen: 0, wrong: 0, bound: 1 };

/** Above the 95 % that is promised: a score is chosen among many, again after each fit, and the luckiest one would win. */
const CONFIDENCE = 0.99;
const PRIOR_QUESTIONS = 40;
/** Fewer than these say too little, whatever the prior. */
const LEAST_SEEN = 100;
/** So many places are tried: each one more is one more chance to be lucky. */
const PLACES = 24;

export function chooseThreshold(scored: readonly Scored[], target: number, least: number = LEAST_SEEN): Threshold {
  const sorted = scored.toSorted((a, b) => b.p - a.p);
  let chosen = SERVE_NOTHING;
  let wrong = 0;
  let expected = 0;
  const ratio = Math.max(1.05, Math.pow(Math.max(2, sorted.length / least), 1 / PLACES));
  let place = least;
  for (const [at, { p, right }] of sorted.entries()) {
    if (!right) wrong++;
    expected += 1 - p;
    const seen = at + 1;
    if (seen < place && seen < sorted.length) continue;
    if (seen < least || sorted[at + 1]?.p === p) continue;
    place = Math.ceil(seen * ratio);
    const share = Math.min(0.5, Math.max(target / 4, expected / seen));
    const bound = betaQuantile(CONFIDENCE, PRIOR_QUESTIONS * share + wrong, PRIOR_QUESTIONS * (1 - share) + seen - wrong);
    if (bound <= target) chosen = { p, seen, wrong, bound };
  }
  return chosen;
}
