/**
 * The contract of `Reranker` as tests. This package's own rerankers are held to it; `test/contract/broken-rerankers.test.ts` shows
 * that it fails those that do not keep it.
 */
import { describe, expect, onTestFinished, test } from "vitest";
import type { MaybePromise } from "../core/abort.ts";
import type { Reranker, RerankedText } from "../rerank/reranker.ts";

/** Builds a reranker; called for each test, which closes it. */
export type MakeReranker = () => MaybePromise<Reranker>;

/** What a reranker can do beyond the minimum; each adds the tests that prove it. */
export interface RerankerCapabilities {
  /** Whether it stops when the signal aborts while it works; default `true`. */
  readonly abortable?: boolean;
}

const QUERY = "How do I reset my password?";
const TEXTS: readonly string[] = [
  "The weather in Lisbon is mild in March.",
  "To reset your password, open the settings and choose reset password.",
  "Cats sleep for most of the day.",
  "A forgotten password can be reset by mail.",
  "Trains to Porto leave every hour.",
];
const ODD: readonly string[] = ["", " \n", "🔒 password \ud83d", "</script>{}[]()*+?", "a\u0000b", "password ".repeat(2_000)];

/**
 * Declares the tests that every reranker must pass, under `describe(name)`. Needs `vitest`.
 * @example
 * ```ts
 * describeReranker("lexicalReranker", () => lexicalReranker());
 * ```
 */
export function describeReranker(name: string, make: MakeReranker, capabilities: RerankerCapabilities = {}): void {
  async function open(): Promise<Reranker> {
    const reranker = await make();
    onTestFinished(() => reranker.close?.());
    return reranker;
  }

  describe(name, () => {
    describe("ranking", () => {
      test("puts a text that answers above texts that have nothing to do with the query", async () => {
        const answer = await (await open()).rerank(QUERY, TEXTS);
        expect([1, 3]).toContain(answer[0]?.index);
        expect([1, 3]).toContain(answer[1]?.index);
      });

      test("gives every text once, best first, with finite scores", async () => {
        const answer = await (await open()).rerank(QUERY, TEXTS);
        expect(indices(answer).toSorted()).toEqual([0, 1, 2, 3, 4]);
        expectBestFirst(answer);
      });

      test("finds the texts at whatever index they stand", async () => {
        const reranker = await open();
        const turned = [...TEXTS.slice(3), ...TEXTS.slice(0, 3)];
        const best = indices(await reranker.rerank(QUERY, turned)).slice(0, 2);
        expect(best.map((index) => turned[index]?.includes("password"))).toEqual([true, true]);
      });

      test("gives scores of its kind", async () => {
        const reranker = await open();
        const scores = (await reranker.rerank(QUERY, TEXTS)).map(({ score }) => score);
        expect(["logit", "probability", "similarity", "ordinal"]).toContain(reranker.scoreKind);
        if (reranker.scoreKind === "probability") expect(scores.every((score) => score >= 0 && score <= 1)).toBe(true);
        if (reranker.scoreKind === "similarity") expect(scores.every((score) => Math.abs(score) <= 1.0001)).toBe(true);
      });

      test("gives the same answer to the same question", async () => {
        const reranker = await open();
        const first = await reranker.rerank(QUERY, TEXTS);
        await reranker.rerank("Do cats sleep?", TEXTS.slice(1));
        expect(await reranker.rerank(QUERY, TEXTS)).toEqual(first);
      });

      test("lets equal texts stand in their order", async () => {
        const answer = await (await open()).rerank(QUERY, [TEXTS[0], TEXTS[1], TEXTS[1], TEXTS[0]] as string[]);
        const scores = new Map(answer.map(({ index, score }) => [index, score]));
        expect(scores.get(1)).toBeCloseTo(scores.get(2) ?? Number.NaN, 5);
        if (scores.get(1) === scores.get(2)) expect(indices(answer).slice(0, 2)).toEqual([1, 2]);
      });

      test("answers callers at the same time, each with its own", async () => {
        const reranker = await open();
        const questions = [QUERY, "Do cats sleep?", "When do trains leave to Porto?"];
        const best = await Promise.all(questions.map(async (query) => (await reranker.rerank(query, TEXTS))[0]?.index));
        expect([1, 3]).toContain(best[0]);
        expect(best.slice(1)).toEqual([2, 4]);
      });
    });

    describe("what is asked", () => {
      test("gives the best of them when `topK` is given", async () => {
        const reranker = await open();
        const best = await reranker.rerank(QUERY, TEXTS, { topK: 2 });
        expect(indices(best).toSorted()).toEqual([1, 3]);
        expect(await reranker.rerank(QUERY, TEXTS, { topK: 50 })).toHaveLength(5);
      });

      test("gives nothing for no texts", async () => {
        expect(await (await open()).rerank(QUERY, [])).toEqual([]);
      });

      test("gives one text for one text", async () => {
        expect(indices(await (await open()).rerank(QUERY, [TEXTS[2] ?? ""]))).toEqual([0]);
      });

      test("takes empty, broken, strange and long texts, and gives each its score", async () => {
        const answer = await (await open()).rerank(QUERY, [...ODD, TEXTS[1] ?? ""]);
        expect(indices(answer).toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6]);
        expectBestFirst(answer);
      });

      test("ranks an empty text behind one that answers", async () => {
        const answer = await (await open()).rerank(QUERY, ["", TEXTS[1] ?? ""]);
        expect(indices(answer)).toEqual([1, 0]);
      });

      test("takes a list that may not be changed, and leaves it as it is", async () => {
        const texts = Object.freeze([...TEXTS]);
        await (await open()).rerank(QUERY, texts);
        expect(texts).toEqual(TEXTS);
      });

      test("refuses a `topK` that is no count, naming it", async () => {
        const reranker = await open();
        for (const topK of [0, -1, 1.5, Number.NaN]) {
          await expect(reranker.rerank(QUERY, TEXTS, { topK }), String(topK)).rejects.toMatchObject({
            code: "CONFIG",
            option: "topK",
          });
        }
      });
    });

    describe("ending", () => {
      test("does not begin when the signal has aborted", async () => {
        const reason = new Error("left");
        await expect((await open()).rerank(QUERY, TEXTS, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
      });

      test.runIf(capabilities.abortable ?? true)("ends with the reason of a signal that aborts while it works", async () => {
        const reranker = await open();
        const controller = new AbortController();
        const reason = new Error("left");
        const many = Array.from({ length: 400 }, (_, index) => `${index} password ${TEXTS.join(" ").repeat(8)}`);
        const call = reranker.rerank(QUERY, many, { signal: controller.signal });
        setImmediate(() => controller.abort(reason));
        await expect(call).rejects.toBe(reason);
      });

      test("has a short name, and can be closed twice", async () => {
        const reranker = await open();
        expect(reranker.name).toMatch(/^[A-Za-z0-9][A-Za-z0-9._/:-]{0,127}$/);
        await reranker.close?.();
        await reranker.close?.();
      });
    });
  });
}

function indices(answer: readonly RerankedText[]): number[] {
  return answer.map(({ index }) => index);
}

function expectBestFirst(answer: readonly RerankedText[]): void {
  const scores = answer.map(({ score }) => score);
  expect(scores.every(Number.isFinite)).toBe(true);
  expect(scores).toEqual(scores.toSorted((a, b) => b - a));
}
