/**
 * Which of the found turns are worth their tokens, where the caller left it to the router how to look: a turn far below the best one is
 * seldom what is asked for, and a long one of that kind costs most.
 *
 * Scores become shares by a softmax; a turn stays when its share is not far below its part of the tokens. Temperature, exponent and
 * least yield were chosen on LoCoMo and BEAM-100K together, leaving one conversation out, as what returns least for two points of
 * recall; neighbouring values do nearly the same, with either local model and without one. Rejected, each worse: a fixed smaller k, a
 * part of the best score, a distance from it, the smallest set that holds a part of the shares; and a logistic regression on twenty
 * features, which saved little more.
 */
import type { FoundTurn } from "./strategy.ts";

const TEMPERATURE = 2;
/** Of tokens: below 1, since what is asked for is more often long than short. */
const DAMPING = 0.75;
const LEAST_YIELD = 0.35;

/** Few are no burden, and how scores spread says little of a small history. */
const ALWAYS = 3;

/** Given the best first; in that order. */
export function worthTheirTokens(found: readonly FoundTurn[]): readonly FoundTurn[] {
  const highest = Math.max(...found.map(({ score }) => score));
  const shares = found.map(({ score }) => Math.exp((score - highest) / TEMPERATURE));
  const costs = found.map(({ turn }) => 1 + turn.text.length);
  const meanShare = sum(shares) / found.length;
  const meanCost = sum(costs) / found.length;
  return found.filter((_, at) => {
    const cost = (costs[at] as number) / meanCost;
    return at < ALWAYS || (shares[at] as number) / meanShare >= LEAST_YIELD * cost ** DAMPING;
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
