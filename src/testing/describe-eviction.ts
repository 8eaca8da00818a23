/**
 * The contract of `Eviction` as tests: what a tier relies on, whatever the policy. `test/contract/broken-evictions.test.ts` shows
 * that it fails policies that do not keep it.
 */
import { describe, test } from "vitest";
import type { Eviction } from "../cache/eviction.ts";
import { EVICTION_PROMISES } from "./eviction-contract/promises.ts";

const TIMEOUT_MS = 30_000;

/**
 * Declares the tests that every eviction policy must pass, under `describe(name)`. Needs `vitest` and `fast-check`.
 * @param make builds a policy with nothing in it, and no capacity told yet; called at least once for each test
 * @example
 * ```ts
 * describeEviction("my policy", () => myPolicy());
 * ```
 */
export function describeEviction(name: string, make: () => Eviction): void {
  describe(name, () => {
    for (const promise of EVICTION_PROMISES) test(promise.name, () => promise.check(make), TIMEOUT_MS);
  });
}
