import { HumanMessage, SystemMessage } from "@langchain/core/messages";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { DecayedCounts } from "../../../src/cache/prediction/decayed-counts.ts";
import { keepWarm, warmPopular } from "../../../src/cache/prediction/keep-warm.ts";
import { PopularQuestions } from "../../../src/cache/prediction/popular-questions.ts";
import { TieredCache } from "../../../src/cache/tiered-cache.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { manualClock, type ManualClock } from "../../../src/core/clock.ts";

const opened: { close(): Promise<unknown> }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).toReversed()) await one.close();
});

const counts = (capacity: number): DecayedCounts<undefined> => new DecayedCounts({ halfLifeMs: 1_000, capacity });
const seen = (): undefined => undefined;

describe("decayed counts", () => {
  test("halve in each half-life, whatever is counted meanwhile", () => {
    const sketch = counts(10);
    for (let i = 0; i < 8; i++) sketch.count("old", 0, seen);
    sketch.count("new", 3_000, seen);
    expect(sketch.top(2, 3_000).map(({ name, weight }) => [name, weight])).toEqual([
      ["new", 1],
      ["old", 1],
    ]);
    expect(sketch.top(1, 5_000)[0]?.weight).toBeCloseTo(0.25, 10);
  });

  test("never run over, however long they are kept", () => {
    const sketch = counts(4);
    for (let i = 0; i < 200; i++) sketch.count("a", i * 100_000, seen);
    const [top] = sketch.top(1, 199 * 100_000);
    expect(top?.weight).toBeCloseTo(1, 6);
  });

  test("keep no more than they may, lose nothing that is frequent, and overestimate within the promise", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 25 }), { maxLength: 300 }),
        fc.integer({ min: 2, max: 10 }),
        (names, capacity) => {
          const sketch = counts(capacity);
          const exact = new Map<string, number>();
          for (const name of names) {
            sketch.count(String(name), 0, seen);
            exact.set(String(name), (exact.get(String(name)) ?? 0) + 1);
          }
          const all = sketch.top(100, 0);
          expect(all.length).toBeLessThanOrEqual(capacity);
          const rarest = all.at(-1)?.weight ?? 0;
          for (const { name, weight } of all) {
            const right = exact.get(name) ?? 0;
            expect(weight).toBeGreaterThanOrEqual(right);
            expect(weight - right).toBeLessThanOrEqual(rarest);
          }
          // Space-Saving: whatever was asked more than N / capacity times is there.
          for (const [name, times] of exact) {
            if (times > names.length / capacity) expect(all.map((one) => one.name)).toContain(name);
          }
        },
      ),
    );
  });
});

interface Bed {
  readonly clock: ManualClock;
  readonly cache: TieredCache;
  readonly popular: PopularQuestions;
  /** As people ask it. */
  readonly model: FakeListChatModel;
  /** As warming asks it. */
  readonly behind: FakeListChatModel;
}

function newBed(): Bed {
  const clock = manualClock();
  const cache = new TieredCache({
    tiers: [memoryTier()],
    clock,
    ttl: "10m",
    storePrompts: true,
    random: () => 0.5,
    modelId: "m",
  });
  opened.push(cache);
  const popular = new PopularQuestions({ cache, ttl: "10m", clock });
  const responses = Array.from({ length: 500 }, (_, index) => `answer ${index}`);
  const behind = new FakeListChatModel({ responses, cache });
  const model = new FakeListChatModel({ responses, cache, callbacks: [popular.callback()] });
  return { clock, cache, popular, model, behind };
}

test("questions are counted as people ask them, hits included, and it is known when their answers run out", async () => {
  const { popular, model, clock } = newBed();
  await model.invoke("popular?");
  await clock.advance(60_000);
  for (let i = 0; i < 3; i++) await model.invoke("popular?");
  await model.invoke([new SystemMessage("Be brief."), new HumanMessage("rare?")]);
  await model.invoke([new HumanMessage("a"), new HumanMessage("talk")]);
  const [first, second, ...others] = popular.top(10);
  expect(first).toMatchObject({ question: "popular?", expiresInMs: 9 * 60_000 });
  expect(first?.weight).toBeCloseTo(4, 1);
  expect(second?.question).toBe("rare?");
  expect(others).toEqual([]);
});

test("what is popular is answered anew before it runs out, within the budget, and people find it", async () => {
  const { popular, model, behind, clock, cache } = newBed();
  for (const question of ["a?", "b?", "c?", "c?", "b?", "a?", "a?", "once?"]) await model.invoke(question);
  expect(await warmPopular({ cache, popular, model: behind })).toMatchObject({ done: 0 });
  await clock.advance(8 * 60_000);
  const report = await warmPopular({ cache, popular, model: behind, budget: 2, minWeight: 1.5 });
  expect(report).toMatchObject({ filled: 2, hits: 0 });
  expect(popular.top(1)).toMatchObject([{ question: "a?", expiresInMs: 10 * 60_000 }]);
  await clock.advance(5 * 60_000);
  const before = cache.stats().hits;
  await model.invoke("a?");
  expect(cache.stats().hits).toBe(before + 1);
  await model.invoke("once?");
  expect(cache.stats().hits).toBe(before + 1);
});

test("rounds come by the clock until they are closed, and a failing one is followed by the next", async () => {
  const { popular, model, behind, clock, cache } = newBed();
  await model.invoke("a?");
  await model.invoke("a?");
  const rounds: number[] = [];
  let isDown = true;
  const flaky = new FakeListChatModel({ responses: ["new"], cache });
  const ask = flaky._generate.bind(flaky);
  flaky._generate = (...given) => (isDown ? Promise.reject(new Error("down")) : ask(...given));
  const warming = keepWarm({
    cache,
    popular,
    model: flaky,
    minWeight: 1,
    every: "1m",
    clock,
    onRound: ({ filled }) => rounds.push(filled),
  });
  opened.push(warming);
  await clock.advance(6 * 60_000);
  expect(rounds.length).toBeGreaterThan(0);
  expect(Math.max(...rounds)).toBe(0);
  isDown = false;
  await clock.advance(2 * 60_000);
  expect(rounds.at(-1)).toBe(1);
  const { length } = rounds;
  await clock.advance(2 * 60_000);
  expect(rounds).toHaveLength(length);
  await warming.close();
  await clock.advance(60 * 60_000);
  expect(rounds).toHaveLength(length);
  expect(behind).toBeDefined();
});

test("a cache that stores no prompts has no questions remembered", () => {
  const cache = new TieredCache({ tiers: [memoryTier()] });
  opened.push(cache);
  expect(() => new PopularQuestions({ cache, ttl: "1h" })).toThrow("storePrompts: true");
});
