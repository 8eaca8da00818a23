import { describe, expect, test } from "vitest";
import { Coalescer } from "../../../src/cache/base/coalescer.ts";
import { manualClock, type ManualClock } from "../../../src/core/clock.ts";

function make(maxWaitMs = 30_000): { clock: ManualClock; coalescer: Coalescer<string> } {
  const clock = manualClock();
  return { clock, coalescer: new Coalescer<string>({ clock, maxWaitMs }) };
}

/** Whether a promise has settled, and with what. */
function watched(promise: Promise<string | undefined> | undefined): { done: boolean; value: string | undefined } {
  if (promise === undefined) throw new Error("It leads and does not wait.");
  const state = { done: false, value: undefined as string | undefined };
  void promise.then((value) => Object.assign(state, { done: true, value }));
  return state;
}

/** A model that has answered once, in `ms`. */
async function learned(coalescer: Coalescer<string>, clock: ManualClock, ms: number): Promise<void> {
  coalescer.lead("earlier", "model");
  await clock.advance(ms);
  coalescer.landed("earlier", "answer", "model");
}

/** A flight of this model that nobody came back to, and that somebody waited for in vain. */
async function failed(coalescer: Coalescer<string>, clock: ManualClock): Promise<void> {
  coalescer.lead("broken", "model");
  coalescer.missed("broken");
  void coalescer.join("broken", "model");
  await clock.advance(60_000);
}

describe("while the leader has not been told of its miss", () => {
  test("the first caller leads and all others get its value", async () => {
    const { coalescer } = make();
    expect(coalescer.join("key", "model")).toBeUndefined();
    const [second, third] = [coalescer.join("key", "model"), coalescer.join("key", "model")];
    coalescer.landed("key", "answer", "model");
    expect([await second, await third]).toEqual(["answer", "answer"]);
    expect(coalescer.size).toBe(0);
  });

  test("keys do not wait for each other", () => {
    const { coalescer } = make();
    expect(coalescer.join("a", "model")).toBeUndefined();
    expect(coalescer.join("b", "model")).toBeUndefined();
    expect(coalescer.isUnderWay("a") && coalescer.isUnderWay("b")).toBe(true);
    expect(coalescer.isUnderWay("c")).toBe(false);
  });

  test("others wait for `maxWait` when nothing is known of the model, and no longer", async () => {
    const { clock, coalescer } = make(5_000);
    coalescer.lead("key", "model");
    const other = watched(coalescer.join("key", "model"));
    await clock.advance(4_999);
    expect(other.done).toBe(false);
    await clock.advance(1);
    expect(other).toEqual({ done: true, value: undefined });
    expect(clock.pending).toBe(0);
  });

  test("others wait for four times the longest answer of the model", async () => {
    const { clock, coalescer } = make();
    await learned(coalescer, clock, 2_000);
    coalescer.lead("key", "model");
    const other = watched(coalescer.join("key", "model"));
    await clock.advance(7_999);
    expect(other.done).toBe(false);
    await clock.advance(1);
    expect(other.done).toBe(true);
  });

  test("others wait for a second at least, however fast the model was", async () => {
    const { clock, coalescer } = make();
    await learned(coalescer, clock, 5);
    coalescer.lead("key", "model");
    const other = watched(coalescer.join("key", "model"));
    await clock.advance(999);
    expect(other.done).toBe(false);
    await clock.advance(1);
    expect(other.done).toBe(true);
  });

  test("what is known of one model says nothing of another", async () => {
    const { clock, coalescer } = make();
    await learned(coalescer, clock, 5);
    coalescer.lead("key", "another model");
    const other = watched(coalescer.join("key", "another model"));
    await clock.advance(29_000);
    expect(other.done).toBe(false);
    coalescer.close();
  });
});

