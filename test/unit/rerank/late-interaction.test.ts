import { afterAll, describe, expect, test } from "vitest";
import { chunksOf } from "../../../src/rerank/rerankers/chunks.ts";
import { lateInteractionReranker } from "../../../src/rerank/rerankers/late-interaction.ts";
import { maxSim, type TokenVectors } from "../../../src/rerank/rerankers/token-vectors.ts";
import { describeReranker } from "../../../src/testing/describe-reranker.ts";

const reranker = lateInteractionReranker();
afterAll(() => reranker.close());

// One model for all: each test would load it anew.
describeReranker("lateInteractionReranker", () => ({ ...reranker, close: () => Promise.resolve() }));

describe("lateInteractionReranker", () => {
  test("finds what is said in other words, and across English and Portuguese", async () => {
    const texts = ["Lisbon has mild weather.", "You can get your money back within 30 days.", "The train leaves at nine."];
    expect((await reranker.rerank("How do I get a refund?", texts))[0]?.index).toBe(1);
    expect((await reranker.rerank("Como recebo meu dinheiro de volta?", texts))[0]?.index).toBe(1);
  });

  test("finds what stands at the end of a long text", async () => {
    const filler = "The committee met on Tuesday and spoke about the budget of the coming year. ".repeat(60);
    const texts = [filler, `${filler} To reset a password, open the settings.`];
    expect((await reranker.rerank("reset my password", texts))[0]?.index).toBe(1);
  });

  test("looks at the beginning of a query of megabytes", async () => {
    const query = `reset my password ${"x ".repeat(5_000_000)}`;
    const texts = ["Trains leave at nine.", "To reset a password, open the settings."];
    expect((await reranker.rerank(query, texts)).map(({ score }) => Number.isFinite(score))).toEqual([true, true]);
    expect(await reranker.rerank(query, texts)).toEqual(await reranker.rerank(query.slice(0, 4_096), texts));
  });

  test("gives a text the same score whatever is beside it", async () => {
    const texts = ["Cats sleep.", "Dogs bark at night.", "Birds sing in the morning."];
    const together = await reranker.rerank("animals at night", texts);
    const alone = await Promise.all(texts.map((text) => lateInteractionScore(text)));
    for (const { index, score } of together) expect(score).toBe(alone[index]);
  });

  test("is closed for good, and refuses options that it does not know", async () => {
    const own = lateInteractionReranker();
    await Promise.all([own.close(), own.close()]);
    await expect(own.rerank("q", ["a"])).rejects.toMatchObject({ code: "CLOSED" });
    expect(() => lateInteractionReranker({ thread: 1 } as object)).toThrow(expect.objectContaining({ code: "CONFIG" }) as Error);
  });
});

async function lateInteractionScore(text: string): Promise<number | undefined> {
  return (await reranker.rerank("animals at night", [text]))[0]?.score;
}

describe("maxSim", () => {
  const of = (...rows: number[][]): TokenVectors => ({ tokens: rows.length, dimensions: 2, values: Int8Array.from(rows.flat()) });

  const never = (): undefined => undefined;

  test("is the mean over the query of each token's best cosine", async () => {
    expect(await maxSim(of([127, 0], [0, 127]), of([127, 0]), never)).toBeCloseTo(0.5, 6);
    expect(await maxSim(of([127, 0]), of([0, 127], [127, 0]), never)).toBeCloseTo(1, 6);
    expect(await maxSim(of(), of([127, 0]), never)).toBe(0);
  });

  test("lets others have their turn within a long query", async () => {
    let turns = 0;
    const turn = (): Promise<void> => Promise.resolve(void turns++);
    await maxSim(of(...Array.from({ length: 200 }, () => [127, 0])), of([127, 0]), turn);
    expect(turns).toBe(200);
  });
});

describe("pieces of a long text", () => {
  test("cover all of it, overlap, and end at white space where there is some", () => {
    const text = Array.from({ length: 500 }, (_, index) => `word${index}`).join(" ");
    const chunks = chunksOf(text, 200);
    for (const word of text.split(" "))
      expect(
        chunks.some((chunk) => chunk.split(/\s+/).includes(word)),
        word,
      ).toBe(true);
    expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThanOrEqual(200);
  });

  test("are bounded for a text without white space, and for a huge one", () => {
    expect(chunksOf("x".repeat(1_000), 200).every(({ length }) => length <= 200)).toBe(true);
    expect(chunksOf("x ".repeat(5_000_000), 900).length).toBeLessThan(50);
    expect(chunksOf("", 200)).toEqual([""]);
  });
});
