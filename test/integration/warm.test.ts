import { ChatDeepSeek } from "@langchain/deepseek";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hitOf, memoryTier, TieredCache, type WarmProgress } from "../../src/index.ts";
import { startDeepSeekStandIn, type DeepSeekStandIn } from "../../src/testing/deepseek-stand-in/start.ts";

let standIn: DeepSeekStandIn;
let cache: TieredCache;

beforeEach(async () => {
  standIn = await startDeepSeekStandIn({ delay: 0 });
  cache = new TieredCache({ tiers: [memoryTier()] });
});

afterEach(async () => {
  await cache.close();
  await standIn.close();
});

function model(own?: TieredCache): ChatDeepSeek {
  const configuration = { baseURL: standIn.url };
  return new ChatDeepSeek({
    model: "deepseek-reasoner",
    apiKey: "none",
    maxRetries: 0,
    configuration,
    ...(own && { cache: own }),
  });
}

const QUESTIONS = Array.from({ length: 10 }, (_, index) => `What is rule ${index}?`);

test("asks each question once, tells its progress, and people find the answers", async () => {
  const progress: WarmProgress[] = [];
  const report = await cache.warm(QUESTIONS, { model: model(cache), concurrency: 3, onProgress: (step) => progress.push(step) });
  expect(report).toMatchObject({ done: 10, filled: 10, hits: 0, failed: [], stopped: false });
  expect(progress.map(({ done }) => done)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  expect(progress.at(-1)?.total).toBe(10);
  expect(hitOf(await model(cache).invoke("What is rule 3?"))).toMatchObject({ tier: "memory" });
  expect(standIn.calls).toHaveLength(10);
});

test("a second time costs nothing", async () => {
  await cache.warm(QUESTIONS, { model: model(cache) });
  expect(await cache.warm(QUESTIONS, { model: model(cache) })).toMatchObject({ hits: 10, filled: 0 });
  expect(standIn.calls).toHaveLength(10);
});

test("takes questions from a stream, never more at once than it is told", async () => {
  let [underWay, most] = [0, 0];
  async function* stream(): AsyncGenerator<string> {
    for (const question of QUESTIONS) yield question;
  }
  const counted = model(cache);
  const report = await cache.warm(stream(), {
    model: counted.withConfig({
      callbacks: [
        {
          handleChatModelStart: () => {
            most = Math.max(most, ++underWay);
          },
          handleLLMEnd: () => void underWay--,
        },
      ],
    }) as never,
    concurrency: 2,
  });
  expect(report).toMatchObject({ done: 10, filled: 10 });
  expect(most).toBeLessThanOrEqual(2);
  expect(most).toBeGreaterThan(0);
});

test("reports what failed and goes on", async () => {
  standIn.fail(null, { status: 500 }, null);
  const report = await cache.warm(QUESTIONS.slice(0, 3), { model: model(cache), concurrency: 1 });
  expect(report).toMatchObject({ done: 3, filled: 2 });
  expect(report.failed.map(({ query }) => query)).toEqual(["What is rule 1?"]);
});

test("stops at the signal and says so", async () => {
  const controller = new AbortController();
  const report = await cache.warm(QUESTIONS, {
    model: model(cache),
    concurrency: 1,
    signal: controller.signal,
    onProgress: ({ done }) => {
      if (done === 4) controller.abort();
    },
  });
  expect(report).toMatchObject({ done: 4, stopped: true });
  expect(standIn.calls.length).toBeLessThanOrEqual(5);
});

test("gives a model without a cache this one", async () => {
  await cache.warm(["What is a cache?"], { model: model() });
  expect(await cache.warm(["What is a cache?"], { model: model() })).toMatchObject({ hits: 1, filled: 0 });
});

test("nobody goes on asking after `onProgress` has thrown", async () => {
  const onProgress = (): never => {
    throw new Error("mine");
  };
  await expect(cache.warm(QUESTIONS, { model: model(), concurrency: 2, onProgress })).rejects.toThrow("mine");
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(standIn.calls.length).toBeLessThanOrEqual(2);
});

test("a bad option names itself", async () => {
  await expect(cache.warm("one question" as never, { model: model() })).rejects.toThrow("warm.queries");
  await expect(cache.warm(["a"], {} as never)).rejects.toThrow("warm.model");
  await expect(cache.warm(["a"], { model: model(), onProgress: 7 as never })).rejects.toThrow("warm.onProgress");
  expect(standIn.calls).toHaveLength(0);
  await expect(cache.warm([], { model: model(), concurrency: 0 })).rejects.toThrow("warm.concurrency");
});
