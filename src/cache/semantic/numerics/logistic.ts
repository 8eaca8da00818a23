/**
 * Logistic regression with a Gaussian prior on the weights: few dense features, fitted by Newton's method, beside many sparse
 * ones that are there or not, fitted by damped steps of their own curvature. The two take turns, each with the other held.
 */

/** Probability of a score in log odds. */
export function sigmoid(score: number): number {
  return 1 / (1 + Math.exp(-Math.max(-40, Math.min(40, score))));
}

export interface Example {
  readonly dense: Float64Array;
  /** Numbers of the sparse features that are there. */
  readonly sparse: Uint16Array;
  readonly right: boolean;
}

export interface Weights {
  readonly dense: Float64Array;
  readonly sparse: Float64Array;
}

export interface LogisticPrior {
  /** Mean of the dense weights; that of the sparse ones is 0. */
  readonly mean: Float64Array;
  /** Inverse variance of each dense weight. */
  readonly precision: Float64Array;
  readonly sparsePrecision: number;
  /** The sign that each dense weight may have; 0: either. */
  readonly direction: Int8Array;
}

export function scoreOf({ dense, sparse }: Weights, x: Float64Array, there: Uint16Array): number {
  let score = 0;
  for (let at = 0; at < x.length; at++) score += dense[at]! * x[at]!;
  for (const at of there) score += sparse[at]!;
  return score;
}

/** Fits from where `start` is; three rounds are enough beside an earlier fit of almost the same examples. */
export function fitLogistic(examples: readonly Example[], prior: LogisticPrior, start: Weights, rounds = 3): Weights {
  const weights: Weights = { dense: start.dense.slice(), sparse: start.sparse.slice() };
  for (let round = 0; round < rounds; round++) {
    fitDense(examples, prior, weights);
    fitSparse(examples, prior, weights);
  }
  return weights;
}

function fitDense(examples: readonly Example[], { mean, precision, direction }: LogisticPrior, weights: Weights): void {
  const width = weights.dense.length;
  const gradient = new Float64Array(width);
  const curvature = new Float64Array(width * width);
  for (let at = 0; at < width; at++) {
    gradient[at] = precision[at]! * (weights.dense[at]! - mean[at]!);
    curvature[at * width + at] = precision[at]!;
  }
  for (const { dense, sparse, right } of examples) {
    const p = sigmoid(scoreOf(weights, dense, sparse));
    const error = p - (right ? 1 : 0);
    const spread = Math.max(1e-6, p * (1 - p));
    for (let row = 0; row < width; row++) {
      const x = dense[row]!;
      if (x === 0) continue;
      gradient[row]! += error * x;
      const scaled = spread * x;
      for (let column = 0; column <= row; column++) curvature[row * width + column]! += scaled * dense[column]!;
    }
  }
  const step = boundedStep(curvature, gradient, weights.dense, direction);
  // Newton overshoots where almost all is predicted with certainty.
  const longest = step.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const damping = longest > 2 ? 2 / longest : 1;
  for (let at = 0; at < width; at++) weights.dense[at]! += damping * step[at]!;
}

/**
 * The step to the minimum of the quadratic model within the signs that the weights may have: those that would leave them are
 * held at zero, and the others solved for again. (To cut a free step off at the signs instead lets the fit wander away.)
 */
function boundedStep(curvature: Float64Array, gradient: Float64Array, weights: Float64Array, direction: Int8Array): Float64Array {
  const width = gradient.length;
  const held = new Uint8Array(width);
  for (;;) {
    const matrix = curvature.slice();
    const target = gradient.map((slope) => -slope);
    for (let fixed = 0; fixed < width; fixed++) {
      if (held[fixed] === 0) continue;
      for (let at = 0; at < width; at++) {
        const [row, column] = at > fixed ? [at, fixed] : [fixed, at];
        if (at !== fixed) {
          if (held[at] === 0) target[at]! += curvature[row * width + column]! * weights[fixed]!;
          matrix[row * width + column] = 0;
        }
      }
      matrix[fixed * width + fixed] = 1;
      target[fixed] = -weights[fixed]!;
    }
    const step = solve(matrix, target, width);
    let more = false;
    for (let at = 0; at < width; at++) {
      if (held[at] === 0 && (weights[at]! + step[at]!) * direction[at]! < 0) {
        held[at] = 1;
        more = true;
      }
    }
    if (!more) return step;
  }
}

function fitSparse(examples: readonly Example[], { sparsePrecision }: LogisticPrior, weights: Weights): void {
  const gradient = weights.sparse.map((weight) => sparsePrecision * weight);
  const curvature = new Float64Array(gradient.length).fill(sparsePrecision);
  for (const { dense, sparse, right } of examples) {
    if (sparse.length === 0) continue;
    const p = sigmoid(scoreOf(weights, dense, sparse));
    // A quarter bounds p (1 - p) from above, and all of a row's features move at once: so no step can overshoot.
    for (const at of sparse) {
      gradient[at]! += p - (right ? 1 : 0);
      curvature[at]! += 0.25 * sparse.length;
    }
  }
  for (let at = 0; at < gradient.length; at++) weights.sparse[at]! -= gradient[at]! / curvature[at]!;
}

/** Solves a symmetric positive system, given by its lower triangle, by Cholesky's decomposition. */
function solve(matrix: Float64Array, right: Float64Array, width: number): Float64Array {
  const lower = new Float64Array(matrix.length);
  for (let row = 0; row < width; row++) {
    for (let column = 0; column <= row; column++) {
      let sum = matrix[row * width + column]!;
      for (let k = 0; k < column; k++) sum -= lower[row * width + k]! * lower[column * width + k]!;
      lower[row * width + column] = row === column ? Math.sqrt(Math.max(1e-12, sum)) : sum / lower[column * width + column]!;
    }
  }
  const solution = Float64Array.from(right);
  for (let row = 0; row < width; row++) {
    for (let k = 0; k < row; k++) solution[row]! -= lower[row * width + k]! * solution[k]!;
    solution[row]! /= lower[row * width + row]!;
  }
  for (let row = width - 1; row >= 0; row--) {
    for (let k = row + 1; k < width; k++) solution[row]! -= lower[k * width + row]! * solution[k]!;
    solution[row]! /= lower[row * width + row]!;
  }
  return solution;
}
