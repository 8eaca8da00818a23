import { sleep, type MaybePromise } from "../../../src/core/abort.ts";
import { manualClock, type ManualClock } from "../../../src/core/clock.ts";
import { StrataError } from "../../../src/core/errors.ts";
import { Guard, type GuardOptions } from "../../../src/core/guard.ts";

/** A schedule of retries for tests. */
export const RETRY = { retries: 2, baseMs: 100, maxMs: 1_000 } as const;

export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

interface Bench {
  readonly clock: ManualClock;
  readonly guard: Guard;
}

export function bench(options: Partial<GuardOptions> = {}): Bench {
  const clock = manualClock();
  return { clock, guard: new Guard({ name: "The engine", clock, random: () => 1, ...options }) };
}

/** What a guarded call came to, as one word, and when, on the guard's clock. */
interface Outcome {
  value: unknown;
  at: number;
}

export function outcome(clock: ManualClock, run: () => MaybePromise<unknown>): Outcome {
  const result: Outcome = { value: "waiting", at: Number.NaN };
  const settle = (value: unknown): void => void Object.assign(result, { value, at: clock.monotonic() });
  const fail = (error: unknown): void => settle(StrataError.isInstance(error) ? error.code : (error as Error).message);
  try {
    void Promise.resolve(run()).then(settle, fail);
  } catch (error) {
    fail(error);
  }
  return result;
}

export function answerAfter(clock: ManualClock, ms: number, value = "answer"): () => Promise<string> {
  return async (): Promise<string> => {
    await sleep(clock, ms);
    return value;
  };
}

/** Fails so many times, then answers; counts its calls. */
export function failing(times: number, error: () => Error = () => new Error("down")): { (): Promise<string>; calls: number } {
  const call = async (): Promise<string> => {
    call.calls++;
    await Promise.resolve();
    if (call.calls <= times) throw error();
    return "answer";
  };
  call.calls = 0;
  return call;
}
