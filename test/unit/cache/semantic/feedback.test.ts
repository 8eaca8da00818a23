import { describe, expect, it } from "vitest";
import { StrataConfigError } from "../../../../src/core/errors.ts";
import { TieredCache } from "../../../../src/cache/tiered-cache.ts";
import { memoryTier } from "../../../../src/cache/tiers/memory.ts";
import type { SemanticOutcome, SimilarityPolicy } from "../../../../src/cache/semantic/similarity-policy.ts";
import { semanticBed, type SemanticBed } from "../../../support/semantic-bed.ts";

const FIRST = "How do I reset my account password please";
const NEAR = "How do I reset my account password";

async function hitIdOf({ ask }: SemanticBed, question: string): Promise<string> {
  return String((await ask(question)).strata?.["hitId"]);
}

describe("the verdict", () => {
  it('"wrong" takes the answer away from that question for good, and leaves it with its own', async () => {
    const bed = semanticBed();
    await bed.ask(FIRST);
    await bed.cache.feedback(await hitIdOf(bed, NEAR), "wrong");
    expect(await bed.ask(NEAR)).toMatchObject({ text: "answer 2", strata: undefined });
    expect((await bed.ask(NEAR)).text).toBe("answer 2");
    expect((await bed.ask(FIRST)).text).toBe("answer 1");
    expect(bed.cache.stats().semantic).toMatchObject({ feedback: { right: 0, wrong: 1 }, reasons: { "told-wrong": 1 } });
    expect(bed.events).toContainEqual({ type: "semantic.feedback", verdict: "wrong", source: "semantic" });
  });

  it('"wrong" keeps the answer from what is no nearer than that', async () => {
    const bed = semanticBed();
    await bed.ask(FIRST);
    await bed.cache.feedback(await hitIdOf(bed, NEAR), "wrong");
    // One word away from the first question, as the wrong one was.
    expect((await bed.ask("How do I reset my account password kindly please thanks")).strata).toBeUndefined();
    expect((await bed.ask(`${FIRST}!`)).strata).toMatchObject({ source: "semantic" });
  });

  it('"wrong" teaches a policy that learns, and leaves it the decision', async () => {
    const learned: SemanticOutcome[] = [];
    const policy: SimilarityPolicy = {
      name: "pupil",
      decide: () => ({ action: "serve", candidate: 0, reason: "Always." }),
      learn: (outcome) => void learned.push(outcome),
    };
    const bed = semanticBed({ semantic: { policy } });
    await bed.ask(FIRST);
    await bed.cache.feedback(await hitIdOf(bed, NEAR), "wrong");
    expect(learned).toMatchObject([{ right: false, source: "feedback", question: { text: NEAR } }]);
    expect((await bed.ask(NEAR)).strata).toBeUndefined();
    expect((await bed.ask(`${NEAR} kindly`)).strata).toBeDefined();
  });

  it('"wrong" on an alias removes the alias', async () => {
    const policy: SimilarityPolicy = {
      name: "unsure",
      decide: () => ({ action: "verify", candidate: 0, reason: "Unsure." }),
    };
    const verifier = { name: "yes", verify: async () => true };
    const bed = semanticBed({ semantic: { policy, verifier } });
    await bed.ask(FIRST);
    await bed.ask(NEAR);
    expect(bed.index.size).toBe(2);
    await bed.cache.feedback(await hitIdOf(bed, NEAR), "wrong");
    expect(bed.index.size).toBe(1);
    expect((await bed.ask(NEAR)).text).toBe("answer 2");
  });

  it('"wrong" on an exact hit removes the answer, and nobody gets it by another question either', async () => {
    const bed = semanticBed();
    await bed.ask(FIRST);
    await bed.cache.feedback(await hitIdOf(bed, FIRST), "wrong");
    expect((await bed.ask(NEAR)).text).toBe("answer 2");
    expect((await bed.ask(FIRST)).strata).toMatchObject({ source: "semantic" });
  });

  it('"right" makes the question an alias that needs no embedding', async () => {
    const bed = semanticBed();
    await bed.ask(FIRST);
    await bed.cache.feedback(await hitIdOf(bed, NEAR), "right");
    const embedded = bed.embeddings.texts.length;
    expect(await bed.ask(NEAR)).toMatchObject({ text: "answer 1", strata: { similarity: 1 } });
    expect(bed.embeddings.texts).toHaveLength(embedded);
    expect(bed.cache.stats().semantic).toMatchObject({ aliases: 1, feedback: { right: 1, wrong: 0 } });
  });

  it("needs a hit that was given out, a verdict, and a semantic step", async () => {
    const { cache } = semanticBed();
    await expect(cache.feedback("none", "wrong")).rejects.toThrow(StrataConfigError);
    await expect(cache.feedback("none", "perhaps" as never)).rejects.toThrow('"right" or "wrong"');
    await expect(new TieredCache({ tiers: [memoryTier()] }).feedback("none", "wrong")).rejects.toThrow("semantic");
  });
});

