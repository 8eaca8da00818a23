/** What the semantic cache relies on in a similarity policy, one promise at a time. */
import { expect } from "vitest";
import type {
  SemanticCandidate,
  SemanticDecision,
  SemanticQuestion,
  SimilarityPolicy,
} from "../../cache/semantic/similarity-policy.ts";

export interface SimilarityPolicyPromise {
  readonly name: string;
  readonly check: (make: () => SimilarityPolicy) => void;
}

const THINGS = "quokka zeppelin marzipan obsidian tamarind saxifrage halberd corduroy persimmon gossamer".split(" ");
const SIMILARITIES = [-1, 0, 0.3, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 0.99, 1];

export const SIMILARITY_POLICY_PROMISES: readonly SimilarityPolicyPromise[] = [
  {
    name: "no candidate is a miss about none",
    check(make) {
      for (const policy of [make(), taught(make())]) {
        expect(policy.decide(question("quokka"), [])).toMatchObject({ action: "miss" });
        expect(policy.decide(question("quokka"), []).candidate).toBeUndefined();
      }
    },
  },
  {
    name: "what is not a miss names one of the candidates",
    check(make) {
      for (const { decision, candidates } of decisions(make)) {
        const { action, candidate } = decision;
        expect(["serve", "verify", "adapt", "miss"]).toContain(action);
        if (action !== "miss") expect(candidate).toBeDefined();
        if (candidate !== undefined) expect(candidates[candidate]).toBeDefined();
      }
    },
  },
  {
    name: "a confidence is from 0 to 1",
    check(make) {
      for (const { decision } of decisions(make)) {
        const { confidence = 0 } = decision;
        expect(confidence).toBeGreaterThanOrEqual(0);
        expect(confidence).toBeLessThanOrEqual(1);
      }
    },
  },
  {
    name: "the reason is a sentence that quotes no question",
    check(make) {
      for (const { decision } of decisions(make)) {
        expect(decision.reason).toMatch(/^\S.*\.$/s);
        for (const thing of THINGS) expect(decision.reason).not.toContain(thing);
      }
    },
  },
  {
    name: "what a veto forbids is a miss",
    check(make) {
      for (const { decision } of decisions(make)) if (decision.veto !== undefined) expect(decision.action).toBe("miss");
    },
  },
  {
    name: "a similarity that is no number is not served",
    check(make) {
      for (const policy of [make(), taught(make())]) {
        const { action } = policy.decide(question("quokka"), [{ ...candidate("quokka", 0.9), similarity: Number.NaN }]);
        expect(action).not.toBe("serve");
      }
    },
  },
  {
    name: "what it is given stays as it is",
    check(make) {
      const policy = make();
      const candidates = Object.freeze([Object.freeze(candidate("quokka", 0.9)), Object.freeze(candidate("marzipan", 0.8))]);
      const asked = Object.freeze(question("quokka"));
      policy.decide(asked, candidates);
      policy.learn?.(Object.freeze({ question: asked, candidates, candidate: 0, right: true, source: "answer" as const }));
      expect(candidates.map(({ text }) => text)).toEqual([candidate("quokka", 0).text, candidate("marzipan", 0).text]);
    },
  },
  {
    name: "what it learned survives as JSON, and serves the same",
    check(make) {
      const policy = taught(make());
      const state = policy.export?.();
      if (state === undefined) return;
      const copy = make();
      expect(copy.restore?.(JSON.parse(JSON.stringify(state)))).toBe(true);
      const [before, after] = [policy, copy].map((each) => serves(each));
      expect(after).toEqual(before);
    },
  },
  {
    name: "a state that it does not know is refused, and changes nothing",
    check(make) {
      const policy = taught(make());
      const before = serves(policy);
      for (const state of [undefined, null, 0, "", "state", [], {}, { version: -1 }]) {
        if (policy.restore !== undefined) expect(policy.restore(state)).toBe(false);
      }
      expect(serves(policy)).toEqual(before);
    },
  },
];

function question(thing: string): SemanticQuestion {
  return { text: `tell me about the ${thing}`, population: "contract" };
}

function candidate(thing: string, similarity: number): SemanticCandidate {
  return { entryId: thing, text: `what about the ${thing} please`, similarity };
}

/** A policy that was told of many right answers, and some wrong ones. */
function taught(policy: SimilarityPolicy): SimilarityPolicy {
  for (let index = 0; index < 300; index++) {
    const thing = THINGS[index % THINGS.length]!;
    const near = index % 4 !== 0;
    const candidates = [candidate(thing, near ? 0.9 + (index % 7) / 100 : 0.5)];
    const asked = question(thing);
    const { audit } = policy.decide(asked, candidates);
    policy.learn?.({ question: asked, candidates, candidate: 0, right: near, source: audit === true ? "audit" : "answer" });
  }
  return policy;
}

function decisions(make: () => SimilarityPolicy): { decision: SemanticDecision; candidates: readonly SemanticCandidate[] }[] {
  return [make(), taught(make())].flatMap((policy) =>
    SIMILARITIES.flatMap((similarity) => {
      const others = THINGS.slice(1, 4).map((thing) => candidate(thing, similarity - 0.05));
      return [[candidate("quokka", similarity)], [candidate("quokka", similarity), ...others], others].map((candidates) => ({
        decision: policy.decide(question("quokka"), candidates),
        candidates,
      }));
    }),
  );
}

/** Whether each of some candidates is served, checked or not. */
function serves(policy: SimilarityPolicy): boolean[] {
  return SIMILARITIES.map(
    (similarity) => policy.decide(question("zeppelin"), [candidate("zeppelin", similarity)]).action === "serve",
  );
}
