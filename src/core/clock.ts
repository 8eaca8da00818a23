/**
 * Time as an argument. Everything that waits, expires or measures takes a `Clock`, so that a test moves time by hand.
 *
 * Two times are told apart on purpose: `now()` is the wall clock, which operators and NTP move, and is used only for what is
 * stored (absolute expiry); `monotonic()` never goes back, and is used for every duration and deadline.
 */
export interface Clock {
  /** Unix time in milliseconds. */
  now(): number;
  /** Milliseconds since an arbitrary start, with fractions; never goes back. */
  monotonic(): number;
  /**
   * Calls `fire` once after `ms` milliseconds; the returned function cancels it and may be called at any time. A `background`
   * timer does not keep the process alive.
   */
  setTimer(ms: number, fire: () => void, options?: { readonly background?: boolean }): () => void;
}

/** Node refuses a longer delay and would fire at once; waits beyond it (24.8 days) are cut to it. */
const LONGEST_TIMER_MS = 0x7fffffff;

/** The machine's own clock. */
export const systemClock: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  setTimer(ms, fire, options) {
    const timer = setTimeout(fire, Math.min(Math.max(0, ms), LONGEST_TIMER_MS));
    if (options?.background === true) timer.unref();
    return () => clearTimeout(timer);
  },
};

/** A clock that only moves when told to. */
export interface ManualClock extends Clock {
  /**
   * Moves both times forward and fires the timers that fall due, in order; between two of them pending promise callbacks run,
   * so that a chain of waits unrolls as it would in real time.
   */
  advance(ms: number): Promise<void>;
  /** Moves only the wall clock, as an operator or NTP would. */
  jump(ms: number): void;
  /** How many timers are waiting. */
  readonly pending: number;
}

/**
 * Makes a clock for tests.
 * @param start Unix milliseconds at which it stands; default 1,700,000,000,000 (14 November 2023)
 */
export function manualClock(start = 1_700_000_000_000): ManualClock {
  // The wall clock is a distance from the monotonic one: two sums would drift apart by their rounding.
  let origin = start;
  let elapsed = 0;
  let sequence = 0;
  const timers = new Map<number, { at: number; fire: () => void }>();

  function due(limit: number): number | undefined {
    let first: number | undefined;
    for (const [id, timer] of timers) {
      if (timer.at > limit) continue;
      if (first === undefined || timer.at < (timers.get(first)?.at ?? Infinity)) first = id;
    }
    return first;
  }

  return {
    now: () => origin + elapsed,
    monotonic: () => elapsed,
    setTimer(ms, fire) {
      const id = sequence++;
      timers.set(id, { at: elapsed + Math.max(0, ms), fire });
      return () => void timers.delete(id);
    },
    async advance(ms) {
      const limit = elapsed + ms;
      await settle();
      for (let id = due(limit); id !== undefined; id = due(limit)) {
        const timer = timers.get(id);
        timers.delete(id);
        if (timer === undefined) continue;
        elapsed = timer.at;
        timer.fire();
        await settle();
      }
      // A longer advance that runs at the same time may be ahead already.
      elapsed = Math.max(elapsed, limit);
      await settle();
    },
    jump(ms) {
      origin += ms;
    },
    get pending() {
      return timers.size;
    },
  };
}

/** Two turns of the event loop: enough for promise callbacks, and for the immediates that they queue. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 2; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
