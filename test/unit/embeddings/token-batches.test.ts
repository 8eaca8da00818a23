import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planBatches, tokenBatch } from "../../../src/embeddings/token-batches.ts";

const text = (length: number): { ids: number[]; isKnown: boolean } => ({
  ids: Array.from({ length }, (_, id) => id + 1),
  isKnown: true,
});

describe("batches of tokens", () => {
  test("hold every text once, within the budget, or one text alone", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(40), { maxLength: 60 }), fc.nat(200), (lengths, budget) => {
        const batches = planBatches(lengths.map(text), budget);
        expect(batches.flat().toSorted((a, b) => a - b)).toEqual(lengths.map((_, index) => index));
        for (const batch of batches) {
          const padded = batch.length * Math.max(...batch.map((index) => lengths[index] ?? 0));
          expect(batch.length === 1 || padded <= budget).toBe(true);
        }
      }),
    );
  });

  test("keep neighbours in length together", () => {
    expect(planBatches([text(100), text(2), text(90), text(3)], 200)).toEqual([
      [1, 3],
      [2, 0],
    ]);
  });

  test("pad to the longest row and say what is padding", () => {
    const { rows, columns, ids, mask, types } = tokenBatch([{ ids: [5, 6], types: [0, 1], isKnown: true }, text(1)], 9);
    expect([rows, columns]).toEqual([2, 2]);
    expect([...ids]).toEqual([5n, 6n, 1n, 9n]);
    expect([...mask]).toEqual([1n, 1n, 1n, 0n]);
    expect([...types]).toEqual([0n, 1n, 0n, 0n]);
  });
});
