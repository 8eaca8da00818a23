/**
 * The contract of `SimilarityPolicy` as tests: what the semantic cache relies on, whatever the policy.
 * `test/contract/broken-similarity-policies.test.ts` shows that it fails policies that do not keep it.
 */
import { describe, test } from "vitest";
import type { SimilarityPolicy } from "../cache/semantic/similarity-policy.ts";
import { SIMILARITY_POLICY_PROMISES } from "./similarity-policy-contract/promises.ts";

/**
 * Declares the tests that every similarity policy must pass, under `describe(name)`. Needs `vitest`.
 * @param make builds a policy that has learned nothing yet; called at least once for each test
 * @example
 * ```ts
 * describeSimilarityPolicy("my policy", () => myPolicy());
 * ```
 */
export function describeSimilarityPolicy(name: string, make: () => SimilarityPolicy): void {
  describe(name, () => {
    for (const promise of SIMILARITY_POLICY_PROMISES) test(promise.name, () => promise.check(make));
  });
}