describe("`similar`", () => {
  it("tells what would be served, and why or why not, without asking anybody", async () => {
    const bed = semanticBed();
    await bed.ask(FIRST);
    await bed.ask("Who may reset my account at night");
    const lookups = bed.cache.stats().semantic?.lookups;
    const entries = await bed.cache.similar(NEAR, { threshold: 0.2 });
    expect(entries).toMatchObject([
      { prompt: FIRST, answer: "answer 1", action: "serve", served: true, by: "model", veto: undefined },
      { action: "miss", served: false },
    ]);
    expect(entries[0]?.reason).toMatch(/^Similarity 0\.9\d+ is at or above 0\.85\.$/);
    expect(entries[0]!.similarity).toBeGreaterThan(entries[1]!.similarity);
    expect(bed.cache.stats().semantic?.lookups).toBe(lookups);
    expect(await bed.cache.similar(NEAR, { threshold: 0.8 })).toHaveLength(1);
    expect(await bed.cache.similar(NEAR, { threshold: 0.2, k: 1 })).toHaveLength(1);
  });

  it("names the veto", async () => {
    const bed = semanticBed();
    await bed.ask("How do I reset 3 of my account passwords");
    expect(await bed.cache.similar("How do I reset 4 of my account passwords")).toMatchObject([
      { action: "miss", served: false, veto: "number" },
    ]);
  });

  it("tells of answers that are gone, and of those that people refused", async () => {
    const bed = semanticBed();
    await bed.ask(FIRST);
    await bed.cache.feedback(await hitIdOf(bed, NEAR), "wrong");
    expect(await bed.cache.similar(`${NEAR} thanks`)).toMatchObject([
      { served: false, reason: expect.stringContaining("People") as string },
    ]);
    await bed.cache.feedback(await hitIdOf(bed, FIRST), "wrong");
    expect(await bed.cache.similar(`${NEAR} thanks`)).toMatchObject([
      { served: false, answer: undefined, reason: "Its answer is not there any more." },
    ]);
  });

  it("sees one scope alone", async () => {
    const bed = semanticBed();
    await bed.ask(FIRST);
    expect(await bed.cache.similar(NEAR, { scope: { tenant: "acme" } })).toHaveLength(1);
    expect(await bed.cache.similar(NEAR, { scope: { tenant: "globex" } })).toEqual([]);
    expect(await bed.cache.similar(NEAR, { scope: "global" })).toEqual([]);
  });
});

describe("`clusters`", () => {
  it("groups what people ask, with how often and what it saved", async () => {
    const usage = { input_tokens: 10, output_tokens: 20, total_tokens: 30 };
    const bed = semanticBed({ script: { reply: () => ({ content: "yes", usage_metadata: usage }) } });
    await bed.ask(FIRST);
    await bed.ask(NEAR);
    await bed.ask(FIRST);
    await bed.ask("What does the enterprise plan cost");
    expect(await bed.cache.clusters()).toEqual([
      { question: FIRST, questions: [FIRST], asked: 3, hits: 2, saved: { ms: expect.any(Number) as number, tokens: 60 } },
      {
        question: "What does the enterprise plan cost",
        questions: expect.any(Array) as string[],
        asked: 1,
        hits: 0,
        saved: { ms: 0, tokens: 0 },
      },
    ]);
    expect(await bed.cache.clusters({ limit: 1 })).toHaveLength(1);
    expect(await bed.cache.clusters({ scope: { tenant: "globex" } })).toEqual([]);
    expect(await bed.cache.clusters({ scope: { tenant: "acme" } })).toHaveLength(2);
    await expect(bed.cache.clusters({ similarity: 2 })).rejects.toThrow("clusters.similarity");
  });

  it("puts like questions together", async () => {
    const policy: SimilarityPolicy = { name: "never", decide: () => ({ action: "miss", reason: "Never." }) };
    const bed = semanticBed({ semantic: { policy } });
    for (const end of ["", " please", " thanks"]) await bed.ask(NEAR + end);
    await bed.ask("What does the enterprise plan cost");
    expect((await bed.cache.clusters()).map(({ questions }) => questions.length)).toEqual([3, 1]);
  });
});

describe("`configure`", () => {
  it("moves the thresholds of the static policy", async () => {
    const { ask, cache } = semanticBed();
    await ask(FIRST);
    await cache.configure({ similarity: 0.99 });
    expect((await ask(NEAR)).strata).toBeUndefined();
    await cache.configure({ similarity: { similarity: 0.5 } });
    expect((await ask("How do I reset my password")).strata).toMatchObject({ source: "semantic" });
  });

  it("changes nothing when some part is not accepted", async () => {
    const { ask, cache } = semanticBed();
    await ask(FIRST);
    await expect(cache.configure({ similarity: 0.99, tier: "nowhere", maxEntries: 1 })).rejects.toThrow("configure.tier");
    expect((await ask(NEAR)).strata).toMatchObject({ source: "semantic" });
    await expect(cache.configure({ similarity: 2 })).rejects.toThrow("similarity");
    const other = semanticBed({ semantic: { policy: { name: "mine", decide: () => ({ action: "miss", reason: "" }) } } });
    await expect(other.cache.configure({ similarity: 0.9 })).rejects.toThrow("configure.similarity");
    await expect(new TieredCache({ tiers: [memoryTier()] }).configure({ similarity: 0.9 })).rejects.toThrow("semantic");
  });
});
