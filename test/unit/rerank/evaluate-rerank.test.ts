import { Document } from "@langchain/core/documents";
import { FakeVectorStore } from "@langchain/core/utils/testing";
import { FakeEmbeddings } from "@langchain/core/utils/testing";
import { describe, expect, test } from "vitest";
import { evaluateRerank, type RerankCase } from "../../../src/rerank/evaluate-rerank.ts";
import { metricsOf } from "../../../src/rerank/evaluation/metrics.ts";
import { bootstrap, chanceOf } from "../../../src/rerank/evaluation/resampling.ts";
import { RerankCompressor } from "../../../src/rerank/rerank-compressor.ts";
import { scoredRetriever } from "../../../src/rerank/scored-retriever.ts";
import { fakeReranker } from "../../support/fake-reranker.ts";
import { seededRandom } from "../../support/seeded-random.ts";

describe("metrics", () => {
  test("are those of trec_eval: the grade is the gain", () => {
    const grades = new Map(Object.entries({ a: 3, b: 2, c: 0, d: 1 }));
    const found = metricsOf(["c", "a", "x", "b"], grades, 3);
    const ideal = 3 + 2 / Math.log2(3) + 1 / 2;
    expect(found.ndcg).toBeCloseTo(3 / Math.log2(3) / ideal, 10);
    expect(found).toMatchObject({ mrr: 0.5, precision: 1 / 3, recall: 1 / 3 });
    expect(metricsOf(["a", "b", "d"], grades, 3).ndcg).toBe(1);
    expect(metricsOf(["x"], new Map(), 3)).toEqual({ ndcg: 0, mrr: 0, precision: 0, recall: 0 });
  });
});

describe("drawing again", () => {
  test("gives an interval that holds the mean, and is wide where queries differ", () => {
    const even = bootstrap([0.1, 0.1, 0.1, 0.1], 500, seededRandom(1));
    const mixed = bootstrap([0.9, -0.7, 0.5, -0.3], 500, seededRandom(1));
    expect([even.low, even.mean, even.high].map((value) => value.toFixed(6))).toEqual(["0.100000", "0.100000", "0.100000"]);
    expect(mixed.low).toBeLessThan(0);
    expect(mixed.high).toBeGreaterThan(0.1);
  });

  test("says how often chance does as well", () => {
    const gains = [1, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    // Both of the two good ones among ten: 1 of 45.
    expect(chanceOf(2, gains, 2, 4_000, seededRandom(2))).toBeCloseTo(1 / 45, 1);
    expect(chanceOf(0, gains, 2, 100, seededRandom(2))).toBe(1);
  });
});

describe("evaluateRerank", () => {
  /** The reranker is right for some queries, wrong for others; the first stage's best score tells which. */
  function cases(): RerankCase[] {
    return Array.from({ length: 20 }, (_, at) => {
      const isHard = at < 10;
      const scores = isHard ? [10, 90] : [10, 90, 5];
      const documents = scores.map((score, index) => {
        return new Document({
          id: `d${index}`,
          pageContent: `text ${score} of ${at}`,
          metadata: { score: (isHard ? 1 : 5) - index * 0.1 },
        });
      });
      return { query: `query ${at}`, documents, grades: isHard ? { d1: 1 } : { d0: 1 } };
    });
  }
  const alone = { fusion: { method: "none" } } as const;

  test("counts whom reranking helps and hurts, with bounds", async () => {
    const compressor = new RerankCompressor({ reranker: fakeReranker(), ...alone });
    const result = await evaluateRerank({ compressor, cases: cases(), random: seededRandom(3) });
    const second = 1 / Math.log2(3);
    expect(result).toMatchObject({ queries: 20, helped: 10, hurt: 10, same: 0, oracle: { ndcg: 1 } });
    expect(result.before.ndcg).toBeCloseTo((1 + second) / 2, 10);
    expect(result.after.ndcg).toBeCloseTo(result.before.ndcg, 10);
    expect(result.gain.ndcg.low).toBeLessThan(0);
    expect(result.gain.ndcg.high).toBeGreaterThan(0);
    expect(compressor.stats().calls).toBe(0);
  });

  test("sees a policy that chooses well beside chance and the best choice", async () => {
    const policy = {
      name: "sure",
      decide: ({ firstScores = [] }: { firstScores?: readonly number[] | undefined }) =>
        (firstScores[0] ?? 0) < 3
          ? ({ action: "rerank", depth: 50, reason: "uncertain" } as const)
          : ({ action: "skip", depth: 0, reason: "confident" } as const),
    };
    const compressor = new RerankCompressor({ reranker: fakeReranker(), policy, ...alone });
    const mixed = [...cases(), ...cases().slice(0, 5)];
    const result = await evaluateRerank({ compressor, cases: mixed, random: seededRandom(4) });
    expect(result.policy.rerankRate).toBe(15 / 25);
    expect(result.after.ndcg).toBe(1);
    expect(result.policy.gainKept).toBeGreaterThan(2.9);
    expect(result.policy.gainKept).toBeCloseTo(result.policy.oracleGainKept, 10);
    expect(result.policy.randomGainKept).toBeCloseTo(15 / 25, 10);
    expect(result.policy.chance).toBeLessThan(0.01);
    expect(result.perQuery.filter(({ outcome }) => outcome === "skipped")).toHaveLength(10);
  });

  test("names what it cannot work with", async () => {
    const compressor = new RerankCompressor({ reranker: fakeReranker() });
    await expect(evaluateRerank({ compressor, cases: [] })).rejects.toMatchObject({ option: "cases" });
    const nameless = [{ query: "q", documents: [new Document({ pageContent: "a" })], grades: {} }];
    await expect(evaluateRerank({ compressor, cases: nameless })).rejects.toMatchObject({ option: "idOf" });
  });
});

describe("scoredRetriever", () => {
  test("keeps the scores of the store, and changes nothing of its documents", async () => {
    const store = await FakeVectorStore.fromTexts(["a", "b"], [{ at: 1 }, { at: 2 }], new FakeEmbeddings());
    const found = await scoredRetriever(store, { k: 2, scoreKey: "similarity" }).invoke("a");
    expect(found.map(({ metadata }) => typeof metadata["similarity"])).toEqual(["number", "number"]);
    const [[stored]] = (await store.similaritySearchWithScore("a", 1)) as [[Document, number]];
    expect(stored.metadata).not.toHaveProperty("similarity");
  });

  test("refuses what is no store", () => {
    expect(() => scoredRetriever({} as never)).toThrow(expect.objectContaining({ option: "store" }) as Error);
    expect(() => scoredRetriever({ similaritySearchWithScore: async () => [] }, { k: 0 })).toThrow(
      expect.objectContaining({ option: "k" }) as Error,
    );
  });
});
