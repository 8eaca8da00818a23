/** Settings for four environments, as data: spread one into the options of `RerankCompressor` and change what does not fit. */
import { parseChoice, type Duration } from "../../core/options.ts";
import type { AdaptivePolicyOptions } from "./adaptive.ts";

export interface RerankPreset {
  readonly candidates: number;
  readonly topK: number;
  readonly minKept: number;
  readonly deadline: Duration;
  readonly retries: number;
  /** `"always"`, or what `adaptivePolicy` takes. */
  readonly policy: "always" | AdaptivePolicyOptions;
}

export type RerankEnvironment = "development" | "staging" | "production" | "enterprise";

/**
 * - development: few documents, a failure shows at once.
 * - staging: everything is reranked, so that there is something to measure.
 * - production: half of the queries, twenty documents deep.
 * - enterprise: by the tier of the user; the highest always, with time for a second try.
 */
const RERANK_PRESETS: Readonly<Record<RerankEnvironment, RerankPreset>> = {
  development: { candidates: 20, topK: 5, minKept: 3, deadline: "10s", retries: 0, policy: "always" },
  staging: { candidates: 50, topK: 10, minKept: 3, deadline: "5s", retries: 1, policy: "always" },
  production: { candidates: 50, topK: 10, minKept: 3, deadline: "2s", retries: 1, policy: { share: 0.5 } },
  enterprise: {
    ...{ candidates: 100, topK: 10, minKept: 3, deadline: "5s", retries: 2 },
    policy: { share: 0.5, tiers: { free: 0.3, pro: 0.6, enterprise: 1 } },
  },
};

/** @throws {@link StrataConfigError} for another name */
export function rerankPreset(environment: RerankEnvironment): RerankPreset {
  return RERANK_PRESETS[parseChoice("environment", environment, ["development", "staging", "production", "enterprise"])];
}
