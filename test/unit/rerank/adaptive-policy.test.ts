import { describe, expect, test } from "vitest";
import { manualClock } from "../../../src/core/clock.ts";
import { adaptivePolicy, type AdaptivePolicyOptions } from "../../../src/rerank/policies/adaptive.ts";
import { rerankPreset } from "../../../src/rerank/policies/presets.ts";
import { RerankCompressor } from "../../../src/rerank/rerank-compressor.ts";
import type { RerankSituation } from "../../../src/rerank/rerank-policy.ts";
import { fakeReranker } from "../../support/fake-reranker.ts";
import { seededRandom } from "../../support/seeded-random.ts";

function situation(best: number | undefined, rest: Partial<RerankSituation> = {}): RerankSituation {
  const firstScores = best === undefined ? undefined : [best, best - 1];
  return {
    ...{
      query: "q",
      candidates: 50,
      maxDepth: 50,
      topK: 10,
      firstStage: "dense",
      isLexical: false,
      firstScores,
      tier: undefined,
    },
    ...rest,
  };
}

/** Has seen best scores from 0 to 99. */
function learned(options: AdaptivePolicyOptions = {}): ReturnType<typeof adaptivePolicy> {
  const policy = adaptivePolicy({ explore: 0, ...options });
  for (let best = 0; best < 100; best++) policy.observe?.(situation(best));
  return policy;
}

describe("the adaptive policy", () => {
  test("reranks everything until it has seen 50 queries of this retriever", () => {
    const policy = adaptivePolicy({ explore: 0 });
    for (let seen = 0; seen < 50; seen++) {
      expect(policy.decide(situation(1_000))).toMatchObject({ action: "rerank", reason: "uncalibrated" });
      policy.observe?.(situation(seen));
    }
    expect(policy.decide(situation(1_000))).toMatchObject({ action: "skip", reason: "confident", quantile: 1 });
    expect(policy.decide(situation(1_000, { firstStage: "another" }))).toMatchObject({
      action: "rerank",
      reason: "uncalibrated",
    });
  });

  test("reranks the half whose best score is low for this retriever", () => {
    const policy = learned();
    const actions = Array.from({ length: 100 }, (_, best) => policy.decide(situation(best)).action);
    expect(actions.filter((action) => action === "rerank")).toHaveLength(50);
    expect(actions.indexOf("skip")).toBe(50);
  });

  test("never turns down what a search by words found, nor what bears no scores", () => {
    const policy = learned();
    expect(policy.decide(situation(1_000, { isLexical: true }))).toMatchObject({
      action: "rerank",
      reason: "lexical",
      depth: 50,
    });
    expect(policy.decide(situation(undefined))).toMatchObject({ action: "rerank", reason: "no-scores" });
  });

  test("looks at 20 documents after a dense retriever, at what it was told to otherwise", () => {
    expect(learned().decide(situation(1)).depth).toBe(20);
    expect(learned().decide(situation(1, { maxDepth: 8 })).depth).toBe(8);
    expect(learned({ depth: 30 }).decide(situation(1)).depth).toBe(30);
    expect(learned({ depth: { dense: 12 } }).decide(situation(1)).depth).toBe(12);
  });

  test("goes against its rule for one query in twenty", () => {
    const policy = learned({ explore: 0.05, random: seededRandom(1) });
    const explored = Array.from({ length: 2_000 }, () => policy.decide(situation(90))).filter(
      ({ reason }) => reason === "explored",
    );
    expect(explored.length).toBeGreaterThan(60);
    expect(explored.length).toBeLessThan(140);
    expect(explored.every(({ action }) => action === "rerank")).toBe(true);
  });

  test("gives each tier of users its share", () => {
    const policy = learned({ tiers: { free: 0.1, paid: 1 } });
    const at = (tier: string): string => policy.decide(situation(40, { tier })).action;
    expect([at("free"), at("paid"), at("unheard of")]).toEqual(["skip", "rerank", "rerank"]);
    expect(policy.decide(situation(99, { tier: "paid" })).action).toBe("rerank");
  });

  test("skips when the budget of the minute is spent, and goes on as it fills", async () => {
    const clock = manualClock();
    const policy = adaptivePolicy({ maxPerMinute: 2, clock, explore: 0 });
    const reasons = [1, 2, 3].map(() => policy.decide(situation(1)).reason);
    expect(reasons).toEqual(["uncalibrated", "uncalibrated", "budget"]);
    await clock.advance(30_000);
    expect(policy.decide(situation(1)).action).toBe("rerank");
    expect(policy.decide(situation(1)).reason).toBe("budget");
  });

  test("asks rules first, where there are some", () => {
    const policy = learned({ rules: [({ query }) => (/^how\b/.test(query) ? "rerank" : undefined), () => "skip"] });
    expect(policy.decide(situation(99, { query: "how come" }))).toMatchObject({ action: "rerank", reason: "rule" });
    expect(policy.decide(situation(1))).toMatchObject({ action: "skip", reason: "rule" });
  });

  test("takes up what another one learned", () => {
    const policy = adaptivePolicy({ explore: 0 });
    policy.restore(JSON.parse(JSON.stringify(learned().snapshot())) as Record<string, number[]>);
    expect(policy.decide(situation(80)).action).toBe("skip");
    expect(() => policy.restore({ dense: ["x"] as never })).toThrow(expect.objectContaining({ code: "CONFIG" }) as Error);
  });

  test.each<[string, object]>([
    ["adaptivePolicy.share", { share: 2 }],
    ["adaptivePolicy.tiers.free", { tiers: { free: "low" } }],
    ["adaptivePolicy.depth", { depth: 0 }],
    ["adaptivePolicy.depth.dense", { depth: { dense: -1 } }],
    ["adaptivePolicy.explore", { explore: -0.1 }],
    ["adaptivePolicy.quantile", { quantile: 0.5 }],
  ])("refuses a wrong %s", (option, options) => {
    expect(() => adaptivePolicy(options)).toThrow(expect.objectContaining({ code: "CONFIG", option }) as Error);
  });
});

describe("inside the compressor", () => {
  test("it learns from what is compressed, not from what is explained, with distances the right way round", async () => {
    const policy = adaptivePolicy({ explore: 0, minHistory: 4 });
    const reranker = fakeReranker();
    const compressor = new RerankCompressor({ reranker, policy, firstStage: "faiss", scoreCache: false });
    const found = (distance: number): { pageContent: string; metadata: object }[] =>
      [1, 2].map((text) => ({ pageContent: `text ${text}`, metadata: { score: distance + text } }));
    await compressor.explain("q", found(1));
    expect(policy.snapshot()).toEqual({});
    for (const distance of [1, 2, 3, 4]) await compressor.compressDocuments(found(distance), "q");
    expect(policy.snapshot()).toEqual({ faiss: [-2, -3, -4, -5] });
    // Nearer than ever is the surest.
    expect(await compressor.explain("q", found(0))).toMatchObject({ outcome: "skipped", reason: "confident", depth: 0 });
    expect(await compressor.explain("q", found(9))).toMatchObject({ outcome: "reranked", reason: "uncertain" });
  });

  test.each(["development", "staging", "production", "enterprise"] as const)("the preset for %s is accepted as it is", (name) => {
    expect(() => new RerankCompressor({ reranker: fakeReranker(), ...rerankPreset(name) })).not.toThrow();
  });
});
