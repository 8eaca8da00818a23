import { expect, test } from "vitest";
import { calibratedPolicy } from "../../src/cache/semantic/policies/calibrated.ts";
import { staticPolicy } from "../../src/cache/semantic/policies/static.ts";
import type {
  SemanticCandidate,
  SemanticDecision,
  SemanticQuestion,
  SimilarityPolicy,
} from "../../src/cache/semantic/similarity-policy.ts";
import { SIMILARITY_POLICY_PROMISES } from "../../src/testing/similarity-policy-contract/promises.ts";

/** A sound policy whose decisions are changed on their way out. */
function changed(
  change: (sound: SemanticDecision, question: SemanticQuestion, candidates: readonly SemanticCandidate[]) => SemanticDecision,
): () => SimilarityPolicy {
  return () => {
    const sound = staticPolicy();
    return { name: "broken", decide: (question, candidates) => change(sound.decide(question, candidates), question, candidates) };
  };
}

function forgetful(): SimilarityPolicy {
  return { ...calibratedPolicy({ maxWrongHits: 0.2, random: () => 0.99 }), restore: () => true };
}

function credulous(): SimilarityPolicy {
  const sound = staticPolicy();
  let least = 2;
  return {
    name: "credulous",
    decide: (question, candidates) =>
      least > 1 ? sound.decide(question, candidates) : { action: "serve", candidate: 0, reason: "Told." },
    restore(state) {
      if (state === undefined) return false;
      least = 0;
      return false;
    },
  };
}

/** Each kind of fault, and the promise that it must break. */
const FAULTS: ReadonlyArray<readonly [fault: string, make: () => SimilarityPolicy, breaks: RegExp]> = [
  ["serves without a candidate", changed((sound) => ({ ...sound, action: "serve", candidate: 0 })), /no candidate is a miss/],
  ["names a candidate that is not there", changed((sound) => ({ ...sound, candidate: 9 })), /names one of the candidates/],
  ["serves nobody knows what", changed(({ action, reason }) => ({ action, reason })), /names one of the candidates/],
  ["is surer than sure", changed((sound) => ({ ...sound, confidence: 1.2 })), /from 0 to 1/],
  ["says nothing", changed((sound) => ({ ...sound, reason: "" })), /the reason is a sentence/],
  ["quotes the question", changed((sound, { text }) => ({ ...sound, reason: `${text}.` })), /quotes no question/],
  ["serves against its own veto", changed((sound) => ({ ...sound, veto: "number" })), /what a veto forbids/],
  [
    "compares the wrong way round",
    changed((sound, _question, candidates) =>
      candidates[0]!.similarity < 0.85 ? sound : { ...sound, action: "serve", candidate: 0 },
    ),
    /no candidate is a miss|no number/,
  ],
  [
    "changes what it was given",
    changed((sound, _question, candidates) => {
      (candidates as SemanticCandidate[]).reverse();
      return sound;
    }),
    /stays as it is/,
  ],
  ["says that it restored, and did not", forgetful, /survives as JSON/],
  ["takes up any state", credulous, /does not know/],
];

test.each(FAULTS)("the contract fails a policy that %s", (_fault, make, breaks) => {
  const broken = SIMILARITY_POLICY_PROMISES.filter(({ check }) => {
    try {
      check(make);
      return false;
    } catch {
      return true;
    }
  }).map(({ name }) => name);
  expect(broken.join("\n")).toMatch(breaks);
});
