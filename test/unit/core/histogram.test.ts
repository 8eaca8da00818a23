import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Histogram } from "../../../src/core/histogram.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { seeded } from "./seeded.ts";

/** The nearest-rank quantile of the values themselves, sorted. */
function exactQuantile(sorted: readonly number[], q: number): number {
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

/** How far the histogram's quantile is off, as a share of the exact one. */
function error(histogram: Histogram, sorted: readonly number[], q: number): number {
  const exact = exactQuantile(sorted, q);
  return Math.abs((histogram.quantile(q) ?? Number.NaN) - exact) / exact;
}

function filled(values: readonly number[]): Histogram {
  const histogram = new Histogram();
  for (const value of values) histogram.record(value);
  return histogram;
}

const QUANTILES = [0, 0.001, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1];

describe("Histogram", () => {
  it("knows nothing when nothing was recorded", () => {
    const histogram = new Histogram();
    expect([histogram.count, histogram.quantile(0.5)]).toEqual([0, undefined]);
  });

  it("is within 9 % of the exact quantile for durations from 20 ns to 2 hours", () => {
    const duration = fc.double({ min: Math.log(2e-5), max: Math.log(7.2e6), noNaN: true }).map(Math.exp);
    const property = fc.property(fc.array(duration, { minLength: 1, maxLength: 200 }), (values) => {
      const histogram = filled(values);
      const sorted = values.toSorted((a, b) => a - b);
      for (const q of QUANTILES) expect(error(histogram, sorted, q)).toBeLessThanOrEqual(0.09);
    });
    fc.assert(property, seeded());
  });

  it("is within 9 % on 100,000 durations of a long-tailed service", () => {
    const random = seededRandom(3);
    const values = Array.from({ length: 100_000 }, () => 0.05 * (1 - random()) ** -1.5);
    const histogram = filled(values);
    const sorted = values.toSorted((a, b) => a - b);
    expect(histogram.count).toBe(100_000);
    for (const q of QUANTILES) expect(error(histogram, sorted, q)).toBeLessThanOrEqual(0.09);
  });

  it("never falls as the quantile grows", () => {
    const property = fc.property(fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { minLength: 1 }), (values) => {
      const histogram = filled(values);
      const quantiles = QUANTILES.map((q) => histogram.quantile(q) ?? Number.NaN);
      expect(quantiles).toEqual(quantiles.toSorted((a, b) => a - b));
    });
    fc.assert(property, seeded(100));
  });

  it("counts durations that it cannot tell apart at its two ends, and stays finite", () => {
    for (const tiny of [0, -0, 1e-9, Number.MIN_VALUE, -5, Number.NaN]) {
      const quantile = filled([tiny]).quantile(0.5) ?? Number.NaN;
      expect(quantile).toBeGreaterThan(0);
      expect(quantile).toBeLessThan(2e-5);
    }
    for (const huge of [1e7, 1e12, Number.MAX_VALUE, Infinity]) {
      const quantile = filled([huge]).quantile(0.5) ?? Number.NaN;
      expect(quantile).toBeGreaterThan(7e6);
      expect(quantile).toBeLessThan(1e7);
    }
    expect(filled([0, 0, 0, 1e12]).count).toBe(4);
  });
});
