/**
 * A similarity policy decides whether the answer to a question asked earlier may be served for one asked now. It sees texts and
 * similarities of one scope, all of one embedding model; it does no input or output and never waits.
 */

/** The question that is asked now. */
export interface SemanticQuestion {
  /** The last user turn. */
  readonly text: string;
  /** Whose traffic it is: what a policy learns of one population may not fit another. A digest of scope and embedding model. */
  readonly population: string;
}

/** A question asked earlier in the same scope, model, parameters and context. */
export interface SemanticCandidate {
  /** Stable name of the entry, shared by all aliases of one answer. */
  readonly entryId: string;
  /** The question as it was asked then. */
  readonly text: string;
  /** Cosine, -1 to 1. */
  readonly similarity: number;
}

export type SemanticAction = "serve" | "verify" | "adapt" | "miss";

export interface SemanticDecision {
  readonly action: SemanticAction;
  /** The candidate that it is about, as an index into the candidates; `undefined` when there is none. */
  readonly candidate?: number | undefined;
  /** Estimated probability that the candidate's answer is right, 0 to 1; `undefined` where the policy makes no estimate. */
  readonly confidence?: number | undefined;
  /** Why, in one sentence, with the figures it rests on; no text of the questions. */
  readonly reason: string;
  /** The hard veto that fired, such as `"number"` or `"negation"`. */
  readonly veto?: string | undefined;
  /** Serve nothing this time although it could be: the model's own answer is wanted to check the policy with. */
  readonly audit?: boolean | undefined;
}

/** What turned out about a pair of questions. */
export interface SemanticOutcome {
  readonly question: SemanticQuestion;
  readonly candidates: readonly SemanticCandidate[];
  /** Index of the candidate that the outcome is about. */
  readonly candidate: number;
  /** Whether its answer was right for the question. */
  readonly right: boolean;
  /** Where the label comes from: the model's own answer after a miss, an audit, a verifier, or a person. */
  readonly source: "answer" | "audit" | "verifier" | "feedback";
}

export interface SimilarityPolicy {
  readonly name: string;
  /** Candidates nearest first; an empty list is a miss. */
  decide(question: SemanticQuestion, candidates: readonly SemanticCandidate[]): SemanticDecision;
  /** Takes note of an outcome; absent where the policy does not learn. */
  learn?(outcome: SemanticOutcome): void;
  /** What was learned, as JSON, to be stored beside the entries. */
  export?(): unknown;
  /** Takes up what was exported; ignores, and says so by `false`, what it does not understand. */
  restore?(state: unknown): boolean;
}
