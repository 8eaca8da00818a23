import { describe, expect, test } from "vitest";
import { lexicalReranker } from "../../../src/rerank/rerankers/lexical.ts";
import { describeReranker } from "../../../src/testing/describe-reranker.ts";

describeReranker("lexicalReranker", () => lexicalReranker());

describe("lexicalReranker", () => {
  test("meets inflected words in Portuguese and English, with and without accents", async () => {
    const texts = ["O tempo em Lisboa.", "Altere as configurações da conta.", "She was running late."];
    const reranker = lexicalReranker();
    expect((await reranker.rerank("configuracao", texts))[0]?.index).toBe(1);
    expect((await reranker.rerank("who runs", texts))[0]?.index).toBe(2);
  });

  test("keeps the order of what shares no word with the query", async () => {
    const answer = await lexicalReranker().rerank("zebra", ["one", "two", "three"]);
    expect(answer).toEqual([0, 1, 2].map((index) => ({ index, score: 0 })));
  });

  test.each([
    [{ k1: -1 }, "lexicalReranker.k1"],
    [{ b: 2 }, "lexicalReranker.b"],
    [{ B: 0.5 }, "lexicalReranker.B"],
  ])("refuses %j", (options, option) => {
    expect(() => lexicalReranker(options as object)).toThrow(expect.objectContaining({ code: "CONFIG", option }) as Error);
  });
});
