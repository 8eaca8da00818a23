/** What the lookup by meaning decides, and how well. */
import type { StrataErrorCode } from "../errors.ts";

/** The semantic step has looked at a call that the exact tiers missed. */
export interface SemanticLookupEvent {
  readonly type: "semantic.lookup";
  readonly outcome: "served" | "adapted" | "withheld" | "missed";
  readonly reason: SemanticEventReason;
  /** Cosine to the question that it is about. */
  readonly similarity?: number;
  /** As the policy estimates it. */
  readonly confidence?: number;
  /** The hard veto that fired. */
  readonly veto?: string;
  readonly ms: number;
  readonly key: string;
}

export type SemanticEventReason =
  // Served.
  | "known-question"
  | "similar"
  | "verified"
  | "adapted"
  // Withheld.
  | "rollout"
  | "audit"
  // Missed.
  | "no-candidates"
  | "not-similar"
  | "veto"
  | "no-verifier"
  | "rejected"
  | "no-adapter"
  | "not-adapted"
  | "told-wrong"
  // Not looked up.
  | "no-question"
  | "empty"
  | "too-long"
  | "tool-result"
  | "structured-output"
  | "unclear-roles"
  // A part did not do its work.
  | "embeddings-failed"
  | "index-failed"
  | "policy-failed"
  | "verifier-failed"
  | "adapter-failed"
  | "step-failed";

export type SemanticPart = "embeddings" | "index" | "policy" | "verifier" | "adapter" | "step";

/** A part of the semantic step failed; the call went on without it. No message: it could hold a piece of a question. */
export interface SemanticFaultEvent {
  readonly type: "semantic.fault";
  readonly part: SemanticPart;
  /** The code of our error, or `ENGINE` for what the part itself threw. */
  readonly code: StrataErrorCode | "ENGINE";
}

/** A part of the semantic step is not asked for a while after failures, or is back. */
export interface SemanticStateEvent {
  readonly type: "semantic.state";
  readonly part: SemanticPart;
  readonly state: "off" | "on";
}

/** An answer that was withheld has been compared with the one that the model gave. */
export interface SemanticAuditEvent {
  readonly type: "semantic.audit";
  readonly verdict: "right" | "wrong";
  /** Cosine of the two questions. */
  readonly similarity: number;
}

/** A person said whether a hit was right. */
export interface SemanticFeedbackEvent {
  readonly type: "semantic.feedback";
  readonly verdict: "right" | "wrong";
  readonly source: "exact" | "semantic" | "adapted";
}
