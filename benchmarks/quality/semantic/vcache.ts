/**
 * vCache, written from the formulas of its paper (Schroeder et al., arXiv 2502.03771), to compare with. Each entry has a logistic
 * curve of its own over the similarity; a request explores (a miss that teaches) with the probability that keeps the share of
 * errors per request within delta, and is served otherwise. Only the nearest neighbour is looked at.
 *
 * Where the observations of an entry are perfectly separated the curve's variance is not defined; 0.21 / n stands in for it.
 */
import type { SemanticDecision, SimilarityPolicy } from "../../../src/cache/semantic/similarity-policy.ts";

interface Observation {
  readonly similarity: number;
  readonly right: boolean;
}

const FEWEST = 6;
const CONFIDENCES = Array.from({ length: 50 }, (_, index) => (index + 1) / 51);

export function vCache(delta: number, random: () => number): SimilarityPolicy {
  const entries = new Map<string, { seen: Observation[]; curve: Curve | undefined }>();
  const of = (id: string): { seen: Observation[]; curve: Curve | undefined } => {
    let entry = entries.get(id);
    if (entry === undefined) {
      entry = {
        seen: [
          { similarity: 0, right: false },
          { similarity: 1, right: true },
        ],
        curve: undefined,
      };
      entries.set(id, entry);
    }
    return entry;
  };
  return {
    name: `vCache ${delta}`,
    decide(_question, candidates): SemanticDecision {
      const nearest = candidates[0];
      if (nearest === undefined) return { action: "miss", reason: "none" };
      const entry = of(nearest.entryId);
      if (entry.seen.length < FEWEST) return { action: "miss", candidate: 0, reason: "explore" };
      entry.curve ??= fit(entry.seen);
      const explore = exploration(entry.curve, Math.round(nearest.similarity * 1_000) / 1_000, delta);
      return { action: random() <= explore ? "miss" : "serve", candidate: 0, reason: "curve" };
    },
    learn({ candidates, candidate, right }) {
      const nearest = candidates[candidate];
      if (nearest === undefined || candidate !== 0) return;
      const entry = of(nearest.entryId);
      entry.seen.push({ similarity: Math.round(nearest.similarity * 1_000) / 1_000, right });
      entry.curve = undefined;
    },
  };
}

interface Curve {
  readonly middle: number;
  readonly steepness: number;
  readonly variance: number;
}

/** Probability with which a request has to be a miss. */
function exploration({ middle, steepness, variance }: Curve, similarity: number, delta: number): number {
  let least = 1;
  for (const epsilon of CONFIDENCES) {
    const shifted = Math.min(1, Math.max(0, middle + normalQuantile(1 - epsilon) * Math.sqrt(variance)));
    const right = (1 - epsilon) / (1 + Math.exp(-steepness * (similarity - shifted)));
    least = Math.min(least, 1 - delta / (1 - right));
  }
  return Math.max(0, least);
}

/** Newton's method with a ridge so small that it only keeps separated observations finite. */
function fit(seen: readonly Observation[]): Curve {
  const ridge = 1e-5;
  let [b, g] = [0, 0];
  let covariance: [number, number, number] = [1, 0, 1];
  for (let step = 0; step < 60; step++) {
    let [gb, gg, hbb, hbg, hgg] = [ridge * b, ridge * g, ridge, 0, ridge];
    for (const { similarity: s, right } of seen) {
      const p = 1 / (1 + Math.exp(-(b + g * s)));
      const [error, spread] = [p - (right ? 1 : 0), p * (1 - p)];
      gb += error;
      gg += error * s;
      hbb += spread;
      hbg += spread * s;
      hgg += spread * s * s;
    }
    const determinant = hbb * hgg - hbg * hbg;
    if (!(determinant > 1e-18)) break;
    covariance = [hgg / determinant, -hbg / determinant, hbb / determinant];
    const [db, dg] = [covariance[0] * gb + covariance[1] * gg, covariance[1] * gb + covariance[2] * gg];
    const damping = Math.min(1, 10 / Math.max(Math.abs(db), Math.abs(dg), 1e-9));
    b -= damping * db;
    g -= damping * dg;
    if (Math.abs(db) + Math.abs(dg) < 1e-7) break;
  }
  const steepness = Math.max(1e-6, g);
  const middle = Math.min(1, Math.max(0, -b / steepness));
  const lowest = Math.min(...seen.filter(({ right }) => right).map(({ similarity }) => similarity));
  const highest = Math.max(...seen.filter(({ right }) => !right).map(({ similarity }) => similarity));
  const [db, dg] = [-1 / steepness, b / (steepness * steepness)];
  const variance =
    lowest > highest ? 0.21 / seen.length : db * db * covariance[0] + 2 * db * dg * covariance[1] + dg * dg * covariance[2];
  return { middle, steepness, variance: Math.max(0, variance) };
}

/** Acklam's rational approximation of the normal quantile; relative error below 1.2e-9. */
function normalQuantile(p: number): number {
  const a = [-39.69683028665376, 220.9460984245205, -275.9285104469687, 138.357751867269, -30.66479806614716, 2.506628277459239];
  const b = [-54.47609879822406, 161.5858368580409, -155.6989798598866, 66.80131188771972, -13.28068155288572];
  const c = [
    -0.007784894002430293, -0.3223964580411365, -2.400758277161838, -2.549732539343734, 4.374664141464968, 2.938163982698783,
  ];
  const d = [0.007784695709041462, 0.3224671290700398, 2.445134137142996, 3.754408661907416];
  const poly = (terms: readonly number[], x: number): number => terms.reduce((sum, term) => sum * x + term, 0);
  if (p < 0.02425) {
    const q = Math.sqrt(-2 * Math.log(p));
    return poly(c, q) / poly([...d, 1], q);
  }
  if (p > 1 - 0.02425) return -normalQuantile(1 - p);
  const q = p - 0.5;
  return (poly(a, q * q) * q) / poly([...b, 1], q * q);
}
