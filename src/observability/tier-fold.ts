/** What the events say of one tier. Plain fields: two of them are written with every hit. */
import type { Clock } from "../core/clock.ts";
import { Histogram } from "../core/histogram.ts";

export class TierFold {
  readonly name: string;
  /** Lookups that this tier answered; their count is the tier's hits. */
  readonly latency: Histogram = new Histogram();
  faults = 0;
  /** Of its hits: answers to other questions, which meant the same. */
  byMeaning = 0;
  readonly #clock: Clock;
  readonly #since: number;
  #offSince: number | undefined;
  #offMs = 0;

  constructor(name: string, clock: Clock) {
    this.name = name;
    this.#clock = clock;
    this.#since = clock.monotonic();
  }

  get state(): "on" | "off" {
    return this.#offSince === undefined ? "on" : "off";
  }

  turn(state: "on" | "off"): void {
    const now = this.#clock.monotonic();
    if (state === "off") this.#offSince ??= now;
    else if (this.#offSince !== undefined) {
      this.#offMs += now - this.#offSince;
      this.#offSince = undefined;
    }
  }

  /** Milliseconds, since it was first seen, in which it was off. */
  get offMs(): number {
    return this.#offMs + (this.#offSince === undefined ? 0 : this.#clock.monotonic() - this.#offSince);
  }

  /** Share of the time in which it was on. */
  get availability(): number {
    const lived = this.#clock.monotonic() - this.#since;
    return lived <= 0 ? (this.state === "on" ? 1 : 0) : 1 - this.offMs / lived;
  }
}
