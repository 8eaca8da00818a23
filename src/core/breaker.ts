import type { Clock } from "./clock.ts";

/**
 * A circuit breaker: after a few failures in a row calls are not tried for a while, then one probe is let through; it decides.
 * The pause doubles with each failed probe, so that a dead engine costs less and less, up to a bound that keeps recovery quick.
 *
 * Idea: M. Nygard, "Release It!", 2007. Timeouts count as failures: an engine that hangs is as dead as one that refuses.
 */
export interface BreakerOptions {
  readonly clock: Clock;
  /** From 0 to 1; spreads the probes of many processes. */
  readonly random: () => number;
  /** Failures in a row that open it; default 3. */
  readonly failures?: number;
  /** First pause, ms; default 250. */
  readonly pauseMs?: number;
  /** Longest pause, ms; default 4,000, so that a healed engine is back within 5 s. */
  readonly maxPauseMs?: number;
  /** Told when it opens and when it closes again. */
  readonly onChange?: (state: "open" | "closed", cause: unknown) => void;
}

type State =
  | { readonly kind: "closed"; failures: number }
  | { readonly kind: "open"; readonly until: number; readonly pauseMs: number }
  | { readonly kind: "probing"; readonly until: number; readonly pauseMs: number };

export class Breaker {
  readonly #options: Required<Omit<BreakerOptions, "onChange">> & Pick<BreakerOptions, "onChange">;
  #state: State = { kind: "closed", failures: 0 };

  constructor(options: BreakerOptions) {
    this.#options = { failures: 3, pauseMs: 250, maxPauseMs: 4_000, ...options };
  }

  get state(): State["kind"] {
    return this.#state.kind;
  }

  /** Whether the next call may be tried; a `true` while it was open makes that call the probe, whose outcome must be told. */
  allows(): boolean {
    const state = this.#state;
    if (state.kind === "closed") return true;
    const now = this.#options.clock.monotonic();
    if (now < state.until) return false;
    // A probe that has not come back by then gets a successor: one call that hangs must not keep a healed engine off.
    this.#state = { kind: "probing", until: now + this.#options.maxPauseMs, pauseMs: state.pauseMs };
    return true;
  }

  succeeded(): void {
    const state = this.#state;
    if (state.kind === "closed") {
      state.failures = 0;
      return;
    }
    // A call that was under way when the circuit opened proves little, but an answer is an answer.
    this.#state = { kind: "closed", failures: 0 };
    this.#options.onChange?.("closed", undefined);
  }

  /** @param fatal the engine cannot work at all: it opens at the first such failure */
  failed(cause: unknown, fatal = false): void {
    const state = this.#state;
    if (state.kind === "open") return;
    if (state.kind === "closed") {
      state.failures++;
      if (fatal || state.failures >= this.#options.failures) {
        this.#open(this.#options.pauseMs);
        this.#options.onChange?.("open", cause);
      }
      return;
    }
    this.#open(Math.min(state.pauseMs * 2, this.#options.maxPauseMs));
  }

  /** The probe was withdrawn by its caller and says nothing; the next call may probe. */
  withdrawn(): void {
    const state = this.#state;
    if (state.kind === "probing") this.#state = { kind: "open", until: this.#options.clock.monotonic(), pauseMs: state.pauseMs };
  }

  /** The engine says that it is back: the next call may probe. */
  recovered(): void {
    const state = this.#state;
    if (state.kind === "open") this.#state = { kind: "open", until: this.#options.clock.monotonic(), pauseMs: state.pauseMs };
  }

  #open(pauseMs: number): void {
    const { clock, random } = this.#options;
    this.#state = { kind: "open", until: clock.monotonic() + pauseMs * (0.75 + 0.25 * random()), pauseMs };
  }
}
