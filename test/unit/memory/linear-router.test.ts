import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { StrataConfigError } from "../../../src/core/errors.ts";
import { linearRouter, type RouterWeights } from "../../../src/memory/routers/linear-router.ts";
import { queryFeatures } from "../../../src/memory/routers/query-features.ts";

const weights = JSON.parse(
  readFileSync(new URL("../../../src/memory/routers/strategy-weights.json", import.meta.url), "utf8"),
) as RouterWeights;
const route = linearRouter(weights);

describe("the trained router", () => {
  test.each([
    ["Oi, tudo bem?", "session_only"],
    ["oi tudo bem", "session_only"],
    ["Hi there!", "session_only"],
    ["Lembra quando falamos sobre pizza?", "semantic_search"],
    ["lembra quando falamos de pizza", "semantic_search"],
    ["Qual foi meu último pedido?", "recent_history"],
    ["qual foi meu ultimo pedido", "recent_history"],
    ["Qual o último modelo da Tesla?", "session_only"],
    ["What is my dog's name?", "hybrid"],
    ["Have I ever told you about my childhood?", "cross_conversation"],
  ])("%j is %s", (query, strategy) => {
    expect(route(query).strategy).toBe(strategy);
  });

  test("probabilities sum to 1, for any text", () => {
    for (const query of ["", " ", "?", "x".repeat(100_000), "\u0000\ud800", "日本語"]) {
      const { probabilities } = route(query);
      expect(Object.values(probabilities).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1);
    }
  });
});

test.each([
  ["another version", { ...weights, version: 99 }],
  ["another kind", { ...weights, kind: "something" }],
  ["fewer weights", { ...weights, weights: weights.weights.slice(0, 100) }],
  ["other strategies", { ...weights, strategies: ["a"] }],
  ["no numbers", { ...weights, biases: weights.biases.map(() => Number.NaN) }],
  ["nothing", undefined],
])("weights of %s are refused", (_, model) => {
  expect(() => linearRouter(model as RouterWeights)).toThrow(StrataConfigError);
});

test("features have length 1, and accents make little difference", () => {
  const squares = [...queryFeatures("Qual foi meu último pedido?").values()].reduce((sum, value) => sum + value * value, 0);
  expect(squares).toBeCloseTo(1);
  expect(queryFeatures("último")).toEqual(queryFeatures("ultimo"));
});
