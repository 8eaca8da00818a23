import type { Parameters } from "fast-check";

/** The same cases on every run and every machine: a red property is red for everybody. */
export function seeded<T>(numRuns = 300): Parameters<T> {
  return { seed: 20_260_713, numRuns };
}
