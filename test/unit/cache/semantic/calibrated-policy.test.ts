import { describe, expect, test } from "vitest";
import { calibratedPolicy } from "../../../../src/cache/semantic/policies/calibrated.ts";
import type { SemanticCandidate, SemanticDecision } from "../../../../src/cache/semantic/similarity-policy.ts";
import { StrataConfigError } from "../../../../src/core/errors.ts";
import { seededRandom } from "../../../support/seeded-random.ts";

type Policy = ReturnType<typeof calibratedPolicy>;

interface Request {
  readonly text: string;
  readonly candidates: readonly SemanticCandidate[];
  readonly right: boolean;
}

/** Questions about made-up things, each with one neighbour, which is right with a probability that its cosine tells. */
function requests(count: number, seed: number, rightAt: (similarity: number) => number): Request[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => {
    const thing = Array.from({ length: 9 }, () => String.fromCharCode(97 + Math.floor(random() * 26))).join("");
    const similarity = 0.7 + 0.3 * random();
    const candidates = [{ entryId: thing, text: `what about ${thing} please`, similarity }];
    return { text: `tell me about ${thing}`, candidates, right: random() < rightAt(similarity) };
  });
}

/** Sends requests through; tells what is right after each miss, and each audit. */
function play(
  policy: Policy,
  all: readonly Request[],
  population = "p",
): { hits: number; wrong: number; audits: number; first: number } {
  let [hits, wrong, audits, first] = [0, 0, 0, -1];
  for (const [index, { text, candidates, right }] of all.entries()) {
    const question = { text, population };
    const { action, audit, candidate = 0 } = policy.decide(question, candidates);
    if (action === "serve" && audit !== true) {
      hits++;
      if (first < 0) first = index;
      if (!right) wrong++;
    } else {
      if (audit === true && action === "serve") audits++;
      policy.learn({ question, candidates, candidate, right, source: audit === true ? "audit" : "answer" });
    }
  }
  return { hits, wrong, audits, first };
}

const steep = (similarity: number): number => 1 / (1 + Math.exp(-90 * (similarity - 0.88)));

