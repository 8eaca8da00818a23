import { getEventListeners } from "node:events";
import { describe, expect, it, vi } from "vitest";
import type { CallOptions, MaybePromise } from "../../../src/core/abort.ts";
import { capturedNoise } from "../../support/captured-noise.ts";
import { answerAfter, bench, failing, outcome, RETRY, turn } from "./guard-bench.ts";

describe("abort", () => {
  it("ends the wait with the signal's reason, is neither retried nor counted, and leaves nothing behind", async () => {
    const { clock, guard } = bench({ deadlineMs: 50, retry: RETRY });
    for (let call = 0; call < 5; call++) {
      const controller = new AbortController();
      let calls = 0;
      const aborted = outcome(clock, () =>
        guard.run(() => (calls++, new Promise(() => undefined)), { signal: controller.signal }),
      );
      await clock.advance(10);
      controller.abort(new Error("gone"));
      await clock.advance(0);
      expect([aborted.value, calls]).toEqual(["gone", 1]);
      expect([clock.pending, getEventListeners(controller.signal, "abort").length]).toEqual([0, 0]);
    }
    expect(guard.state).toBe("closed");
  });

  it("reaches the call through the signal that it is given", () => {
    const { guard } = bench();
    const { signal } = new AbortController();
    const given = guard.run((options: CallOptions) => [options.signal], { signal });
    expect(given).toEqual([signal]);
  });

  it("before the call: the engine is not asked, and nothing is counted or left unhandled", async () => {
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    const { clock, guard } = bench({ deadlineMs: 50 });
    let calls = 0;
    for (let call = 0; call < 5; call++) {
      const run = (): MaybePromise<unknown> =>
        guard.run(
          async ({ signal }) => {
            calls++;
            await Promise.resolve();
            signal?.throwIfAborted();
          },
          { signal: AbortSignal.abort(new Error("before")) },
        );
      const aborted = outcome(clock, run);
      await turn();
      expect(aborted.value).toBe("before");
    }
    await turn();
    process.off("unhandledRejection", unhandled);
    expect(calls).toBe(0);
    expect([guard.state, clock.pending, unhandled.mock.calls]).toEqual(["closed", 0, []]);
  });

  it("by the call itself, before it fails, leaves nothing unhandled", async () => {
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    const { clock, guard } = bench({ deadlineMs: 50 });
    const controller = new AbortController();
    const aborting = outcome(clock, () =>
      guard.run(
        async () => {
          controller.abort(new Error("gone"));
          await Promise.resolve();
          throw new Error("late");
        },
        { signal: controller.signal },
      ),
    );
    await turn();
    await turn();
    process.off("unhandledRejection", unhandled);
    expect([aborting.value, clock.pending, unhandled.mock.calls]).toEqual(["gone", 0, []]);
  });

  it("ends the wait before a retry", async () => {
    const { clock, guard } = bench({ retry: RETRY });
    const controller = new AbortController();
    const call = failing(5);
    const aborted = outcome(clock, () => guard.run(call, { signal: controller.signal }));
    await clock.advance(50);
    controller.abort(new Error("gone"));
    await clock.advance(1_000);
    expect([aborted.value, call.calls, clock.pending]).toEqual(["gone", 1, 0]);
  });

  it("of a later try is not counted and ends the trying", async () => {
    const { clock, guard } = bench({ deadlineMs: 1_000, retry: RETRY, breaker: { failures: 2 } });
    const controller = new AbortController();
    let calls = 0;
    const call = (): Promise<never> => (calls++ === 0 ? Promise.reject(new Error("down")) : new Promise(() => undefined));
    const aborted = outcome(clock, () => guard.run(call, { signal: controller.signal }));
    await clock.advance(100);
    controller.abort(new Error("gone"));
    await clock.advance(10_000);
    expect([aborted.value, calls, guard.state, clock.pending]).toEqual(["gone", 2, "closed", 0]);
  });

  it("of a probe leaves the probing to the next call", async () => {
    const { clock, guard } = bench({ deadlineMs: 50 });
    for (let call = 0; call < 3; call++) outcome(clock, () => guard.run(failing(1)));
    await clock.advance(250);
    const controller = new AbortController();
    outcome(clock, () => guard.run(() => new Promise(() => undefined), { signal: controller.signal }));
    expect(guard.state).toBe("probing");
    controller.abort(new Error("gone"));
    await clock.advance(0);
    expect(guard.run(() => "answer")).toBe("answer");
    expect(guard.state).toBe("closed");
  });

  it("of a hundred calls at once draws no warning of a leak", async () => {
    const noise = capturedNoise();
    const { clock, guard } = bench({ deadlineMs: 50 });
    const { signal } = new AbortController();
    const calls = Array.from({ length: 100 }, () => outcome(clock, () => guard.run(answerAfter(clock, 10), { signal })));
    await clock.advance(10);
    expect(new Set(calls.map(({ value }) => value))).toEqual(new Set(["answer"]));
    expect([getEventListeners(signal, "abort").length, noise]).toEqual([0, []]);
  });
});
