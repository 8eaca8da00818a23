import { onAbort } from "../../core/abort.ts";
import type { Clock } from "../../core/clock.ts";
import { StrataError } from "../../core/errors.ts";

/** The signals of a call (its caller's, the system's end), its deadline and its reader's leaving, as one signal. */
export interface CallLimit {
  readonly signal: AbortSignal;
  /** Ends what the signal was given to, if it is not over. */
  leave(): void;
  /** Lets go of the timer and of the signals. */
  end(): void;
}

/** @throws the reason of a signal that was aborted before */
export function callLimit(clock: Clock, ms: number | undefined, given: readonly (AbortSignal | undefined)[]): CallLimit {
  const signals = given.filter((signal) => signal !== undefined);
  for (const signal of signals) signal.throwIfAborted();
  const controller = new AbortController();
  const cancel =
    ms === undefined
      ? undefined
      : clock.setTimer(ms, () => {
          controller.abort(new StrataError("TIMEOUT", `The question was not answered within ${ms} ms.`));
        });
  const releases = signals.map((signal) => onAbort(signal, () => controller.abort(signal.reason)));
  return {
    signal: controller.signal,
    leave: () => controller.abort(),
    end() {
      cancel?.();
      for (const release of releases) release();
    },
  };
}
