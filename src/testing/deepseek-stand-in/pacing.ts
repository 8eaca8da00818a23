import { sleep } from "../../core/abort.ts";
import type { Clock } from "../../core/clock.ts";

/** How long the stand-in takes, in milliseconds. */
export interface StandInDelay {
  /** From the request to the first token; default 500. */
  readonly firstToken?: number;
  /** From each token to the next; default 4. An answer that is not streamed waits for all of its tokens. */
  readonly perToken?: number;
  /** How far a call may deviate from both, as a share; default 0.15. */
  readonly jitter?: number;
}

/** An answer of the reasoner has some 300 tokens here: 1.7 s. The live one takes ten times as long, which no demo needs. */
export const REALISTIC_DELAY: Required<StandInDelay> = { firstToken: 500, perToken: 4, jitter: 0.15 };
export const NO_DELAY: Required<StandInDelay> = { firstToken: 0, perToken: 0, jitter: 0 };

/** When the tokens of one call are due. Each is timed from the start of the call, so that slow timers do not add up. */
export class Pace {
  readonly #clock: Clock;
  readonly #started: number;
  readonly #delay: Required<StandInDelay>;
  readonly #factor: number;

  constructor(clock: Clock, delay: Required<StandInDelay>, random: () => number) {
    this.#clock = clock;
    this.#started = clock.monotonic();
    this.#delay = delay;
    this.#factor = 1 + delay.jitter * (2 * random() - 1);
  }

  /**
   * Waits until the token at `index` is due; `everyMs` and `meanwhile` fill a long wait.
   * @throws the signal's reason as soon as it aborts
   */
  async until(index: number, signal: AbortSignal, everyMs: number, meanwhile: () => Promise<void>): Promise<void> {
    const due = this.#started + (this.#delay.firstToken + index * this.#delay.perToken) * this.#factor;
    for (let left = due - this.#clock.monotonic(); left > 0; left = due - this.#clock.monotonic()) {
      await sleep(this.#clock, Math.min(left, everyMs), { signal });
      if (this.#clock.monotonic() < due) await meanwhile();
    }
    signal.throwIfAborted();
  }
}
