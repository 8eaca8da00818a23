/** Identical calls while the first one is under way, as LangChain makes them: `lookup`, then the model, then perhaps `update`. */
import { HumanMessage, type AIMessage } from "@langchain/core/messages";
import type { ChatGeneration, Generation } from "@langchain/core/outputs";
import { describe, expect, test } from "vitest";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import type { CacheTier } from "../../../src/cache/tier.ts";
import { sleep } from "../../../src/core/abort.ts";
import { manualClock, type ManualClock } from "../../../src/core/clock.ts";
import type { CacheBedOptions } from "../../support/cache-bed.ts";
import { herd, type Herd } from "../../support/herd.ts";
import { chatAnswer, hitOf, llmKey, messageOf } from "../../support/model-answers.ts";
import { scriptedTier, type ScriptedTier } from "../../support/scripted-tier.ts";

const KEY = llmKey();

/** A model that is known to answer in `ms`. */
async function learned({ ask, clock, store }: Herd, ms: number): Promise<void> {
  ask("an earlier prompt");
  await clock.advance(ms);
  await store("an earlier prompt", "earlier");
}

/** A tier that takes 20 ms for each read. */
function slow(clock: ManualClock): ScriptedTier {
  const tier = scriptedTier({ name: "slow" });
  tier.script.get = async (pass) => {
    await sleep(clock, 20);
    return pass();
  };
  return tier;
}

/** A tier that has its answer at once, and gives it as a promise. */
function promised(): ScriptedTier {
  const tier = scriptedTier({ name: "promised" });
  tier.script.get = async (pass) => pass();
  return tier;
}

const tierings: Record<string, (clock: ManualClock) => readonly CacheTier[]> = {
  "over memory": () => [memoryTier()],
  "over a tier that answers by promise": () => [promised()],
  "over a tier that takes 20 ms": (clock) => [memoryTier(), slow(clock)],
};

describe.each(Object.entries(tierings))("a thousand at once %s", (_name, tiers) => {
  test("are one miss; the others wait for its answer however long it takes, and each gets its own copy", async () => {
    const clock = manualClock();
    const { ask, answered, store, cache } = herd({ clock, tiers: tiers(clock) });
    const callers = Array.from({ length: 1_000 }, () => ask());
    await clock.advance(29_000);
    expect(answered).toEqual([null]);
    await store("prompt", "42");
    await clock.advance(0);
    expect(answered.filter((answer) => answer === "42")).toHaveLength(999);
    const messages = callers.slice(1).map(({ generations }) => messageOf(generations ?? null));
    expect(new Set(messages).size).toBe(999);
    expect(new Set(messages.map(({ id }) => id)).size).toBe(999);
    expect(hitOf(messages[0] as AIMessage)).toMatchObject({ hit: true, tier: "coalesced" });
    expect(cache.stats()).toMatchObject({ hits: 999, coalesced: 999, misses: 1, writes: 1 });
    expect(clock.pending).toBe(0);
    await cache.close();
  });
});

test.each(Object.entries(tierings))(
  "callers who ask within the same turn of the event loop, some promises after the first, wait for it %s",
  async (_name, tiers) => {
    const clock = manualClock();
    const { ask, answered, store, cache } = herd({ clock, tiers: tiers(clock) });
    for (let caller = 0; caller < 100; caller++) {
      ask();
      await Promise.resolve();
    }
    await clock.advance(25_000);
    expect(answered).toEqual([null]);
    await store("prompt", "42");
    await clock.advance(0);
    expect(answered.filter((answer) => answer === "42")).toHaveLength(99);
    await cache.close();
  },
);

test("those who find the answer in a slow tier together are told which tier had it, and count as hits of it", async () => {
  const clock = manualClock();
  const tier = slow(clock);
  const { ask, store, cache, answered } = herd({ clock, tiers: [tier] });
  await store("prompt", "42");
  await cache.flush();
  const reads = tier.calls.length;
  const callers = Array.from({ length: 100 }, () => ask());
  await clock.advance(20);
  expect(answered).toEqual(Array.from({ length: 100 }, () => "42"));
  expect(tier.calls.length - reads).toBe(1);
  expect(callers.every(({ generations }) => hitOf(messageOf(generations ?? null)).tier === "slow")).toBe(true);
  expect(cache.stats()).toMatchObject({ hits: 100, coalesced: 0, misses: 0 });
  await cache.close();
});

describe("when the first caller's model call fails", () => {
  test("the others wait for `maxWait` at most, and then all ask the model", async () => {
    const { ask, answered, clock, cache } = herd({ coalesce: { maxWait: "3s" } });
    for (let caller = 0; caller < 10; caller++) ask();
    await clock.advance(2_999);
    expect(answered).toHaveLength(1);
    await clock.advance(1);
    expect(answered).toEqual(Array.from({ length: 10 }, () => null));
    expect(clock.pending).toBe(0);
    await cache.close();
  });

  test("the others wait for four times as long as the model usually takes, when that is known", async () => {
    const bed = herd();
    await learned(bed, 500);
    for (let caller = 0; caller < 10; caller++) bed.ask();
    await bed.clock.advance(1_999);
    expect(bed.answered.filter((answer) => answer === null)).toHaveLength(2);
    await bed.clock.advance(1);
    expect(bed.answered.filter((answer) => answer === null)).toHaveLength(11);
    await bed.cache.close();
  });

  test("its own next try waits for a second at most, and the one after that not at all", async () => {
    const { ask, answered, clock, cache } = herd();
    ask();
    await clock.advance(10);
    ask();
    await clock.advance(980);
    expect(answered).toEqual([null]);
    await clock.advance(10);
    expect(answered).toEqual([null, null]);
    await clock.advance(10);
    for (let attempt = 0; attempt < 5; attempt++) {
      ask();
      await clock.advance(0);
    }
    expect(answered).toHaveLength(7);
    await cache.close();
  });

  test("other prompts of the same model are not held up by it", async () => {
    const { ask, answered, clock, cache } = herd();
    ask("broken");
    await clock.advance(0);
    ask("another");
    await clock.advance(0);
    expect(answered).toEqual([null, null]);
    await cache.close();
  });

  test("a model that answers again is waited for again", async () => {
    const { ask, answered, clock, store, cache } = herd();
    ask();
    await clock.advance(0);
    ask();
    await clock.advance(1_300);
    await store("prompt", "42");
    ask("next");
    await clock.advance(0);
    ask("next");
    await clock.advance(0);
    expect(answered).toEqual([null, null, null]);
    await store("next", "43");
    await clock.advance(0);
    expect(answered.at(-1)).toBe("43");
    await cache.close();
  });
});

