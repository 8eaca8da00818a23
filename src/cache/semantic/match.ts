/** How a question came to the answer of another one. */
import type { Digest } from "../../core/key.ts";
import type { Replay } from "../response-codec.ts";
import type { Found } from "../tiered-store.ts";
import type { SemanticCandidate, SemanticQuestion } from "./similarity-policy.ts";

export interface SemanticMatch {
  readonly source: "semantic" | "adapted";
  /** Cosine of the two questions. */
  readonly similarity: number;
  /** As the policy estimates it. */
  readonly confidence: number | undefined;
  readonly question: SemanticQuestion;
  readonly candidates: readonly SemanticCandidate[];
  /** Which of the candidates it is. */
  readonly candidate: number;
  readonly family: Digest;
  /** Of the question that was asked. */
  readonly id: Digest;
  /** Of the question whose answer it is. */
  readonly candidateId: Digest;
  /** Of the question that was asked; missing when it was known already. */
  readonly vector: Float32Array | undefined;
  readonly partition: Digest | undefined;
}

/** What the semantic step found: like any answer, with how it was matched. */
export interface FoundAnswer extends Found<Replay> {
  readonly match?: SemanticMatch | undefined;
}
