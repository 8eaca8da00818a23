import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { calibrateFromLabels, labelsOf, type LabelledScore } from "../../../src/rerank/calibrate-from-labels.ts";
import { RerankCompressor } from "../../../src/rerank/rerank-compressor.ts";
import { fakeReranker } from "../../support/fake-reranker.ts";
import { seededRandom } from "../../support/seeded-random.ts";

const METHODS = ["platt", "isotonic"] as const;

/** Scores from 0 to 1, relevant as often as the curve says. */
function drawn(count: number, curve: (score: number) => number, seed = 3): LabelledScore[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => {
    const rawScore = random();
    return { reranker: "r", rawScore, relevant: random() < curve(rawScore) };
  });
}

const logistic = (slope: number, middle: number) => (score: number) => 1 / (1 + Math.exp(-slope * (score - middle)));

describe("calibrateFromLabels", () => {
  test.each(METHODS)("%s finds how likely a score is relevant", (method) => {
    const truth = logistic(12, 0.6);
    const calibrate = calibrateFromLabels(drawn(5_000, truth), { method });
    for (const score of [0.2, 0.4, 0.5, 0.6, 0.7, 0.9]) {
      expect(Math.abs((calibrate(score, "r") ?? Number.NaN) - truth(score)), String(score)).toBeLessThan(0.06);
    }
  });

  test("finds Platt's curve for the labels of a known one, whatever their scale", () => {
    // By hand: three scores, each eight times, relevant 1, 4 and 7 of 8; targets smoothed to 13/14 and 1/14.
    const labels = [-1, 0, 1].flatMap((score, at) =>
      Array.from({ length: 8 }, (_, index) => ({
        reranker: "r",
        rawScore: score * 1_000 + 5,
        relevant: index < ([1, 4, 7][at] ?? 0),
      })),
    );
    const calibrate = calibrateFromLabels(labels);
    expect(calibrate(5, "r")).toBeCloseTo(0.5, 6);
    // (1 · 13/14 + 7 · 1/14) / 8 and its mirror image: three points on one symmetric curve are met exactly.
    expect(calibrate(-995, "r")).toBeCloseTo((13 / 14 + 7 / 14) / 8, 4);
    expect(calibrate(1_005, "r")).toBeCloseTo(1 - (13 / 14 + 7 / 14) / 8, 4);
  });

  test("isotonic pools neighbours that are out of order", () => {
    const row = (rawScore: number, ...relevant: number[]): LabelledScore[] =>
      relevant.map((each) => ({ reranker: "r", rawScore, relevant: each === 1 }));
    const labels = [...row(1, 0, 0, 0, 0, 0), ...row(2, 1, 1, 0, 0, 0), ...row(3, 1, 0, 0, 0, 0), ...row(4, 1, 1, 1, 1, 1)];
    const calibrate = calibrateFromLabels(labels, { method: "isotonic" });
    // 2 and 3 become one pool at 2.5 with 3 of 10.
    expect([0, 1, 2.5, 4, 9].map((score) => calibrate(score, "r"))).toEqual([0, 0, 0.3, 1, 1]);
    expect(calibrate(3.25, "r")).toBeCloseTo(0.65, 9);
  });

  test.each(METHODS)("%s gives probabilities that never fall as the score rises, for any labels", (method) => {
    const label = fc.record({ rawScore: fc.double({ min: -50, max: 50, noNaN: true }), relevant: fc.boolean() });
    fc.assert(
      fc.property(fc.array(label, { minLength: 20, maxLength: 60 }), (labels) => {
        fc.pre(new Set(labels.map(({ relevant }) => relevant)).size === 2);
        const calibrate = calibrateFromLabels(
          labels.map((each) => ({ reranker: "r", ...each })),
          { method },
        );
        const levels = [-60, -50, -10, -1, -0.1, 0, 0.1, 1, 10, 50, 60].map((score) => calibrate(score, "r") ?? Number.NaN);
        expect(levels.every((level) => level >= 0 && level <= 1)).toBe(true);
        for (const [at, level] of levels.entries()) expect(level).toBeGreaterThanOrEqual((levels[at - 1] ?? 0) - 1e-9);
      }),
      { numRuns: 200 },
    );
  });

  test("keeps rerankers apart, and knows nothing of one without labels", () => {
    const other = drawn(200, logistic(12, 0.2), 5).map((label) => ({ ...label, reranker: "other" }));
    const calibrate = calibrateFromLabels([...drawn(200, logistic(12, 0.8)), ...other]);
    expect(calibrate(0.5, "r")).toBeLessThan(0.3);
    expect(calibrate(0.5, "other")).toBeGreaterThan(0.7);
    expect(calibrate(0.5, "third")).toBeUndefined();
  });

  test.each<[string, unknown, object]>([
    ["labels", "x", {}],
    ["labels", [{ reranker: "r", rawScore: Number.NaN, relevant: true }], {}],
    ["labels", [null], {}],
    ["labels", drawn(19, () => 0.5), {}],
    ["labels", drawn(50, () => 1), {}],
    ["method", drawn(50, () => 0.5), { method: "linear" }],
    ["least", drawn(50, () => 0.5), { least: 3 }],
  ])("refuses %s by name", (option, labels, options) => {
    const make = (): unknown => calibrateFromLabels(labels as LabelledScore[], options);
    expect(make).toThrow(expect.objectContaining({ code: "CONFIG", option: expect.stringContaining(option) as string }) as Error);
  });
});

test("labels come from what a compressor did and from grades; a threshold then is a probability", async () => {
  const found = Array.from({ length: 40 }, (_, at) => ({ pageContent: `text ${at}`, id: `d${at}`, metadata: {} }));
  const logits = fakeReranker({ scoreKind: "ordinal", score: (text) => Number(/\d+/.exec(text)?.[0]) - 1_000 });
  const plain = new RerankCompressor({ reranker: logits });
  const grades = Object.fromEntries(found.slice(0, 38).map(({ id }, at) => [id, at >= 20 ? 2 : 0]));
  const labels = labelsOf(await plain.explain("q", found), grades);
  expect(labels).toHaveLength(38);
  expect(labels).toContainEqual({ reranker: "fake", rawScore: -963, relevant: true });
  const calibrate = calibrateFromLabels(labels);
  const strict = new RerankCompressor({ reranker: logits, calibrate, threshold: 0.5, minKept: 0, topK: 50 });
  expect(await strict.compressDocuments(found, "q")).toHaveLength(20);
});
