import { expect, test } from "vitest";
import { worthTheirTokens } from "../../../src/memory/turns/worth-its-tokens.ts";
import type { FoundTurn } from "../../../src/memory/strategy.ts";

function found(scores: readonly number[], lengths: readonly number[] = []): FoundTurn[] {
  return scores.map((score, at) => {
    const text = "x".repeat(lengths[at] ?? 100);
    return { turn: { id: `${at}`, sessionId: "s", seq: at, role: "human", createdAt: 0, text }, score, source: "lexical" };
  });
}

const kept = (list: readonly FoundTurn[]): string =>
  worthTheirTokens(list)
    .map(({ turn }) => turn.id)
    .join("");

test("near equals all stay, what is far below the best goes", () => {
  expect(kept(found([5, 5, 5, 5, 5, 5]))).toBe("012345");
  expect(kept(found([12, 11, 10, 4, 3, 2]))).toBe("012");
});

test("of two as good, the long one goes first", () => {
  expect(kept(found([9, 8, 7, 5, 5], [100, 100, 100, 100, 4_000]))).toBe("0123");
});

test("three always stay, and fewer than three are left alone", () => {
  expect(kept(found([50, 1, 1, 1]))).toBe("012");
  expect(kept(found([50, 1]))).toBe("01");
  expect(kept([])).toBe("");
});
