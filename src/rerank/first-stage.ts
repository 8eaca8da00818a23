/** What the search that found the documents tells of itself. */
import type { DocumentInterface } from "@langchain/core/documents";

export interface FirstStage {
  /** Whose history and weights these are. */
  readonly name: string;
  /** Whether it ranks by words: then its order is worth little beside a reranker's, and it is always reranked. */
  readonly isLexical: boolean;
  /** In the incoming order, as they were found; `undefined` unless every document has one. */
  readonly rawScores: readonly number[] | undefined;
  /** The same with higher ones better. */
  readonly scores: readonly number[] | undefined;
}

const LEXICAL = /bm25|lexical|keyword|full-?text|tf-?idf/i;

export function isLexicalName(name: string): boolean {
  return LEXICAL.test(name);
}

/**
 * Reads the scores from the documents. Some stores give distances, where less is better; the order of the documents tells: it is theirs.
 */
export function firstStageOf(name: string, documents: readonly DocumentInterface[], scoreKey: string): FirstStage {
  const raw = documents.map(({ metadata }) => (metadata as Record<string, unknown> | undefined)?.[scoreKey]);
  const rawScores = raw.every((score): score is number => typeof score === "number" && Number.isFinite(score)) ? raw : undefined;
  const isLexical = isLexicalName(name);
  if (rawScores === undefined || rawScores.length === 0) return { name, isLexical, rawScores: undefined, scores: undefined };
  return { name, isLexical, rawScores, scores: risesDown(rawScores) ? rawScores.map((score) => -score) : rawScores };
}

/** More steps up than down on the way from the first to the last. */
function risesDown(scores: readonly number[]): boolean {
  let balance = 0;
  for (let index = 1; index < scores.length; index++) {
    balance += Math.sign((scores[index] as number) - (scores[index - 1] as number));
  }
  return balance > 0;
}
