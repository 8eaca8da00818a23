/**
 * Which of the found turns are worth their tokens, where the caller left it to the router how to look: a turn far below the best one is
 * seldom what is asked for, and a long one of that kind costs most.
 *
 * Scores become shares by a softmax; a turn stays when its share is not far below its part of the tokens. Temperature, exponent and
 * least yield were chosen in sample, on LoCoMo and BEAM-100K together and with embeddings, as what returns least for two points of
 * recall. Chosen for each conversation on the others alone (`npm run bench:quality:memory -- --trimming`), other settings come out that
 * do the same: 24.5 % fewer tokens for 2.0 points, where these save 24.5 % for 1.6. Without embeddings these save 13 % for 0.5 points.
 * Rejected, each worse: a fixed smaller k, a part of the best score, a distance from it, the smallest set that holds a part of the
 * shares; and a logistic regression on twenty features, which saved little more.
 */
import type { FoundTurn } from "../strategy.ts";

export interface Worth {
  /** Of the softmax; the higher, the more alike the shares. */
  readonly temperature: number;
  /** Of tokens: below 1, since what is asked for is more often long than short. */
  readonly damping: number;
  readonly leastYield: number;
}

export const SHIPPED_WORTH: Worth = { temperature: 2, damping: 0.75, leastYield: 0.35 };

/** Few are no burden, and how scores spread says little of a small history. */
const ALWAYS = 3;

/** Given the best first; in that order. */
export function worthTheirTokens(found: readonly FoundTurn[], worth: Worth = SHIPPED_WORTH): readonly FoundTurn[] {
  const { temperature, damping, leastYield } = worth;
  const highest = Math.max(...found.map(({ score }) => score));
  const shares = found.map(({ score }) => Math.exp((score - highest) / temperature));
  const costs = found.map(({ turn }) => 1 + turn.text.length);
  const meanShare = sum(shares) / found.length;
  const meanCost = sum(costs) / found.length;
  return found.filter((_, at) => {
    const cost = (costs[at] as number) / meanCost;
    return at < ALWAYS || (shares[at] as number) / meanShare >= leastYield * cost ** damping;
  });
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
