import type { CallOptions } from "../../core/abort.ts";

/** What is put before a verifier. All three are texts of users and models: data, never instructions. */
export interface VerifierInput {
  /** The question that is asked now. */
  readonly question: string;
  /** The question asked earlier. */
  readonly original: string;
  /** The answer to the earlier question. */
  readonly answer: string;
}

/**
 * Looks twice, where the policy is not sure: whether the answer to an earlier question answers the one asked now. A cross-encoder,
 * a model as a judge, a rule of one's own. A verifier may throw, reject or hang: that counts as a no.
 */
export interface Verifier {
  /** Labels statistics and events. */
  readonly name: string;
  /** `true` serves the earlier answer; anything else does not. */
  verify(input: VerifierInput, options?: CallOptions): Promise<boolean>;
}
