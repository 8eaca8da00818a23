/**
 * Upper bounds on a share that was seen as k of n. The regularised incomplete beta function is computed by its continued fraction
 * (Lentz's method; Press, Teukolsky, Vetterling, Flannery: "Numerical Recipes", 6.4); its inverse by bisection.
 */

/** P(X <= x) of a beta distribution. */
export function betaBelow(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(lnGamma(a + b) - lnGamma(a) - lnGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  return x < (a + 1) / (a + b + 2) ? (front * continued(x, a, b)) / a : 1 - (front * continued(1 - x, b, a)) / b;
}

/** The x that a beta distribution is below with probability `level`. */
export function betaQuantile(level: number, a: number, b: number): number {
  let low = 0;
  let high = 1;
  for (let step = 0; step < 50; step++) {
    const middle = (low + high) / 2;
    if (betaBelow(middle, a, b) < level) low = middle;
    else high = middle;
  }
  return high;
}

/**
 * The upper end of the one-sided Clopper-Pearson interval: the largest share under which k or fewer of n are not rarer than
 * `1 - level`. Exact, and never too low.
 */
export function clopperPearsonUpper(k: number, n: number, level = 0.95): number {
  return n === 0 || k >= n ? 1 : betaQuantile(level, k + 1, n - k);
}

function continued(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  let c = 1;
  let d = 1 / guard(1 - ((a + b) * x) / (a + 1), tiny);
  let value = d;
  for (let m = 1; m <= 300; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / guard(1 + even * d, tiny);
    c = guard(1 + even / c, tiny);
    value *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / guard(1 + odd * d, tiny);
    c = guard(1 + odd / c, tiny);
    const change = d * c;
    value *= change;
    if (Math.abs(change - 1) < 1e-12) break;
  }
  return value;
}

function guard(value: number, tiny: number): number {
  return Math.abs(value) < tiny ? tiny : value;
}

const LANCZOS = [
  676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905, -0.13857109526572012,
  9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** Logarithm of the gamma function by Lanczos' approximation (g = 7, nine terms); about 15 digits. */
function lnGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - lnGamma(1 - x);
  const shifted = x - 1;
  const base = shifted + 7.5;
  let sum = 0.99999999999980993;
  for (const [index, coefficient] of LANCZOS.entries()) sum += coefficient / (shifted + index + 1);
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(base) - base + Math.log(sum);
}
