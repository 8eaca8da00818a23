import type { CallOptions } from "../core/abort.ts";

/**
 * A reranker: looks at a query and each text together, and says how well they fit. It is slower and better than the search that
 * found the texts.
 *
 * - Answers are best first; of equal scores the text that came first comes first. Each index at most once, each score finite.
 * - Without `topK` every text has its score, also an empty one.
 * - No text: no answer, and no call to a provider. The texts are not changed.
 * - It may throw or reject; who calls it turns that into the next reranker, or the incoming order.
 */
export interface Reranker {
  /** Short, for statistics, events and reports: letters, digits, `.`, `_`, `/`, `:` and `-`. */
  readonly name: string;
  readonly scoreKind: ScoreKind;
  /** What computes the scores, version included; with the name it is part of every key of the score cache. */
  readonly model?: string | undefined;
  /** Whether the score of a text depends on the texts beside it, so that it means nothing beside others. Default `false`. */
  readonly listwise?: boolean | undefined;
  /** Its share of the fused order, 0 to 1, where that was measured; the compressor's default otherwise. */
  readonly weight?: number | undefined;
  rerank(query: string, texts: readonly string[], options?: RerankCallOptions): Promise<readonly RerankedText[]>;
  /** Lets go of what it holds; may be called twice. */
  close?(): Promise<void>;
}

/**
 * What a score says, and so what a threshold on it can mean.
 *
 * | kind | scores |
 * | --- | --- |
 * | `"probability"` | 0 to 1 |
 * | `"logit"` | any number, whose logistic function is a probability |
 * | `"similarity"` | -1 to 1 |
 * | `"ordinal"` | their order only: no threshold, no weighted sums |
 */
export type ScoreKind = "logit" | "probability" | "similarity" | "ordinal";

export interface RerankCallOptions extends CallOptions {
  /** How many of the best to give; default all. */
  readonly topK?: number | undefined;
  /** Told what the call has used, once for each request that was answered. */
  readonly onUsage?: ((usage: RerankUsage) => void) | undefined;
}

export interface RerankedText {
  /** Of the text in what was asked. */
  readonly index: number;
  readonly score: number;
}

/** What a provider counts, and its price where that was given. */
export interface RerankUsage {
  readonly searches?: number | undefined;
  readonly tokens?: number | undefined;
  /** In the currency of the price that was given. */
  readonly cost?: number | undefined;
}

/** Scores in the order of the texts -> the answer of a reranker. */
export function bestFirst(scores: ArrayLike<number>, topK?: number): RerankedText[] {
  const ranked = Array.from(scores, (score, index) => ({ index, score }));
  // Stable: equals stay as they came.
  ranked.sort((a, b) => b.score - a.score);
  return topK === undefined ? ranked : ranked.slice(0, topK);
}

/** The same, summed up. */
export interface UsageSum {
  readonly searches: number;
  readonly tokens: number;
  readonly cost: number;
}
