/** TieredCache inside LangChain's own model classes, over HTTP to the DeepSeek stand-in, which counts what it was asked. */
import type { AIMessage } from "@langchain/core/messages";
import { ChatDeepSeek, type ChatDeepSeekInput } from "@langchain/deepseek";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import type { TieredCacheOptions } from "../../src/cache/cache-options.ts";
import { TieredCache } from "../../src/cache/tiered-cache.ts";
import { memoryTier } from "../../src/cache/tiers/memory.ts";
import type { DeepSeekStandInOptions } from "../../src/testing/deepseek-stand-in/options.ts";
import { startDeepSeekStandIn, type DeepSeekStandIn } from "../../src/testing/deepseek-stand-in/start.ts";
import { calmest, calmOne, durationOf } from "../support/calmest.ts";
import { hitOf } from "../support/model-answers.ts";

const QUESTION = "What is an order block?";

const rejections: unknown[] = [];
process.on("unhandledRejection", (reason) => void rejections.push(reason));
afterEach(() => expect(rejections.splice(0)).toEqual([]));

interface Bed {
  readonly standIn: DeepSeekStandIn;
  readonly cache: TieredCache;
  readonly model: ChatDeepSeek;
  /** Another model over the same cache. */
  readonly make: (options?: Partial<ChatDeepSeekInput>) => ChatDeepSeek;
}

async function bed(options: TieredCacheOptions = {}, server: DeepSeekStandInOptions = {}): Promise<Bed> {
  const standIn = await startDeepSeekStandIn({ delay: 0, ...server });
  const cache = new TieredCache({ tiers: [memoryTier()], ...options });
  onTestFinished(async () => {
    await cache.close();
    await standIn.close();
  });
  const make = (more?: Partial<ChatDeepSeekInput>): ChatDeepSeek =>
    new ChatDeepSeek({
      ...{ model: "deepseek-reasoner", apiKey: "none", maxRetries: 0, cache, configuration: { baseURL: standIn.url } },
      ...more,
    });
  return { standIn, cache, make, model: make() };
}

/** Longer than any wait for a model of which nothing is known but that it is slow. */
const slowly = { delay: { firstToken: 1_600, perToken: 0, jitter: 0 } };

/** A bed whose model answers slowly, and not before the cache was asked by so many calls. */
async function slowBed(calls: number): Promise<Bed> {
  let all = (): void => undefined;
  const haveAsked = new Promise<void>((resolve) => (all = resolve));
  const made = await bed({}, { ...slowly, replies: () => haveAsked.then(() => undefined) });
  const lookup = made.cache.lookup.bind(made.cache);
  let asked = 0;
  made.cache.lookup = (prompt, llmKey) => {
    if (++asked === calls) all();
    return lookup(prompt, llmKey);
  };
  return made;
}

function times<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}

function expectOneAnswer(messages: readonly AIMessage[]): void {
  expect(new Set(messages.map(({ content }) => content)).size).toBe(1);
  expect(new Set(messages.map(({ id }) => id)).size).toBe(messages.length);
  expect(new Set(messages).size).toBe(messages.length);
}

describe("a thousand identical calls at once", () => {
  test("are one request, however slow; all answers are equal and all ids differ", async () => {
    const { standIn, cache, model } = await slowBed(1_000);
    const messages = await Promise.all(times(1_000, () => model.invoke(QUESTION)));
    expect(standIn.calls).toHaveLength(1);
    expectOneAnswer(messages);
    expect(cache.stats()).toMatchObject({ hits: 999, coalesced: 999, misses: 1, writes: 1, hitRate: 0.999 });
    expect(messages.filter((message) => hitOf(message)?.tier === "coalesced")).toHaveLength(999);
  });

  test("are one request through batch()", async () => {
    const { standIn, model } = await slowBed(1_000);
    expectOneAnswer(await model.batch(times(1_000, () => QUESTION)));
    expect(standIn.calls).toHaveLength(1);
  });

  test("are one request after the model has answered something else within milliseconds", async () => {
    const { standIn, model } = await bed();
    await model.invoke("hi");
    standIn.reset();
    expectOneAnswer(await Promise.all(times(1_000, () => model.invoke(QUESTION))));
    expect(standIn.calls).toHaveLength(1);
  });

  test("of fifty questions are fifty requests", async () => {
    const { standIn, model } = await bed();
    const messages = await Promise.all(times(1_000, () => 0).map((_zero, index) => model.invoke(`Question ${index % 50}`)));
    expect(standIn.calls).toHaveLength(50);
    expect(new Set(messages.map(({ id }) => id)).size).toBe(1_000);
  });

  test("are as many requests with `coalesce: false`", async () => {
    const { standIn, model } = await bed({ coalesce: false });
    await Promise.all(times(100, () => model.invoke(QUESTION)));
    expect(standIn.calls).toHaveLength(100);
  });
});

