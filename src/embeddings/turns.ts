import type { Clock } from "../core/clock.ts";

/** Milliseconds of work between two turns of the event loop. */
const SLICE_MS = 5;

/**
 * Shares the event loop: `await turns()` between two pieces of work lets everything else run when this work had it for 5 ms, and
 * costs a look at the clock otherwise.
 */
export function sharedTurns(clock: Clock): () => Promise<void> | undefined {
  let since = clock.monotonic();
  return () => {
    if (clock.monotonic() - since < SLICE_MS) return undefined;
    return new Promise((resolve) => {
      setImmediate(() => {
        since = clock.monotonic();
        resolve();
      });
    });
  };
}
