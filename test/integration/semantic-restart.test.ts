/** What the semantic step knows outlives a process that is killed, and nothing is embedded again. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { calibratedPolicy } from "../../src/cache/semantic/policies/calibrated.ts";
import { diskTier } from "../../src/cache/tiers/disk.ts";
import { memoryTier } from "../../src/cache/tiers/memory.ts";
import { TieredCache } from "../../src/cache/tiered-cache.ts";
import { llmKey, textOf } from "../support/model-answers.ts";
import { aliasOf, countingPolicy, paraphraseOf, questionOf } from "../support/semantic-population.ts";
import { WordEmbeddings } from "../support/semantic-bed.ts";
import { startTypeScript } from "../support/typescript-child.ts";

const QUESTIONS = 10_000;
const ALIASES = 500;
/** About nine seconds where nothing else runs. */
const SLOW_MS = 120_000;

test(
  "10,000 questions, their aliases and what the policy learned survive kill -9 without one embedding",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "strata-semantic-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, "cache");
    const child = startTypeScript("test/fixtures/semantic-process.ts", [path, String(QUESTIONS), String(ALIASES)]);
    const told = await child.next();
    await child.kill();
    expect(told).toMatchObject({ right: ALIASES, learned: ALIASES, stats: { written: QUESTIONS + ALIASES, dropped: 0 } });

    const embeddings = new WordEmbeddings("words-1", 256);
    const policy = countingPolicy();
    const cache = new TieredCache({
      ...{ tiers: [memoryTier(), diskTier({ path })], scope: { tenant: "acme" }, coalesce: false },
      semantic: { embeddings, policy, verifier: { name: "no", verify: async () => false } },
    });
    onTestFinished(() => cache.close());
    const KEY = llmKey();
    const answer = async (prompt: string): Promise<string | undefined> => textOf(await cache.lookup(prompt, KEY));
    for (let number = 0; number < QUESTIONS; number += 7) expect(await answer(questionOf(number))).toBe(`answer ${number}`);
    for (let number = 0; number < ALIASES; number++) expect(await answer(aliasOf(number))).toBe(`answer ${number}`);
    expect(embeddings.texts).toEqual([]);
    expect(policy.learned()).toBe(ALIASES);
    expect(cache.stats().semantic).toMatchObject({ hits: ALIASES, reasons: { "known-question": ALIASES } });

    // The vectors are all there: a question is embedded, never what it is compared with.
    const near = await cache.similar(paraphraseOf(9_999));
    expect(near[0]).toMatchObject({ prompt: questionOf(9_999), answer: "answer 9999" });
    expect(embeddings.texts).toHaveLength(1);
    expect((await cache.clear({ scope: { tenant: "acme" } })) > QUESTIONS).toBe(true);
    expect(await cache.similar(paraphraseOf(9_999))).toEqual([]);
  },
  SLOW_MS,
);

test("what a calibrated policy learned survives kill -9, though nobody flushed the cache", async () => {
  const folder = mkdtempSync(join(tmpdir(), "strata-calibrated-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "cache");
  const child = startTypeScript("test/fixtures/calibrated-process.ts", [path]);
  const told = (await child.next()) as { populations: { labels: string }[] };
  await child.kill();
  expect(told.populations[0]?.labels.length).toBeGreaterThan(500);

  const policy = calibratedPolicy();
  const cache = new TieredCache({
    ...{ tiers: [diskTier({ path })], scope: { tenant: "acme" }, coalesce: false },
    semantic: { embeddings: new WordEmbeddings("words-1", 256), policy },
  });
  onTestFinished(() => cache.close());
  await cache.similar("anything at all");
  const restored = policy.export() as typeof told;
  expect(restored.populations[0]?.labels).toBe(told.populations[0]?.labels);
}, 240_000);
