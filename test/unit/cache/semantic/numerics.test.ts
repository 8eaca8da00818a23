import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { betaBelow, betaQuantile, clopperPearsonUpper } from "../../../../src/cache/semantic/numerics/beta.ts";
import { fitLogistic, scoreOf, sigmoid, type Example, type Weights } from "../../../../src/cache/semantic/numerics/logistic.ts";
import { seededRandom } from "../../../support/seeded-random.ts";

describe("the beta distribution", () => {
  test("has the values of the tables", () => {
    expect(betaBelow(0.5, 2, 2)).toBeCloseTo(0.5, 10);
    expect(betaBelow(0.1, 1, 5)).toBeCloseTo(1 - 0.9 ** 5, 10);
    // Nothing wrong of 149 is what a bound of 2 % takes; of 299, one of 1 %.
    expect(clopperPearsonUpper(0, 149)).toBeLessThan(0.02);
    expect(clopperPearsonUpper(0, 147)).toBeGreaterThan(0.02);
    expect(clopperPearsonUpper(1, 10)).toBeCloseTo(0.3942, 3);
    expect(clopperPearsonUpper(5, 5)).toBe(1);
  });

  test("the quantile is the inverse", () => {
    fc.assert(
      fc.property(fc.double({ min: 0.2, max: 300, noNaN: true }), fc.double({ min: 0.2, max: 300, noNaN: true }), (a, b) => {
        expect(betaBelow(betaQuantile(0.95, a, b), a, b)).toBeCloseTo(0.95, 5);
      }),
      { seed: 1 },
    );
  });
});

describe("logistic regression", () => {
  const random = seededRandom(5);
  const examples: Example[] = Array.from({ length: 4_000 }, () => {
    const x = random() * 4 - 2;
    const there = random() < 0.2;
    return {
      dense: Float64Array.of(1, x, random()),
      sparse: Uint16Array.from(there ? [3] : []),
      right: random() < sigmoid(1 + 2 * x - (there ? 3 : 0)),
    };
  });
  const prior = {
    mean: new Float64Array(3),
    precision: new Float64Array(3).fill(0.1),
    direction: Int8Array.of(0, 1, -1),
    sparsePrecision: 0.1,
  };
  const nothing = { dense: new Float64Array(3), sparse: new Float64Array(8) };

  test("finds the weights that made the examples, and keeps to the signs", () => {
    const { dense, sparse } = fitLogistic(examples, prior, nothing, 40);
    expect(dense[0]).toBeCloseTo(1, 0);
    expect(dense[1]).toBeGreaterThan(1.7);
    expect(dense[1]).toBeLessThan(2.3);
    expect(dense[2]).toBeLessThanOrEqual(0);
    expect(sparse[3]).toBeGreaterThan(-3.5);
    expect(sparse[3]).toBeLessThan(-2.5);
    const held = fitLogistic(examples, { ...prior, direction: Int8Array.of(0, -1, 0) }, nothing, 40);
    expect(held.dense[1]).toBeCloseTo(0, 10);
  });

  test("every fit is at least as good as the one before: it does not wander away", () => {
    const separable = examples.map(({ dense, sparse }) => ({ dense, sparse, right: dense[1]! > 0.3 && sparse.length === 0 }));
    let weights: Weights = nothing;
    let last = Infinity;
    for (let fit = 0; fit < 30; fit++) {
      weights = fitLogistic(separable, prior, weights, 1);
      const loss = lossOf(weights, separable);
      expect(loss).toBeLessThanOrEqual(last + 1e-6);
      last = loss;
    }
  });

  function lossOf(weights: Weights, all: readonly Example[]): number {
    let loss = 0;
    for (const [at, weight] of weights.dense.entries()) loss += (prior.precision[at]! * weight * weight) / 2;
    for (const weight of weights.sparse) loss += (prior.sparsePrecision * weight * weight) / 2;
    for (const { dense, sparse, right } of all) loss += Math.log1p(Math.exp((right ? -1 : 1) * scoreOf(weights, dense, sparse)));
    return loss;
  }
});
