import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { calibratedPolicy } from "../../../../src/cache/semantic/policies/calibrated.ts";
import type { SimilarityPolicy } from "../../../../src/cache/semantic/similarity-policy.ts";
import { diskTier } from "../../../../src/cache/tiers/disk.ts";
import { memoryTier } from "../../../../src/cache/tiers/memory.ts";
import { scriptedTier } from "../../../support/scripted-tier.ts";
import { semanticBed, WordEmbeddings } from "../../../support/semantic-bed.ts";
import { paraphraseOf, questionOf } from "../../../support/semantic-population.ts";

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "strata-policy-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return join(path, "cache");
}

function pupil(state: { learned: unknown }): SimilarityPolicy {
  return {
    name: "pupil",
    decide: () => ({ action: "miss", candidate: 0, reason: "Not yet." }),
    learn: () => (state.learned = Number(state.learned) + 1),
    export: () => state.learned,
    restore: (restored) => {
      state.learned = restored;
      return typeof restored === "number";
    },
  };
}

const FIRST = "How do I reset my account password please";
const NEAR = "How do I reset my account password";

describe("what a policy has learned", () => {
  it("is there again after a restart, a calibrated policy's too", async () => {
    const path = folder();
    const before = calibratedPolicy({ random: () => 0.9 });
    const first = semanticBed({
      tiers: [memoryTier(), diskTier({ path })],
      semantic: { policy: before, sameAnswer: (a, b) => a.length === b.length },
    });
    for (let number = 0; number < 40; number++) {
      await first.ask(questionOf(number));
      await first.ask(paraphraseOf(number));
    }
    expect(first.cache.stats().semantic?.faults).toEqual({});
    const learned = JSON.stringify(before.export());
    await first.cache.close();

    const after = calibratedPolicy({ random: () => 0.9 });
    const second = semanticBed({ tiers: [memoryTier(), diskTier({ path })], semantic: { policy: after } });
    await second.cache.similar(paraphraseOf(1));
    expect(learned.length).toBeGreaterThan(1_000);
    expect(JSON.stringify(after.export())).toBe(learned);
    await second.cache.close();
  });

  it("is written a second after it changed, without being asked to", async () => {
    const state = { learned: 0 };
    const tier = scriptedTier({ name: "watched" });
    const { model, clock } = semanticBed({ tiers: [memoryTier(), tier], semantic: { policy: pupil(state) } });
    const written = async (): Promise<number> => {
      let states = 0;
      for await (const { value } of tier.entries()) if (Buffer.from(value).includes('"partitions"')) states++;
      return states;
    };
    await model.invoke(FIRST);
    await model.invoke(NEAR);
    await clock.advance(900);
    expect(await written()).toBe(0);
    await clock.advance(200);
    expect(await written()).toBe(1);
  });

  it("of one embedding model says nothing of another", async () => {
    const path = folder();
    const [before, after] = [{ learned: 0 }, { learned: 0 }];
    const first = semanticBed({ tiers: [diskTier({ path })], semantic: { policy: pupil(before) } });
    await first.ask(FIRST);
    await first.ask(NEAR);
    await first.cache.close();
    expect(before.learned).toBe(1);
    const semantic = { policy: pupil(after), embeddings: new WordEmbeddings("words-2") };
    const second = semanticBed({ tiers: [diskTier({ path })], semantic });
    await second.ask("What does the enterprise plan cost");
    await second.cache.close();
    expect(after.learned).toBe(0);
  });

  it("that cannot be stored, or is not understood, is a fault and no more", async () => {
    const path = folder();
    let exported: unknown = Number.NaN;
    const policy = { ...pupil({ learned: 0 }), export: () => exported };
    const first = semanticBed({ tiers: [diskTier({ path })], semantic: { policy } });
    await first.ask(FIRST);
    await first.ask(NEAR);
    expect(first.cache.stats().semantic?.faults).toMatchObject({ policy: expect.any(Number) as number });
    exported = "something else";
    await first.ask(`${NEAR} thanks`);
    await first.cache.close();
    const state = { learned: 0 };
    const second = semanticBed({ tiers: [diskTier({ path })], semantic: { policy: pupil(state) } });
    expect((await second.ask(FIRST)).text).toBe("answer 1");
    expect((await second.ask(`${NEAR} kindly`)).strata).toBeUndefined();
    expect(second.cache.stats().semantic?.faults).toMatchObject({ policy: 1 });
    await second.cache.close();
  });
});
