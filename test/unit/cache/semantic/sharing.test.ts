/** The step among the other habits of the cache: single flight, stored prompts, closing. */
import { expect, it } from "vitest";
import { cacheModel } from "../../../../src/cache/model/cached-model.ts";
import { TieredCache } from "../../../../src/cache/tiered-cache.ts";
import { memoryTier } from "../../../../src/cache/tiers/memory.ts";
import { chatAnswer, llmKey, textOf } from "../../../support/model-answers.ts";
import { ScriptedModel, settled } from "../../../support/scripted-model.ts";
import { semanticBed } from "../../../support/semantic-bed.ts";

const FIRST = "How do I reset my account password please";
const NEAR = "How do I reset my account password";

it("fifty who ask the same at once cost one embedding, and all are served", async () => {
  const { ask, model, embeddings, original, cache } = semanticBed({ coalesce: true });
  await ask(FIRST);
  const answers = await Promise.all(Array.from({ length: 50 }, () => model.invoke(NEAR)));
  const hits = answers.map(({ response_metadata }) => response_metadata["strata"] as { source: string; hitId: string });
  expect(new Set(hits.map(({ source }) => source))).toEqual(new Set(["semantic"]));
  expect(new Set(hits.map(({ hitId }) => hitId)).size).toBe(50);
  expect([embeddings.texts.length, original.calls.length]).toEqual([2, 1]);
  await cache.feedback(hits[17]?.hitId ?? "", "wrong");
  expect((await ask(NEAR)).strata).toBeUndefined();
});

it("so it is through LangChain's own interface", async () => {
  const { cache, embeddings } = semanticBed({ coalesce: true });
  const KEY = llmKey();
  await cache.update(`Human: ${FIRST}`, KEY, chatAnswer("yes"));
  await cache.flush();
  const found = await Promise.all(Array.from({ length: 50 }, () => cache.lookup(`Human: ${NEAR}`, KEY)));
  expect(new Set(found.map(textOf))).toEqual(new Set(["yes"]));
  expect(embeddings.texts).toHaveLength(2);
});

it("the last turn is kept beside the answer where prompts are stored, and nowhere else", async () => {
  for (const [storePrompts, isThere] of [
    [true, true],
    [false, false],
    [undefined, false],
  ] as const) {
    const tier = memoryTier();
    const cache = new TieredCache({ tiers: [tier], storePrompts });
    await cacheModel(new ScriptedModel({ model: "m" }), { cache }).invoke("a question that is kept");
    await cache.update("System: a system prompt\nHuman: a question that is kept", llmKey(), chatAnswer("yes"));
    await cache.flush();
    const stored: string[] = [];
    for await (const { value } of tier.entries()) stored.push(Buffer.from(value).toString("utf8"));
    expect(stored).toHaveLength(2);
    expect(stored.map((text) => text.includes("a question that is kept"))).toEqual([isThere, isThere]);
    expect(stored.some((text) => text.includes("a system prompt"))).toBe(false);
  }
  const { cache } = semanticBed();
  await expect(cache.close()).resolves.toBeUndefined();
  expect(() => semanticBed({ storePrompts: false })).toThrow("storePrompts");
});

it("a judge that hangs keeps neither questions from being remembered nor the cache from closing", async () => {
  const policy = {
    name: "pupil",
    decide: () => ({ action: "miss", candidate: 0, reason: "Not yet." }) as const,
    learn: () => undefined,
  };
  const { model, cache, clock, index } = semanticBed({
    semantic: { policy, sameAnswer: () => new Promise<boolean>(() => undefined) },
  });
  await model.invoke(FIRST);
  await settled();
  await model.invoke(NEAR);
  await settled();
  await settled();
  expect(index.size).toBe(2);
  let closed = false;
  void cache.close().then(() => (closed = true));
  await clock.advance(10_001);
  await settled();
  expect(closed).toBe(true);
  expect(index.closed).toBe(1);
});