describe("when the call of the first fails", () => {
  test("it gets the error; the others wait for `maxWait` and then ask, and all are answered", async () => {
    const askAll = async (): Promise<number> => {
      const { standIn, model } = await bed({ coalesce: { maxWait: 400 } }, { failures: [{ status: 500 }] });
      const started = performance.now();
      const outcomes = await Promise.allSettled(times(50, () => model.invoke(QUESTION)));
      const elapsed = performance.now() - started;
      expect(outcomes.filter(({ status }) => status === "rejected")).toHaveLength(1);
      expect(standIn.calls.length).toBeGreaterThan(1);
      expect(standIn.calls.length).toBeLessThanOrEqual(50);
      expect(elapsed).toBeGreaterThan(390);
      return elapsed;
    };
    expect(await calmest(3_000, askAll)).toBeLessThan(3_000);
  });

  test("its own next try waits for a second at most, the next ones not at all", async () => {
    const failures = times(3, () => ({ status: 500 as const }));
    const waits = async (): Promise<{ readonly second: number; readonly others: number }> => {
      const { standIn, model } = await bed({}, { failures });
      const waited: number[] = [];
      for (let attempt = 0; attempt < 4; attempt++) {
        waited.push(await durationOf(() => model.invoke(QUESTION).catch(() => undefined)));
      }
      expect(standIn.calls).toHaveLength(4);
      await model.invoke(QUESTION);
      expect(standIn.calls).toHaveLength(4);
      const [first = Infinity, second = Infinity, ...others] = waited;
      return { second, others: Math.max(first, ...others) };
    };
    // The second is counted from the beginning of the call that failed.
    const { second, others } = await calmOne(waits, (one) => one.second > 900 && one.second < 2_000 && one.others < 700);
    expect(second).toBeGreaterThan(900);
    expect(second).toBeLessThan(2_000);
    expect(others).toBeLessThan(700);
  });

  test("LangChain's own retries happen inside of one call, and the others share its answer", async () => {
    const { standIn, make } = await bed({}, { failures: [{ status: 500 }, { status: 503 }] });
    const model = make({ maxRetries: 3 });
    expectOneAnswer(await Promise.all(times(100, () => model.invoke(QUESTION))));
    expect(standIn.calls).toHaveLength(3);
  });

  test("because its caller left, the others are answered", async () => {
    const { model } = await bed({ coalesce: { maxWait: 500 } }, { delay: { firstToken: 300, perToken: 0, jitter: 0 } });
    const controller = new AbortController();
    const first = model.invoke(QUESTION, { signal: controller.signal });
    const others = times(20, () => model.invoke(QUESTION));
    setTimeout(() => controller.abort(), 100);
    await expect(first).rejects.toThrow(/abort/i);
    expect((await Promise.all(others)).every(({ content }) => content.length > 0)).toBe(true);
  });

  test("a broken-off answer is given to its caller and stored for nobody", async () => {
    const { standIn, model, cache } = await bed(
      {},
      { failures: [{ finish: "length" }, { finish: "content_filter" }, { empty: true }] },
    );
    for (let call = 0; call < 4; call++) await model.invoke(QUESTION);
    expect(standIn.calls).toHaveLength(4);
    expect(cache.stats().bypassed).toEqual({ "not-admitted": 3 });
    const hit = await model.invoke(QUESTION);
    expect(standIn.calls).toHaveLength(4);
    expect(hit.response_metadata["finish_reason"]).toBe("stop");
  });
});

