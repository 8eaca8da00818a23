import type { UsageMetadata } from "@langchain/core/messages";
import type { CallOptions } from "../../core/abort.ts";
import type { VerifierInput } from "./verifier.ts";

export interface AdaptedAnswer {
  readonly text: string;
  /** What the rewriting used, which a hit saves less by. */
  readonly usage?: Partial<UsageMetadata> | undefined;
}

/**
 * Rewrites the answer to an earlier question into one to the question asked now, with a model that costs less than the one whose
 * answer it is. `undefined` says that it cannot be done; that, and an adapter that throws, rejects or hangs, is a miss.
 */
export interface Adapter {
  /** Labels statistics and events. */
  readonly name: string;
  adapt(input: VerifierInput, options?: CallOptions): Promise<AdaptedAnswer | undefined>;
}
