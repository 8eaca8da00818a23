import { onAbort } from "../../core/abort.ts";
import type { Clock } from "../../core/clock.ts";
import { StrataError } from "../../core/errors.ts";

/** The caller's signal and the deadline of a call, as one signal; `end` lets go of both. */
export interface CallLimit {
  readonly signal: AbortSignal | undefined;
  end(): void;
}

const UNLIMITED: CallLimit = { signal: undefined, end: () => undefined };

export function callLimit(clock: Clock, ms: number | undefined, signal: AbortSignal | undefined): CallLimit {
  signal?.throwIfAborted();
  if (ms === undefined) return signal === undefined ? UNLIMITED : { signal, end: () => undefined };
  const controller = new AbortController();
  const cancel = clock.setTimer(ms, () => {
    controller.abort(new StrataError("TIMEOUT", `The question was not answered within ${ms} ms.`));
  });
  const release = signal && onAbort(signal, () => controller.abort(signal.reason));
  return {
    signal: controller.signal,
    end() {
      cancel();
      release?.();
    },
  };
}
