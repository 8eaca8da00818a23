/** What is popular, over a restart. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import { expect, onTestFinished, test } from "vitest";
import { keepWarm, warmPopular } from "../../../src/cache/prediction/keep-warm.ts";
import { PopularQuestions, type PopularQuestionsOptions } from "../../../src/cache/prediction/popular-questions.ts";
import { TieredCache } from "../../../src/cache/tiered-cache.ts";
import { diskTier } from "../../../src/cache/tiers/disk.ts";
import { manualClock, type ManualClock } from "../../../src/core/clock.ts";

const START = 1_700_000_000_000;
const HOUR = 3_600_000;

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "strata-popular-"));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

interface Process {
  readonly cache: TieredCache;
  readonly popular: PopularQuestions;
  readonly clock: ManualClock;
}

/** As a process that begins at a time, whose monotonic clock begins anew. */
function start(path: string, at: number, options: Partial<PopularQuestionsOptions> = {}): Process {
  const clock = manualClock(at);
  const cache = new TieredCache({ tiers: [diskTier({ path })], storePrompts: true, clock });
  onTestFinished(() => cache.close());
  return { cache, clock, popular: new PopularQuestions({ cache, ttl: "1h", halfLife: "1h", clock, ...options }) };
}

test("is remembered with its weight, faded by the time in between, and when its answer runs out", async () => {
  const path = folder();
  const before = start(path, START);
  for (let i = 0; i < 8; i++) before.popular.see("Qual é o prazo?", i === 0);
  before.popular.see("a hit that nobody saw being made", false);
  await before.clock.advance(HOUR / 4);
  await before.popular.save();
  await before.cache.close();

  const after = start(path, START + HOUR);
  expect(await after.popular.load()).toBe(2);
  const [first, second] = after.popular.top(10);
  expect(first).toMatchObject({ question: "Qual é o prazo?", expiresInMs: 0 });
  expect(first?.weight).toBeCloseTo(8 / 2, 6);
  expect(second).toMatchObject({ expiresInMs: undefined });
  // And it is due: the next round asks it.
  const model = new FakeListChatModel({ responses: ["30 dias"], cache: after.cache });
  expect(await warmPopular({ cache: after.cache, popular: after.popular, model })).toMatchObject({ done: 1, filled: 1 });
});

test("adds to what was seen since the start, and no more than there is room for", async () => {
  const path = folder();
  const before = start(path, START);
  for (const question of ["a?", "a?", "b?", "b?", "c?"]) before.popular.see(question, true);
  await before.popular.save();
  await before.cache.close();
  const after = start(path, START, { capacity: 2 });
  after.popular.see("a?", false);
  await after.popular.load();
  expect(after.popular.top(10).map(({ question, weight }) => [question, weight])).toEqual([
    ["a?", 3],
    ["b?", 2],
  ]);
});

test("is forgotten with its scope, and is in no other", async () => {
  const path = folder();
  const scope = { tenant: "acme" };
  const before = start(path, START, { scope });
  before.popular.see("a?", true);
  await before.popular.save();
  expect(await start(folder(), START, { scope }).popular.load()).toBe(0);
  expect(await new PopularQuestions({ cache: before.cache, ttl: "1h", scope: { tenant: "globex" } }).load()).toBe(0);
  expect(await new PopularQuestions({ cache: before.cache, ttl: "1h", scope, name: "other" }).load()).toBe(0);
  expect(await new PopularQuestions({ cache: before.cache, ttl: "1h", scope }).load()).toBe(1);
  await before.cache.forget(scope);
  expect(await new PopularQuestions({ cache: before.cache, ttl: "1h", scope }).load()).toBe(0);
});

test("what is stored under its name and is not its own is passed over", async () => {
  const { cache, popular } = start(folder(), START);
  for (const value of [
    1,
    null,
    {},
    { at: "x", questions: [] },
    { at: START, questions: [1, { question: 2, weight: 1 }, { question: "q" }] },
  ]) {
    await cache.set("strata:questions:popular", value);
    expect(await popular.load()).toBe(0);
  }
  expect(popular.top(1)).toEqual([]);
});

test.each([
  [
    "throws",
    (): void => {
      throw new Error("a user's own");
    },
  ],
  ["rejects", (): Promise<void> => Promise.reject(new Error("a user's own"))],
])("what a user's onRound %s ends nothing: what is popular is kept, and the next round comes", async (_how, fail) => {
  const { cache, popular, clock } = start(folder(), START);
  const model = new FakeListChatModel({ responses: ["new"], cache });
  let rounds = 0;
  let saves = 0;
  const save = popular.save.bind(popular);
  popular.save = () => {
    saves++;
    return save();
  };
  const onRound = (): unknown => {
    rounds++;
    return fail();
  };
  const warming = keepWarm({ cache, popular, model, clock, keep: true, minWeight: 1, ahead: "2h", every: "1m", onRound });
  for (let round = 1; round <= 2; round++) {
    popular.see("a?", true);
    popular.see("a?", false);
    await clock.advance(60_000);
    await expect.poll(() => [rounds, saves]).toEqual([round, round]);
  }
  await warming.close();
});

test("keepWarm keeps it, when asked to", async () => {
  for (const keep of [true, false]) {
    const path = folder();
    const before = start(path, START);
    before.popular.see("a?", true);
    const model = new FakeListChatModel({ responses: ["new"], cache: before.cache });
    const warming = keepWarm({ ...before, model, keep });
    await warming.close();
    await before.cache.close();
    const after = start(path, START);
    const next = keepWarm({ ...after, model, keep });
    if (keep) await expect.poll(() => after.popular.top(1).map(({ question }) => question)).toEqual(["a?"]);
    await next.close();
    expect(after.popular.top(1)).toHaveLength(keep ? 1 : 0);
  }
});
