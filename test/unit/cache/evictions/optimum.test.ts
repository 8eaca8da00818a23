import * as fc from "fast-check";
import { expect, test } from "vitest";
import { optimalHits } from "../../../../src/testing/eviction-contract/optimum.ts";

/** The most hits by trying every choice. */
function triedHits(trace: readonly string[], capacity: number, at = 0, resident: ReadonlySet<string> = new Set()): number {
  const key = trace[at];
  if (key === undefined) return 0;
  if (resident.has(key)) return 1 + triedHits(trace, capacity, at + 1, resident);
  const all = [...resident, key];
  if (all.length <= capacity) return triedHits(trace, capacity, at + 1, new Set(all));
  return Math.max(...all.map((victim) => triedHits(trace, capacity, at + 1, new Set(all.filter((kept) => kept !== victim)))));
}

test("the clairvoyant optimum is what trying every choice finds", () => {
  const traces = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 9 });
  fc.assert(
    fc.property(traces, fc.integer({ min: 1, max: 3 }), (trace, capacity) => {
      expect(optimalHits(trace, capacity)).toBe(triedHits(trace, capacity));
    }),
  );
});
