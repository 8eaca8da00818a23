import { describe, expect, test } from "vitest";
import { staticPolicy } from "../../../../src/cache/semantic/policies/static.ts";
import type { SemanticCandidate } from "../../../../src/cache/semantic/similarity-policy.ts";
import { StrataConfigError } from "../../../../src/core/errors.ts";

const question = { text: "How do I reset my password?", population: "p" };

function candidate(similarity: number, text = "how can i reset my password"): SemanticCandidate {
  return { entryId: text, text, similarity };
}

describe("staticPolicy", () => {
  test("serves from 0.85, adapts from 0.75, misses below", () => {
    const policy = staticPolicy();
    expect(policy.decide(question, [candidate(0.85)])).toMatchObject({ action: "serve", candidate: 0 });
    expect(policy.decide(question, [candidate(0.849)])).toMatchObject({ action: "adapt", candidate: 0 });
    expect(policy.decide(question, [candidate(0.75)])).toMatchObject({ action: "adapt", candidate: 0 });
    expect(policy.decide(question, [candidate(0.749)])).toMatchObject({ action: "miss" });
    expect(policy.decide(question, [])).toMatchObject({ action: "miss" });
  });

  test("a veto wins over any similarity, and the next candidate is looked at", () => {
    const policy = staticPolicy();
    const turned = candidate(0.99, "how can i not reset my password");
    expect(policy.decide(question, [turned])).toMatchObject({ action: "miss", veto: "negation", candidate: 0 });
    expect(policy.decide(question, [turned, candidate(0.9)])).toMatchObject({ action: "serve", candidate: 1 });
    expect(staticPolicy({ vetoes: false }).decide(question, [turned])).toMatchObject({ action: "serve" });
  });

  test("a similarity that is no number serves nothing", () => {
    expect(staticPolicy({ similarity: 0 }).decide(question, [candidate(Number.NaN)]).action).toBe("miss");
  });

  test("a threshold above the default of `adapt` is enough on its own", () => {
    expect(staticPolicy({ similarity: 0.6 }).decide(question, [candidate(0.59)]).action).toBe("miss");
  });

  test.each([[{ similarity: 1.1 }], [{ similarity: 0.8, adapt: 0.9 }], [{ adapt: -1 }], [{ treshold: 0.9 }], [{ vetoes: 1 }]])(
    "refuses %o",
    (options) => {
      expect(() => staticPolicy(options as object)).toThrow(StrataConfigError);
    },
  );
});