describe("an answer that is not stored lets the others go at once", () => {
  const unstored: Record<string, { options?: Partial<CacheBedOptions>; generations: Generation[]; reason: string }> = {
    "because it was cut off": {
      generations: [{ ...(chatAnswer("42")[0] as ChatGeneration), generationInfo: { finish_reason: "length" } }],
      reason: "not-admitted",
    },
    "because `admit` says no": { options: { admit: () => false }, generations: chatAnswer("42"), reason: "not-admitted" },
    "because `admit` throws": {
      options: {
        admit: () => {
          throw new Error("broken");
        },
      },
      generations: chatAnswer("42"),
      reason: "unstorable",
    },
    "because it could not be given back equal": {
      generations: chatAnswer("42", { additional_kwargs: { when: new Date(0) } }),
      reason: "unstorable",
    },
    "because it is no answer of a model": {
      generations: [{ text: "hi", message: new HumanMessage("hi") } as ChatGeneration],
      reason: "unstorable",
    },
  };
  test.each(Object.entries(unstored))("%s", async (_why, { options, generations, reason }) => {
    const { ask, answered, clock, cache, events } = herd(options);
    for (let caller = 0; caller < 10; caller++) ask();
    await clock.advance(100);
    await cache.update("prompt", KEY, generations);
    await clock.advance(0);
    expect(answered).toEqual(Array.from({ length: 10 }, () => null));
    expect(events("cache.bypass")).toEqual([{ reason }]);
    expect(clock.pending).toBe(0);
    await cache.close();
  });

  test("but one that is too large to store is shared all the same", async () => {
    const { ask, answered, clock, cache, store } = herd({ maxValueBytes: 50 });
    for (let caller = 0; caller < 10; caller++) ask();
    await clock.advance(100);
    await store("prompt", "long ".repeat(100));
    await clock.advance(0);
    expect(answered.filter((answer) => answer !== null)).toHaveLength(9);
    await cache.close();
  });
});

test("a caller who takes the lead and finds the answer in a tier leaves nobody waiting", async () => {
  const disk = scriptedTier({ name: "disk" });
  const { ask, answered, clock, store, cache } = herd({ tiers: [memoryTier(), disk] });
  await store("prompt", "42");
  await cache.flush();
  const kept = new Map(disk.held);
  await cache.clear();
  ask();
  await clock.advance(2_000);
  // Another process has stored it meanwhile.
  for (const [key, entry] of kept) disk.held.set(key, entry);
  for (let caller = 0; caller < 3; caller++) {
    ask();
    await clock.advance(0);
  }
  expect(answered).toEqual([null, "42", "42", "42"]);
  expect(clock.pending).toBe(0);
  await cache.close();
});

test("with `coalesce: false` nobody waits, and what a hit saves is known all the same", async () => {
  const { ask, answered, clock, store, cache } = herd({ coalesce: false });
  for (let caller = 0; caller < 10; caller++) ask();
  await clock.advance(0);
  expect(answered).toEqual(Array.from({ length: 10 }, () => null));
  await clock.advance(4_000);
  await store("prompt", "42");
  ask();
  await clock.advance(0);
  expect(cache.stats().saved.ms).toBe(4_000);
  await cache.close();
});

test("of several answers to one question each is worth what the model took, also those that nobody saw begin", async () => {
  const { ask, clock, cache, store } = herd({ coalesce: false });
  ask();
  ask();
  await clock.advance(3_000);
  await store("prompt", "first");
  await store("prompt", "second");
  ask();
  await clock.advance(0);
  expect(cache.stats().saved.ms).toBe(3_000);
  await cache.close();
});

test("a caller to whom the rollout serves nothing does not get another caller's answer either", async () => {
  const { ask, answered, clock, cache, store } = herd({ rollout: { mode: "shadow" } });
  for (let caller = 0; caller < 5; caller++) ask();
  await clock.advance(0);
  expect(answered).toEqual([null, null, null, null, null]);
  await store("prompt", "42");
  expect(clock.pending).toBe(0);
  await cache.close();
});

test("close() lets everybody go who waits", async () => {
  const { ask, answered, clock, cache } = herd();
  for (let caller = 0; caller < 10; caller++) ask();
  await clock.advance(0);
  expect(answered).toHaveLength(1);
  await cache.close();
  await clock.advance(0);
  expect(answered).toEqual(Array.from({ length: 10 }, () => null));
  expect(clock.pending).toBe(0);
});