describe("what a hit gives back through LangChain", () => {
  test("is R1's answer with its reasoning, no usage, and what was saved", async () => {
    const { standIn, model } = await bed();
    const first = await model.invoke(QUESTION);
    const hit = await model.invoke(QUESTION);
    expect(hit.content).toBe(first.content);
    expect(hit.additional_kwargs["reasoning_content"]).toBe(first.additional_kwargs["reasoning_content"]);
    expect(hit.contentBlocks).toEqual(first.contentBlocks);
    expect(hit.contentBlocks.map(({ type }) => type)).toEqual(["reasoning", "text"]);
    expect(hit.usage_metadata).toEqual({ input_tokens: 0, output_tokens: 0, total_tokens: 0 });
    expect(hitOf(hit).savedUsage).toEqual(first.usage_metadata);
    expect(JSON.stringify(first.response_metadata)).toContain(String(standIn.calls[0]?.usage?.total_tokens));
    const { strata: _strata, ...metadata } = hit.response_metadata;
    expect(JSON.stringify(metadata)).not.toContain(String(standIn.calls[0]?.usage?.total_tokens));
    expect(Object.keys(metadata).toSorted()).toEqual(Object.keys(first.response_metadata).toSorted());
  });

  test("leaves the first caller's message alone", async () => {
    const { model } = await bed();
    const first = await model.invoke(QUESTION);
    const before = JSON.stringify(first);
    const hit = await model.invoke(QUESTION);
    hit.content = "TAMPERED";
    hit.response_metadata["finish_reason"] = "TAMPERED";
    expect(JSON.stringify(first)).toBe(before);
    expect((await model.invoke(QUESTION)).content).toBe(first.content);
  });

  test("is told to callbacks as cached", async () => {
    const { model } = await bed();
    const cached: unknown[] = [];
    const callbacks = [
      { handleLLMEnd: (...given: unknown[]) => void cached.push((given[4] as { cached?: boolean } | undefined)?.cached) },
    ];
    for (let call = 0; call < 2; call++) await model.invoke(QUESTION, { callbacks });
    expect(cached).toEqual([undefined, true]);
  });

  test("in the v1 form has equal content blocks each time and does not grow", async () => {
    const { make } = await bed();
    const model = make({ outputVersion: "v1" });
    const first = await model.invoke(QUESTION);
    const sizes = new Set<number>();
    for (let call = 0; call < 20; call++) {
      const hit = await model.invoke(QUESTION);
      expect(hit.contentBlocks).toEqual(first.contentBlocks);
      const { strata: _strata, ...metadata } = hit.response_metadata;
      sizes.add(JSON.stringify([hit.content, hit.additional_kwargs, metadata, Object.keys(hit.lc_kwargs)]).length);
    }
    expect(sizes.size).toBe(1);
  });

  test("of a call that streamed is a chunk, as the first answer was", async () => {
    const { standIn, model } = await bed();
    const callbacks = [{ lc_prefer_streaming: true, name: "streams", handleLLMNewToken: () => undefined }];
    const first = await model.invoke(QUESTION, { callbacks });
    const hit = await model.invoke(QUESTION, { callbacks });
    expect(standIn.calls).toHaveLength(1);
    expect(hit.constructor).toBe(first.constructor);
    expect([hit.content, hit.additional_kwargs["reasoning_content"]]).toEqual([
      first.content,
      first.additional_kwargs["reasoning_content"],
    ]);
  });

  test("is parsed like the first answer by withStructuredOutput()", async () => {
    const { standIn, make } = await bed();
    const schema = z.object({ topic: z.string(), score: z.number() });
    const model = make({ model: "deepseek-chat" }).withStructuredOutput(schema, { name: "rating", method: "functionCalling" });
    const first = await model.invoke(QUESTION);
    expect(await model.invoke(QUESTION)).toEqual(first);
    expect(() => schema.parse(first)).not.toThrow();
    expect(standIn.calls).toHaveLength(1);
  });
});

test("model.stream() neither asks the cache nor fills it", async () => {
  const { standIn, cache, model } = await bed();
  for (let call = 0; call < 2; call++) for await (const _chunk of await model.stream(QUESTION));
  expect(standIn.calls).toHaveLength(2);
  expect(cache.stats()).toMatchObject({ hits: 0, misses: 0, writes: 0 });
});

test("a prompt with an image is asked each time", async () => {
  const { standIn, cache, make } = await bed({}, { models: [{ id: "sees", thinks: false, images: true }] });
  const model = make({ model: "sees" });
  for (const url of ["https://example.com/cat.png", "https://example.com/dog.png"]) {
    await model.invoke([
      {
        role: "user",
        content: [
          { type: "text", text: "What is this?" },
          { type: "image_url", image_url: { url } },
        ],
      },
    ]);
  }
  expect(standIn.calls).toHaveLength(2);
  expect(cache.stats().bypassed).toEqual({ placeholder: 4 });
});

test("answers go out before a slow tier has them", async () => {
  let isWritten = false;
  const slow = { ...memoryTier(), name: "slow", writes: "behind" as const, deadline: "5s" as const };
  const set = slow.set.bind(slow);
  slow.set = async (entries, options) => {
    await new Promise((resolve) => setTimeout(resolve, 500));
    await set(entries, options);
    isWritten = true;
  };
  const { model, cache } = await bed({ tiers: [slow] });
  await model.invoke(QUESTION);
  expect(isWritten).toBe(false);
  await cache.flush();
  expect(isWritten).toBe(true);
});
