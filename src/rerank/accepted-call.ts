/** What every reranker of this package accepts, and what is accepted of any reranker. */
import { StrataConfigError, StrataError } from "../core/errors.ts";
import { parseCount } from "../core/options.ts";
import { UndecidedError } from "./provider-error.ts";
import type { RerankCallOptions, RerankedText, Reranker } from "./reranker.ts";

/** @throws {@link StrataConfigError} for a query or text that is no string, and a `topK` that is no count */
export function acceptCall(query: unknown, texts: unknown, options: RerankCallOptions): void {
  options.signal?.throwIfAborted();
  if (typeof query !== "string") throw new StrataConfigError("query", query, "a string");
  if (!Array.isArray(texts)) throw new StrataConfigError("texts", texts, "a list of strings");
  for (const text of texts as unknown[]) if (typeof text !== "string") throw new StrataConfigError("texts", text, "strings only");
  if (options.topK !== undefined) parseCount("topK", options.topK);
}

/** Scores by the index of the text, from a reranker that was asked for all of them. */
export type Scores = readonly number[];

/**
 * Checks an answer, so that no bug of a provider reorders anything.
 * @throws {@link StrataError} `BAD_ANSWER` for what is no list, an index that was not asked for or comes twice, a score that is not
 * finite or outside its kind, a text without a score, and one score for all of several different texts, which says nothing
 */
export function acceptAnswer({ name, scoreKind }: Reranker, texts: readonly string[], answer: readonly RerankedText[]): Scores {
  const bad = (what: string): StrataError => new StrataError("BAD_ANSWER", `The reranker ${name} answered with ${what}.`);
  if (!Array.isArray(answer)) throw bad("no list");
  const scores = Array.from<number>({ length: texts.length }).fill(Number.NaN);
  for (const each of answer as readonly unknown[]) {
    const { index, score } = (each ?? {}) as { index?: unknown; score?: unknown };
    if (typeof index !== "number" || !Number.isInteger(index) || index < 0 || index >= texts.length) {
      throw bad(`an index outside the ${texts.length} texts`);
    }
    if (!Number.isNaN(scores[index])) throw bad("the same index twice");
    if (typeof score !== "number" || !Number.isFinite(score)) throw bad("a score that is no finite number");
    if (scoreKind === "probability" && (score < 0 || score > 1)) throw bad("a probability outside 0 to 1");
    if (scoreKind === "similarity" && Math.abs(score) > 1 + ROUNDING) throw bad("a similarity outside -1 to 1");
    scores[index] = score;
  }
  if (scores.some(Number.isNaN)) throw bad(`scores for ${answer.length} of ${texts.length} texts`);
  if (scoreKind !== "ordinal" && scores.every((score) => score === scores[0])) {
    // Blank texts are alike, however they are written.
    if (new Set(texts.filter((text) => text.trim() !== "")).size >= LEAST_DISTINCT) throw new UndecidedError(name);
  }
  return scores;
}

/** Of float32 numbers. */
const ROUNDING = 1e-4;
/** Two texts may well fit equally; a handful of different ones do not. A model without its head gives all the same score. */
const LEAST_DISTINCT = 4;