describe("after the leader was told of its miss", () => {
  test("a caller waits for a second when nothing is known of the model", async () => {
    const { clock, coalescer } = make();
    coalescer.lead("key", "model");
    coalescer.missed("key");
    await clock.advance(400);
    const retry = watched(coalescer.join("key", "model"));
    await clock.advance(599);
    expect(retry.done).toBe(false);
    await clock.advance(1);
    expect(retry).toEqual({ done: true, value: undefined });
  });

  test("a caller waits until 1.25 times the longest answer is over, counted from the start of the flight", async () => {
    const { clock, coalescer } = make();
    await learned(coalescer, clock, 2_000);
    coalescer.lead("key", "model");
    coalescer.missed("key");
    await clock.advance(2_000);
    const late = watched(coalescer.join("key", "model"));
    await clock.advance(499);
    expect(late.done).toBe(false);
    await clock.advance(1);
    expect(late.done).toBe(true);
    coalescer.lead("key", "model");
    coalescer.missed("key");
    await clock.advance(2_500);
    expect(coalescer.join("key", "model")).toBeUndefined();
  });

  test("the longest answer counts, and fades as others come", async () => {
    const { clock, coalescer } = make();
    await learned(coalescer, clock, 10_000);
    for (let answer = 0; answer < 100; answer++) await learned(coalescer, clock, 100);
    coalescer.lead("key", "model");
    coalescer.missed("key");
    const late = watched(coalescer.join("key", "model"));
    // 10,000 ms × 0.98^100 = 1,326 ms
    await clock.advance(1_326 * 1.25 - 1);
    expect(late.done).toBe(false);
    await clock.advance(2);
    expect(late.done).toBe(true);
  });

  test("nobody waits for a model after a wait for it was in vain, until it answers again", async () => {
    const { clock, coalescer } = make();
    await failed(coalescer, clock);
    coalescer.lead("key", "model");
    coalescer.missed("key");
    expect(coalescer.join("key", "model")).toBeUndefined();
    await clock.advance(700);
    coalescer.landed("key", "answer", "model");
    coalescer.lead("next", "model");
    coalescer.missed("next");
    const late = watched(coalescer.join("next", "model"));
    await clock.advance(1);
    expect(late.done).toBe(false);
    coalescer.landed("next", "answer", "model");
    await expect.poll(() => late.value).toBe("answer");
  });

  test("a caller who leads after a vain wait teaches how long the model takes", async () => {
    const { clock, coalescer } = make();
    await failed(coalescer, clock);
    coalescer.lead("broken", "model");
    await clock.advance(3_000);
    expect(coalescer.landed("broken", "answer", "model")).toBe(3_000);
  });
});

describe("a leader who never comes back", () => {
  test("whoever takes the lead frees those who waited for the one before, with its own value", async () => {
    const { clock, coalescer } = make();
    coalescer.lead("key", "model");
    const early = watched(coalescer.join("key", "model"));
    coalescer.missed("key");
    await clock.advance(1_500);
    expect(coalescer.join("key", "model")).toBeUndefined();
    expect(early.done).toBe(false);
    await clock.advance(500);
    coalescer.landed("key", "second", "model");
    await clock.advance(0);
    expect(early).toEqual({ done: true, value: "second" });
    expect(clock.pending).toBe(0);
  });

  test("the time of the second leader counts from its own start", async () => {
    const { clock, coalescer } = make();
    coalescer.lead("key", "model");
    coalescer.missed("key");
    await clock.advance(2_000);
    coalescer.lead("key", "model");
    await clock.advance(300);
    expect(coalescer.landed("key", "answer", "model")).toBe(300);
  });

  test("its flight is forgotten after ten minutes, also behind one that is led again and again", async () => {
    const { clock, coalescer } = make();
    coalescer.lead("retried", "model");
    for (let key = 0; key < 50; key++) coalescer.lead(`abandoned ${key}`, "model");
    for (let minute = 0; minute < 10; minute++) {
      await clock.advance(60_000);
      coalescer.lead("retried", "model");
    }
    coalescer.lead("new", "model");
    expect(coalescer.size).toBe(2);
  });

  test("no more than 50,000 flights are kept", () => {
    const { coalescer } = make();
    for (let key = 0; key < 50_100; key++) coalescer.lead(`key ${key}`, "model");
    expect(coalescer.size).toBe(50_000);
    expect(coalescer.isUnderWay("key 0")).toBe(false);
    expect(coalescer.isUnderWay("key 50099")).toBe(true);
  });
});

test("with a `maxWait` of 0 nobody waits, and flights are timed all the same", async () => {
  const { clock, coalescer } = make(0);
  expect(coalescer.join("key", "model")).toBeUndefined();
  expect(coalescer.join("key", "model")).toBeUndefined();
  await clock.advance(250);
  expect(coalescer.landed("key", "answer", "model")).toBe(250);
});

test("a value that comes from a tier lands the flight and teaches nothing", async () => {
  const { clock, coalescer } = make();
  coalescer.lead("key", "model");
  const other = coalescer.join("key", "model");
  await clock.advance(40);
  coalescer.landed("key", "stored", "tier");
  expect(await other).toBe("stored");
  coalescer.lead("next", "model");
  const waiting = watched(coalescer.join("next", "model"));
  await clock.advance(29_000);
  expect(waiting.done).toBe(false);
  coalescer.close();
});

test("landing without a value lets every waiter go, and a flight that is not there lands as nothing", async () => {
  const { coalescer } = make();
  coalescer.lead("key", "model");
  const other = coalescer.join("key", "model");
  coalescer.landed("key", undefined, "model");
  expect(await other).toBeUndefined();
  expect(coalescer.landed("key", "late", "model")).toBeUndefined();
});

test("close lets every waiter go and leaves no timer", async () => {
  const { clock, coalescer } = make();
  coalescer.lead("a", "model");
  coalescer.lead("b", "model");
  const waiting = ["a", "a", "b"].map((key) => watched(coalescer.join(key, "model")));
  coalescer.close();
  await clock.advance(0);
  expect(waiting).toEqual([1, 2, 3].map(() => ({ done: true, value: undefined })));
  expect(coalescer.size).toBe(0);
  expect(clock.pending).toBe(0);
});
