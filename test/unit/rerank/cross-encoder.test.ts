import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { crossEncoderReranker, type CrossEncoderOptions } from "../../../src/rerank/rerankers/cross-encoder.ts";
import type { Reranker } from "../../../src/rerank/reranker.ts";
import { describeReranker } from "../../../src/testing/describe-reranker.ts";
import { writeOverlapModel } from "../../support/overlap-model.ts";

// Named before the hooks run, for the contract's tests; words as "do" would tie texts that have nothing in common.
const path = mkdtempSync(join(tmpdir(), "strata-cross-"));
const WORDS = ["reset", "password", "weather", "lisbon", "cats", "sleep", "trains", "leave", "porto", "needle", "hay"];
let shared: Reranker & { close(): Promise<void> };

beforeAll(() => {
  writeOverlapModel(path, WORDS);
  shared = crossEncoderReranker({ path });
});
afterAll(async () => {
  await shared.close();
  rmSync(path, { recursive: true });
});

// One session for all: each test would load it anew.
describeReranker("crossEncoderReranker", () => ({ ...shared, close: () => Promise.resolve() }));

describe("crossEncoderReranker", () => {
  test("gives the model's own numbers, which no softmax made equal", async () => {
    const answer = await shared.rerank("reset password", ["hay", "reset", "password reset"]);
    expect(answer).toEqual([
      { index: 2, score: 1 },
      { index: 1, score: 0 },
      { index: 0, score: -1 },
    ]);
  });

  test("gives a text the same number whatever is beside it, in batches of any lengths", async () => {
    const texts = Array.from({ length: 60 }, (_, at) => `${"hay ".repeat((at * 7) % 50)} ${at % 3 === 0 ? "needle" : "cats"}`);
    const together = await shared.rerank("needle", texts);
    expect(together.filter(({ score }) => score === 0).map(({ index }) => index % 3)).toEqual(
      Array.from({ length: 20 }, () => 0),
    );
    expect((await shared.rerank("needle", [texts[3] ?? ""]))[0]?.score).toBe(0);
  });

  test("finds what stands beyond the model's longest input", async () => {
    const long = `${"hay ".repeat(2_000)} needle`;
    const answer = await shared.rerank("needle", ["hay ".repeat(2_000), long]);
    expect(answer[0]).toEqual({ index: 1, score: 0 });
  });

  test("says so when the model is none of pairs, or none at all", async () => {
    const broken = mkdtempSync(join(tmpdir(), "strata-cross-"));
    try {
      writeOverlapModel(broken, WORDS);
      writeFileSync(join(broken, "model.onnx"), "not a model");
      const reranker = crossEncoderReranker({ path: broken });
      await expect(reranker.rerank("q", ["a"])).rejects.toMatchObject({ code: "UNAVAILABLE" });
      await reranker.close();
      const other = crossEncoderReranker({ path: broken, sha256: "0".repeat(64) });
      await expect(other.rerank("q", ["a"])).rejects.toMatchObject({ code: "CORRUPT" });
      await other.close();
    } finally {
      rmSync(broken, { recursive: true });
    }
  });

  test.each<[string, Partial<CrossEncoderOptions>]>([
    ["path", { path: "/nowhere" }],
    ["file", { file: "other.onnx" }],
    ["sha256", { sha256: "abc" }],
    ["maxTokens", { maxTokens: 2 }],
    ["scoreKind", { scoreKind: "percent" as never }],
    ["modle", { modle: "x" } as object],
  ])("refuses a wrong %s by name", (option, options) => {
    expect(() => crossEncoderReranker({ path, ...options })).toThrow(
      expect.objectContaining({ code: "CONFIG", option: `crossEncoderReranker.${option}` }) as Error,
    );
  });
});
