import { onAbort } from "../../core/abort.ts";
import type { Clock } from "../../core/clock.ts";
import { StrataError } from "../../core/errors.ts";

/** The caller's signal, the deadline of a call and its reader's leaving, as one signal. */
export interface CallLimit {
  readonly signal: AbortSignal;
  /** Ends what the signal was given to, if it is not over. */
  leave(): void;
  /** Lets go of the timer and of the caller's signal. */
  end(): void;
}

/** @throws the reason of a signal that was aborted before */
export function callLimit(clock: Clock, ms: number | undefined, signal: AbortSignal | undefined): CallLimit {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const cancel =
    ms === undefined
      ? undefined
      : clock.setTimer(ms, () => {
          controller.abort(new StrataError("TIMEOUT", `The question was not answered within ${ms} ms.`));
        });
  const release = signal && onAbort(signal, () => controller.abort(signal.reason));
  return {
    signal: controller.signal,
    leave: () => controller.abort(),
    end() {
      cancel?.();
      release?.();
    },
  };
}
