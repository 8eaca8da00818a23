/** Of one ranked list against what is relevant; binary relevance, cut at k. */
export interface Recall {
  /** Found of all that is relevant. */
  readonly recall: number;
  /** Found of what a list of k can hold. */
  readonly capped: number;
  readonly ndcg: number;
  readonly hit: number;
}

export function recallAt(ranked: readonly string[], relevant: ReadonlySet<string>, k = 10): Recall {
  let found = 0;
  let gain = 0;
  for (const [rank, id] of ranked.slice(0, k).entries()) {
    if (!relevant.has(id)) continue;
    found++;
    gain += 1 / Math.log2(rank + 2);
  }
  let ideal = 0;
  for (let rank = 0; rank < Math.min(k, relevant.size); rank++) ideal += 1 / Math.log2(rank + 2);
  return {
    recall: found / relevant.size,
    capped: found / Math.min(k, relevant.size),
    ndcg: gain / ideal,
    hit: found > 0 ? 1 : 0,
  };
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}

/** How much of what is relevant fits into so many tokens of the list; a token is taken as four characters. */
export function recallWithinTokens(
  ranked: readonly { readonly id: string; readonly text: string }[],
  relevant: ReadonlySet<string>,
  tokens: number,
): number {
  let left = tokens;
  let found = 0;
  for (const { id, text } of ranked) {
    left -= Math.ceil(text.length / 4);
    if (left < 0) break;
    if (relevant.has(id)) found++;
  }
  return found / relevant.size;
}

/** How good the first places are: the share of the first three that is relevant, and one over the place of the first that is. */
export function rankedWell(ranked: readonly string[], relevant: ReadonlySet<string>): { precision: number; reciprocal: number } {
  const first = ranked.findIndex((id) => relevant.has(id));
  return {
    precision: ranked.slice(0, 3).filter((id) => relevant.has(id)).length / 3,
    reciprocal: first < 0 ? 0 : 1 / (first + 1),
  };
}

/** @param share such as 0.95 for the 95th percentile */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
