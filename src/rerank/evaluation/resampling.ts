/** How sure a mean over queries is, and whether a choice of queries is better than chance: by drawing again. */
import { mean } from "./metrics.ts";

export interface Interval {
  readonly mean: number;
  /** Bounds of 95 %. */
  readonly low: number;
  readonly high: number;
}

/** Paired bootstrap over queries (B. Efron, 1979): percentiles of the means of as many queries, drawn with replacement. */
export function bootstrap(differences: readonly number[], resamples: number, random: () => number): Interval {
  const n = differences.length;
  const means = Array.from({ length: resamples }, () => {
    let sum = 0;
    for (let draw = 0; draw < n; draw++) sum += differences[Math.floor(random() * n)] as number;
    return sum / Math.max(1, n);
  }).toSorted((a, b) => a - b);
  const at = (share: number): number => means[Math.min(means.length - 1, Math.floor(share * means.length))] ?? 0;
  return { mean: mean(differences), low: at(0.025), high: at(0.975) };
}

/** Share of random choices of `count` queries whose summed gain is at least `gain`. */
export function chanceOf(gain: number, gains: readonly number[], count: number, resamples: number, random: () => number): number {
  let reached = 0;
  for (let draw = 0; draw < resamples; draw++) {
    const rest = [...gains];
    let sum = 0;
    for (let taken = 0; taken < count; taken++) {
      const at = taken + Math.floor(random() * (rest.length - taken));
      [rest[taken], rest[at]] = [rest[at] as number, rest[taken] as number];
      sum += rest[taken] as number;
    }
    if (sum >= gain - 1e-12) reached++;
  }
  return reached / resamples;
}
