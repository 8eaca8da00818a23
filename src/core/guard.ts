/**
 * A guard around the calls to one engine: deadline, then retry, then breaker. What it throws, its caller turns into the fallback
 * that fits (a miss, the incoming order, a queue).
 *
 * A call that answers synchronously passes with no timer and no promise: the memory and disk tiers are read that way.
 */
import { isPromise, onAbort, sleep, type CallOptions, type MaybePromise } from "./abort.ts";
import { Breaker, type BreakerOptions } from "./breaker.ts";
import type { Clock } from "./clock.ts";
import { StrataError } from "./errors.ts";

export interface RetryOptions {
  /** Further tries after the first; default 0. */
  readonly retries: number;
  /** Upper bound of the first wait, ms; it doubles with each try. The wait itself is uniform below it ("full jitter"). */
  readonly baseMs: number;
  /** Upper bound of any wait, ms. */
  readonly maxMs: number;
  /**
   * Whether the error is worth another try; default: all are. One that is not (a bad request, a wrong key) says nothing of the
   * engine's health: it does not count against it, unless it is `fatal`.
   */
  readonly worthIt?: (error: unknown) => boolean;
  /**
   * What the server asked for (`Retry-After`), ms; takes the place of the jittered wait when larger. When it is beyond `maxMs`
   * there is no further try: a sooner one would be refused again.
   */
  readonly askedMs?: (error: unknown) => number | undefined;
}

export interface GuardOptions {
  /** Names the engine in errors. */
  readonly name: string;
  readonly clock: Clock;
  readonly random: () => number;
  /** Of each try, ms; default none. */
  readonly deadlineMs?: number | undefined;
  readonly retry?: RetryOptions;
  readonly breaker?: Pick<BreakerOptions, "failures" | "pauseMs" | "maxPauseMs">;
  readonly onBreaker?: BreakerOptions["onChange"];
  /** Errors that show that the engine cannot work at all, so that the breaker opens at the first. */
  readonly fatal?: (error: unknown) => boolean;
}

/** How one call is made. */
export interface GuardedCall extends CallOptions {
  /** In place of the guard's own deadline, ms. */
  readonly deadlineMs?: number | undefined;
}

export class Guard {
  readonly #options: GuardOptions;
  readonly #breaker: Breaker;

  constructor(options: GuardOptions) {
    this.#options = options;
    const { clock, random, onBreaker: onChange } = options;
    this.#breaker = new Breaker({ clock, random, ...options.breaker, ...(onChange && { onChange }) });
  }

  /** The engine says that it is back: the next call is tried, also while the circuit is open. */
  recovered(): void {
    this.#breaker.recovered();
  }

  /** Whether the next call would be tried. */
  get state(): "closed" | "open" | "probing" {
    return this.#breaker.state;
  }

  /**
   * Runs `call` under the guard. The signal that it gets is the caller's alone: an answer that comes after the deadline is
   * dropped, not awaited.
   * @throws {@link StrataError} `CIRCUIT_OPEN` at once, `TIMEOUT` after the deadline; else what `call` threw
   */
  run<T>(call: (options: CallOptions) => MaybePromise<T>, options: GuardedCall = {}): MaybePromise<T> {
    options.signal?.throwIfAborted();
    if (!this.#breaker.allows()) throw new StrataError("CIRCUIT_OPEN", `${this.#options.name} failed lately and was not tried.`);
    let outcome: MaybePromise<T>;
    try {
      outcome = call(options);
    } catch (error) {
      return this.#afterFailure(error, call, options);
    }
    if (isPromise(outcome)) return this.#watch(outcome, call, options);
    this.#breaker.succeeded();
    return outcome;
  }

  async #watch<T>(first: Promise<T>, call: (options: CallOptions) => MaybePromise<T>, options: GuardedCall): Promise<T> {
    try {
      const value = await this.#withDeadline(first, options);
      this.#breaker.succeeded();
      return value;
    } catch (error) {
      return this.#afterFailure(error, call, options);
    }
  }

  #afterFailure<T>(error: unknown, call: (options: CallOptions) => MaybePromise<T>, options: GuardedCall): MaybePromise<T> {
    if (options.signal?.aborted) {
      this.#breaker.withdrawn();
      throw error;
    }
    this.#fail(error);
    if (this.#options.retry === undefined) throw error;
    return this.#retry(error, call, options, this.#options.retry);
  }

  #fail(error: unknown): void {
    const fatal = this.#options.fatal?.(error) ?? false;
    if (!fatal && this.#options.retry?.worthIt?.(error) === false) this.#breaker.withdrawn();
    else this.#breaker.failed(error, fatal);
  }

  async #retry<T>(
    error: unknown,
    call: (options: CallOptions) => MaybePromise<T>,
    options: GuardedCall,
    retry: RetryOptions,
  ): Promise<T> {
    const { clock, random } = this.#options;
    let last = error;
    for (let attempt = 0; attempt < retry.retries; attempt++) {
      if (retry.worthIt?.(last) === false) break;
      const asked = retry.askedMs?.(last) ?? 0;
      if (asked > retry.maxMs) break;
      const jittered = random() * Math.min(retry.maxMs, retry.baseMs * 2 ** attempt);
      await sleep(clock, Math.max(jittered, asked), options);
      if (!this.#breaker.allows()) break;
      try {
        const value = await this.#withDeadline(Promise.resolve(call(options)), options);
        this.#breaker.succeeded();
        return value;
      } catch (failure) {
        last = failure;
        if (options.signal?.aborted) {
          this.#breaker.withdrawn();
          break;
        }
        this.#fail(failure);
      }
    }
    throw last;
  }

  #withDeadline<T>(call: Promise<T>, { signal, deadlineMs = this.#options.deadlineMs }: GuardedCall): Promise<T> {
    const { clock, name } = this.#options;
    if (deadlineMs === undefined && signal === undefined) return call;
    return new Promise<T>((resolve, reject) => {
      const expire = (): void => {
        release?.();
        reject(new StrataError("TIMEOUT", `${name} did not answer within ${deadlineMs} ms.`));
      };
      // Timers come before input in a turn of the event loop. After the host has blocked it, an answer may lie ready; it is
      // taken first, so that the host's pause is not counted against the engine.
      const cancel = deadlineMs === undefined ? undefined : clock.setTimer(deadlineMs, () => setImmediate(expire));
      const release =
        signal &&
        onAbort(signal, () => {
          cancel?.();
          reject(signal.reason as Error);
        });
      const end = (): void => {
        cancel?.();
        release?.();
      };
      call.then(
        (value) => {
          end();
          resolve(value);
        },
        (error: unknown) => {
          end();
          reject(error);
        },
      );
    });
  }
}
