/**
 * A policy: whether a query is worth its reranking, and how deep. It decides from what is known before the call, with no look at
 * the reranker's answer, and says why.
 */
export interface RerankPolicy {
  readonly name: string;
  decide(situation: RerankSituation): RerankDecision;
  /** Told of every query that was decided, once. */
  observe?(situation: RerankSituation): void;
}

export interface RerankSituation {
  readonly query: string;
  /** Documents that came in. */
  readonly candidates: number;
  /** How many may be looked at. */
  readonly maxDepth: number;
  /** How many will be given. */
  readonly topK: number;
  /** Names the retriever; what is learned belongs to it. */
  readonly firstStage: string;
  readonly isLexical: boolean;
  /** Of the first stage, higher is better; `undefined` when it told none. */
  readonly firstScores: readonly number[] | undefined;
  /** Of the user, where there are such. */
  readonly tier: string | undefined;
}

export interface RerankDecision {
  readonly action: "rerank" | "skip";
  /** Documents to look at, from the best on. */
  readonly depth: number;
  readonly reason: RerankReason;
  /** Share of the retriever's earlier queries whose best score was lower, 0 to 1, where that was looked at. */
  readonly quantile?: number | undefined;
}

/**
 * Why a query was reranked, or was not.
 *
 * | reason | |
 * | --- | --- |
 * | `always` | there is no policy |
 * | `lexical` | after a search by words it pays every time |
 * | `uncalibrated` | too few queries of this retriever were seen to judge by |
 * | `no-scores` | the documents bear no scores to judge by |
 * | `uncertain` | the best score is among the lower ones of this retriever |
 * | `confident` | the best score is among the higher ones of this retriever: skipped |
 * | `explored` | skipped or reranked against the rule, to learn |
 * | `rule` | a rule of the user's said so |
 * | `budget` | the budget is spent: skipped |
 * | `blank-query` | there is nothing to compare with: skipped |
 * | `too-few` | there is nothing to reorder: skipped |
 */
export type RerankReason =
  | "always"
  | "lexical"
  | "uncalibrated"
  | "no-scores"
  | "uncertain"
  | "confident"
  | "explored"
  | "rule"
  | "budget"
  | "blank-query"
  | "too-few";

/** Every query, as deep as may be. */
export const ALWAYS: RerankPolicy = {
  name: "always",
  decide: ({ maxDepth }) => ({ action: "rerank", depth: maxDepth, reason: "always" }),
};