describe("calibratedPolicy", () => {
  test.each([1, 2, 3, 4])(
    "keeps its promise on a population where the cosine tells, and serves most of what it may (seed %i)",
    (seed) => {
      const { hits, wrong, audits } = play(calibratedPolicy({ random: seededRandom(seed) }), requests(4_000, seed + 10, steep));
      expect(hits).toBeGreaterThan(500);
      expect(wrong / hits).toBeLessThan(0.02);
      expect(audits / (hits + audits)).toBeGreaterThan(0.025);
      expect(audits / (hits + audits)).toBeLessThan(0.08);
    },
  );

  test("serves nothing where one in ten is wrong however near it is", () => {
    for (const seed of [1, 2]) {
      const { hits } = play(
        calibratedPolicy({ random: seededRandom(seed) }),
        requests(3_000, seed + 20, () => 0.9),
      );
      expect(hits).toBeLessThan(30);
    }
  });

  test("a laxer promise serves more", () => {
    const shares = [0.01, 0.05, 0.2].map((maxWrongHits) => {
      return play(calibratedPolicy({ maxWrongHits, random: seededRandom(5) }), requests(3_000, 6, steep)).hits;
    });
    expect(shares[0]).toBeLessThan(shares[1]!);
    expect(shares[1]).toBeLessThan(shares[2]!);
  });

  test("serves nothing before it was shown a hundred outcomes", () => {
    expect(
      play(
        calibratedPolicy({ random: seededRandom(1) }),
        requests(2_000, 9, () => 1),
      ).first,
    ).toBeGreaterThanOrEqual(100);
  });

  test("stops when the stream turns bad, and comes back when it is good again", { timeout: 240_000 }, () => {
    const policy = calibratedPolicy({ random: seededRandom(2) });
    expect(play(policy, requests(3_000, 30, steep)).hits).toBeGreaterThan(500);
    const bad = play(
      policy,
      requests(3_000, 31, () => 0),
    );
    expect(bad.hits).toBeLessThan(250);
    expect(
      play(
        policy,
        requests(1_000, 32, () => 0),
      ).hits,
    ).toBe(0);
    expect(play(policy, requests(6_000, 33, steep)).hits).toBeGreaterThan(200);
  });

  test("a nearer candidate is never less probable", () => {
    const policy = calibratedPolicy({ random: seededRandom(3) });
    play(policy, requests(1_500, 40, steep));
    let last = 0;
    for (let similarity = 0.6; similarity <= 1; similarity += 0.01) {
      const { confidence = 0 } = decide(policy, similarity);
      expect(confidence).toBeGreaterThanOrEqual(last);
      last = confidence;
    }
  });

  test("what was learned of one population says nothing of another", () => {
    const policy = calibratedPolicy({ random: seededRandom(4) });
    play(policy, requests(2_000, 50, steep), "one");
    expect(decide(policy, 0.99, "one").action).toBe("serve");
    expect(decide(policy, 0.99, "other").action).not.toBe("serve");
  });

  test("a complaint tells against its entry at once", () => {
    const policy = calibratedPolicy({ random: seededRandom(4) });
    play(policy, requests(2_000, 60, steep));
    const before = decide(policy, 0.99);
    const question = { text: "tell me about thermodynamics", population: "p" };
    const candidates = [{ entryId: "e", text: "what about thermodynamics please", similarity: 0.99 }];
    policy.learn({ question, candidates, candidate: 0, right: false, source: "feedback" });
    const after = decide(policy, 0.99);
    expect(before.action).toBe("serve");
    expect(after.action).not.toBe("serve");
    expect(after.confidence).toBeLessThan(before.confidence ?? 0);
  });

  test("praise and verdicts of a verifier alone open nothing", () => {
    for (const source of ["feedback", "verifier"] as const) {
      const policy = calibratedPolicy({ random: seededRandom(4) });
      for (const { text, candidates } of requests(1_000, 70, () => 1)) {
        policy.learn({ question: { text, population: "p" }, candidates, candidate: 0, right: true, source });
      }
      expect(decide(policy, 0.99).action).not.toBe("serve");
    }
  });

  test("what it learned survives as JSON, and decides the same", () => {
    const policy = calibratedPolicy({ random: () => 0.99 });
    play(policy, requests(2_000, 80, steep));
    const state: unknown = JSON.parse(JSON.stringify(policy.export()));
    const copy = calibratedPolicy({ random: () => 0.99 });
    expect(copy.restore(state)).toBe(true);
    for (const similarity of [0.75, 0.85, 0.9, 0.99]) {
      const [a, b] = [decide(policy, similarity), decide(copy, similarity)];
      expect(b.action === "serve").toBe(a.action === "serve");
      expect(b.confidence).toBeCloseTo(a.confidence ?? 0, 2);
    }
    expect(JSON.stringify(state)).not.toContain("what about");
  });

  test("refuses a state that it does not understand, and goes on as it was", () => {
    const policy = calibratedPolicy({ random: seededRandom(4) });
    play(policy, requests(2_000, 50, steep));
    const good = policy.export() as { version: number; populations: { labels: string; stakes: unknown }[] };
    const spoilt: unknown[] = [
      ...[undefined, null, 1, "x", [], {}],
      { ...good, version: 99 },
      { ...good, populations: [{}] },
      { ...good, populations: good.populations.map((one) => ({ ...one, labels: one.labels.slice(0, 100) })) },
      { ...good, populations: good.populations.map((one) => ({ ...one, stakes: [Number.NaN] })) },
    ];
    for (const state of spoilt) expect(policy.restore(state)).toBe(false);
    expect(decide(policy, 0.99).action).toBe("serve");
  });

  test("a verifier is asked about the probable ones, within the budget of calls", () => {
    for (const verify of [0.1, 0.3]) {
      const policy = calibratedPolicy({ verify, random: seededRandom(8) });
      let calls = 0;
      for (const { text, candidates, right } of requests(2_000, 90, (similarity) => (similarity > 0.8 ? 0.7 : 0.1))) {
        const question = { text, population: "p" };
        const { action, candidate = 0 } = policy.decide(question, candidates);
        if (action === "verify") calls++;
        policy.learn({ question, candidates, candidate, right, source: action === "verify" ? "verifier" : "answer" });
      }
      expect(calls / 2_000).toBeLessThan(verify + 0.01);
      expect(calls / 2_000).toBeGreaterThan(verify * 0.6);
    }
    expect(play(calibratedPolicy({ verify: 0 }), requests(10, 1, steep)).hits).toBe(0);
  });

  test("every decision says why, and quotes no question", () => {
    const policy = calibratedPolicy({ random: seededRandom(3) });
    play(policy, requests(1_500, 40, steep));
    for (const similarity of [0.6, 0.99]) {
      const { reason } = decide(policy, similarity);
      expect(reason).toMatch(/^[A-Z].*\.$/);
      expect(reason).not.toContain("thermo");
    }
  });

  test("no candidate is a miss", () => {
    expect(calibratedPolicy().decide({ text: "x", population: "p" }, [])).toMatchObject({ action: "miss" });
  });

  test.each([
    [{ maxWrongHits: 0 }],
    [{ maxWrongHits: 0.6 }],
    [{ audit: 0 }],
    [{ verify: 2 }],
    [{ target: 0.02 }],
    [{ random: 1 }],
  ])("refuses %o", (options) => {
    expect(() => calibratedPolicy(options as object)).toThrow(StrataConfigError);
  });
});

function decide(policy: Policy, similarity: number, population = "p"): SemanticDecision {
  const candidates = [{ entryId: "e", text: "what about thermodynamics please", similarity }];
  return policy.decide({ text: "tell me about thermodynamics", population }, candidates);
}
