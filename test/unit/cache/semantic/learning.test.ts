import { describe, expect, it } from "vitest";
import type { SemanticDecision, SemanticOutcome, SimilarityPolicy } from "../../../../src/cache/semantic/similarity-policy.ts";
import { semanticBed } from "../../../support/semantic-bed.ts";

const FIRST = "How do I reset my account password please";
const NEAR = "How do I reset my account password";

function pupil(decision: Partial<SemanticDecision> = {}): SimilarityPolicy & { readonly learned: SemanticOutcome[] } {
  const learned: SemanticOutcome[] = [];
  return {
    name: "pupil",
    learned,
    decide: (_question, candidates) =>
      candidates.length === 0
        ? { action: "miss", reason: "None." }
        : { action: "miss", candidate: 0, reason: "Not yet.", ...decision },
    learn: (outcome) => void learned.push(outcome),
  };
}

describe("after a miss", () => {
  it("an equal answer teaches that the candidate was right, another one that it was wrong", async () => {
    const policy = pupil();
    const { ask } = semanticBed({
      semantic: { policy },
      script: { reply: ({ number }) => (number < 3 ? "the same" : "another") },
    });
    await ask(FIRST);
    await ask(NEAR);
    await ask(`${NEAR} thanks`);
    expect(policy.learned.map(({ right, source }) => [right, source])).toEqual([
      [true, "answer"],
      [false, "answer"],
    ]);
    expect(policy.learned[0]?.question.text).toBe(NEAR);
    expect(policy.learned[0]?.candidates[0]?.text).toBe(FIRST);
  });

  it("`sameAnswer` decides where the texts differ", async () => {
    const policy = pupil();
    const asked: string[][] = [];
    const sameAnswer = async (a: string, b: string): Promise<boolean> => {
      asked.push([a, b]);
      return true;
    };
    const { ask } = semanticBed({ semantic: { policy, sameAnswer } });
    await ask(FIRST);
    await ask(NEAR);
    expect(asked).toEqual([["answer 1", "answer 2"]]);
    expect(policy.learned).toMatchObject([{ right: true }]);
  });

  it("a `sameAnswer` that fails teaches nothing, and the question is remembered all the same", async () => {
    const policy = pupil();
    const sameAnswer = () => {
      throw new Error("no");
    };
    const { ask, index } = semanticBed({ semantic: { policy, sameAnswer } });
    await ask(FIRST);
    await ask(NEAR);
    expect(policy.learned).toEqual([]);
    expect(index.size).toBe(2);
  });

  it("an audit is withheld, and its outcome is told from that of a miss", async () => {
    const policy = pupil({ action: "serve", audit: true });
    const { ask, cache } = semanticBed({ semantic: { policy }, script: { reply: () => "the same" } });
    await ask(FIRST);
    expect((await ask(NEAR)).strata).toBeUndefined();
    expect(policy.learned).toMatchObject([{ right: true, source: "audit" }]);
    expect(cache.stats().semantic).toMatchObject({ withheld: 1, withheldWere: { right: 1, wrong: 0 }, reasons: { audit: 1 } });
  });

  it("one embedding serves the lookup and the insertion", async () => {
    const { ask, embeddings } = semanticBed();
    await ask(FIRST);
    expect(embeddings.texts).toEqual([FIRST]);
  });

  it("a refreshed answer is embedded once, too, and stands for its question", async () => {
    const { ask, embeddings } = semanticBed();
    await ask(FIRST);
    await ask(FIRST, { configurable: { strata: { refresh: true } } });
    expect(embeddings.texts).toHaveLength(2);
    expect((await ask(NEAR)).text).toBe("answer 2");
  });

  it("an answer that calls tools is kept for its own question alone", async () => {
    const call = { content: "", tool_calls: [{ id: "c", name: "find", args: {} }] };
    const { ask, index } = semanticBed({ script: { reply: () => call } });
    await ask(FIRST);
    expect(index.size).toBe(0);
    expect((await ask(NEAR)).strata).toBeUndefined();
    const allowed = semanticBed({ script: { reply: () => call }, semantic: { include: ["tool-calls"] } });
    await allowed.ask(FIRST);
    expect((await allowed.ask(NEAR)).strata).toMatchObject({ source: "semantic" });
  });

  it("a question lives as long as its answer", async () => {
    const { ask, clock } = semanticBed({ ttl: "1h" });
    await ask(FIRST);
    await clock.advance(3_599_000);
    expect((await ask(NEAR)).strata).toMatchObject({ source: "semantic" });
    await clock.advance(2_000);
    expect((await ask(NEAR)).strata).toBeUndefined();
  });

  it("an answer past its life is served to nobody who asks in other words", async () => {
    const { ask, clock } = semanticBed({ ttl: "1h", stale: "1h" });
    await ask(FIRST);
    await clock.advance(3_601_000);
    expect((await ask(NEAR)).strata).toBeUndefined();
  });
});

describe("a rollout of the step", () => {
  it("in shadow mode learns and counts, and serves nothing; exact hits are served", async () => {
    const policy = pupil({ action: "serve" });
    const { ask, cache } = semanticBed({
      semantic: { policy, rollout: { mode: "shadow" } },
      script: { reply: ({ number }) => (number < 3 ? "the same" : "another") },
    });
    await ask(FIRST);
    expect((await ask(NEAR)).strata).toBeUndefined();
    expect((await ask(`${NEAR} thanks`)).strata).toBeUndefined();
    expect((await ask(NEAR)).strata).toMatchObject({ source: "exact" });
    expect(policy.learned.map(({ right }) => right)).toEqual([true, false]);
    expect(cache.stats().semantic).toMatchObject({ hits: 0, withheld: 2, withheldWere: { right: 1, wrong: 1 } });
  });

  it("of the whole cache holds for the step as well", async () => {
    const { ask, cache } = semanticBed({ rollout: { mode: "shadow" } });
    await ask(FIRST);
    expect((await ask(NEAR)).strata).toBeUndefined();
    expect(cache.stats().semantic).toMatchObject({ withheld: 1 });
  });

  it("may differ by scope", async () => {
    const scope = ({ config }: { config?: { configurable?: Record<string, unknown> } }) => ({
      tenant: String(config?.configurable?.["tenant"]),
    });
    const rollout = { mode: "shadow", scopes: [{ scope: { tenant: "acme" }, mode: "serve" }] } as const;
    const { ask } = semanticBed({ scope, semantic: { rollout } });
    for (const [tenant, source] of [
      ["acme", "semantic"],
      ["globex", undefined],
    ]) {
      await ask(FIRST, { configurable: { tenant } });
      expect((await ask(NEAR, { configurable: { tenant } })).strata?.["source"]).toBe(source);
    }
  });

  it("serves a share of the traffic, the same questions each time", async () => {
    const { ask } = semanticBed({ semantic: { rollout: { traffic: 0.5 }, policy: pupil({ action: "serve" }) } });
    await ask(FIRST);
    const numbers = Array.from({ length: 60 }, (_, number) => number);
    const served: boolean[] = [];
    for (const number of numbers) served.push((await ask(`${NEAR} of number ${number}`)).strata !== undefined);
    const share = served.filter(Boolean).length / numbers.length;
    expect(share).toBeGreaterThan(0.25);
    expect(share).toBeLessThan(0.75);
  });
});
