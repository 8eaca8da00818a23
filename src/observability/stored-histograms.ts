import type { Clock } from "../core/clock.ts";
import type { Histogram } from "../core/histogram.ts";

interface Stored {
  /** On the monotonic clock. */
  readonly at: number;
  readonly histogram: Histogram;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
/** So many are kept of each minute, and of each hour: 1.2 KB apiece. */
const MINUTES = 60;
const HOURS = 720;

/** Durations as they stood at earlier times, so that the quantiles of a whole period are known and need not be guessed from steps. */
export class StoredHistograms {
  readonly #clock: Clock;
  readonly #read: () => Histogram;
  readonly #minutes: Stored[] = [];
  readonly #hours: Stored[] = [];

  /** @param read gives a copy of all durations so far */
  constructor(clock: Clock, read: () => Histogram) {
    this.#clock = clock;
    this.#read = read;
  }

  /** Called with every sample. */
  sample(): void {
    const at = this.#clock.monotonic();
    for (const [stored, stepMs, bound] of [
      [this.#minutes, MINUTE_MS, MINUTES],
      [this.#hours, HOUR_MS, HOURS],
    ] as const) {
      const last = stored.at(-1);
      if (last !== undefined && at - last.at < stepMs) continue;
      stored.push({ at, histogram: this.#read() });
      if (stored.length > bound) stored.shift();
    }
  }

  /** What was recorded within the last `periodMs`, to within a minute of its beginning, or an hour for more than an hour. */
  within(periodMs: number): Histogram {
    const from = this.#clock.monotonic() - periodMs;
    const stored = periodMs <= HOUR_MS ? this.#minutes : this.#hours;
    const earlier = stored.findLast(({ at }) => at <= from);
    const all = this.#read();
    return earlier === undefined ? all : all.since(earlier.histogram);
  }
}
