import { getEventListeners } from "node:events";
import { describe, expect, it, vi } from "vitest";
import { isPromise, sleep, waitOrAbort } from "../../../src/core/abort.ts";
import { manualClock } from "../../../src/core/clock.ts";
import { capturedNoise } from "../../support/captured-noise.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const listeners = (signal: AbortSignal): number => getEventListeners(signal, "abort").length;

describe("isPromise", () => {
  it("tells promises and what awaits like one from values", () => {
    expect(isPromise(Promise.resolve(1))).toBe(true);
    // oxlint-disable-next-line unicorn/no-thenable -- drivers hand over such objects; this one is never awaited
    const withThen = (then: unknown): unknown => Object.fromEntries([["then", then]]);
    expect(isPromise(withThen(() => undefined))).toBe(true);
    for (const value of [null, undefined, 1, "then", {}, [], withThen(1)]) expect(isPromise(value)).toBe(false);
  });
});

describe("sleep", () => {
  it("waits as long as it was told, and leaves nothing behind", async () => {
    const clock = manualClock();
    const { signal } = new AbortController();
    let awake = false;
    const slept = sleep(clock, 100, { signal }).then(() => (awake = true));
    await clock.advance(99);
    expect([awake, listeners(signal)]).toEqual([false, 1]);
    await clock.advance(1);
    await slept;
    expect([awake, listeners(signal), clock.pending]).toEqual([true, 0, 0]);
  });

  it("rejects with the signal's reason when it aborts, and leaves nothing behind", async () => {
    const clock = manualClock();
    const controller = new AbortController();
    const reason = new Error("gone");
    const slept = sleep(clock, 100, { signal: controller.signal });
    controller.abort(reason);
    await expect(slept).rejects.toBe(reason);
    expect([listeners(controller.signal), clock.pending]).toEqual([0, 0]);
  });

  it("rejects without a timer when the signal has aborted before", async () => {
    const clock = manualClock();
    const signal = AbortSignal.abort(new Error("before"));
    const slept = sleep(clock, 100, { signal });
    expect(clock.pending).toBe(0);
    await expect(slept).rejects.toThrow("before");
  });
});

describe("waitOrAbort", () => {
  it("is the promise itself where nothing can abort", () => {
    const promise = Promise.resolve(1);
    expect(waitOrAbort(promise, undefined)).toBe(promise);
  });

  it("gives the value or the failure, and leaves no listener", async () => {
    const { signal } = new AbortController();
    await expect(waitOrAbort(Promise.resolve(1), signal)).resolves.toBe(1);
    await expect(waitOrAbort(Promise.reject(new Error("failed")), signal)).rejects.toThrow("failed");
    await turn();
    expect(listeners(signal)).toBe(0);
  });

  it("rejects with the reason at once when the signal aborts, while the work goes on", async () => {
    const controller = new AbortController();
    let finish: (value: number) => void = () => undefined;
    const work = new Promise<number>((resolve) => (finish = resolve));
    const waited = waitOrAbort(work, controller.signal);
    controller.abort(new Error("gone"));
    await expect(waited).rejects.toThrow("gone");
    expect(listeners(controller.signal)).toBe(0);
    finish(7);
    await expect(work).resolves.toBe(7);
  });

  it.each([
    ["before", (controller: AbortController) => controller.abort(new Error("gone")), () => undefined],
    ["meanwhile", () => undefined, (controller: AbortController) => controller.abort(new Error("gone"))],
  ])("leaves no unhandled rejection when the signal aborts %s and the work fails later", async (_when, before, after) => {
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    const controller = new AbortController();
    before(controller);
    let fail: (error: Error) => void = () => undefined;
    const work = new Promise<number>((_resolve, reject) => (fail = reject));
    const waited = waitOrAbort(work, controller.signal);
    after(controller);
    await expect(waited).rejects.toThrow("gone");
    fail(new Error("late"));
    await turn();
    await turn();
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });
});

describe("many waits on one signal", () => {
  it("leave no listener behind one after the other, and draw no warning of a leak all together", async () => {
    const noise = capturedNoise();
    const clock = manualClock();
    const controller = new AbortController();
    const { signal } = controller;
    for (let call = 0; call < 50; call++) await waitOrAbort(Promise.resolve(call), signal);
    expect(listeners(signal)).toBe(0);

    const never = new Promise<never>(() => undefined);
    const waits = Array.from({ length: 100 }, (_each, index) =>
      index % 2 === 0 ? sleep(clock, 1_000, { signal }) : waitOrAbort(never, signal),
    );
    await turn();
    controller.abort(new Error("all"));
    const outcomes = await Promise.allSettled(waits);
    expect(
      outcomes.filter((outcome) => outcome.status === "rejected" && (outcome.reason as Error).message === "all"),
    ).toHaveLength(100);
    expect([listeners(signal), clock.pending, noise]).toEqual([0, 0, []]);
  });

  it("end one by one without ending the others", async () => {
    const clock = manualClock();
    const controller = new AbortController();
    const { signal } = controller;
    const short = sleep(clock, 10, { signal });
    const long = sleep(clock, 20, { signal });
    await clock.advance(10);
    await short;
    controller.abort(new Error("gone"));
    await expect(long).rejects.toThrow("gone");
    expect([listeners(signal), clock.pending]).toEqual([0, 0]);
  });
});
