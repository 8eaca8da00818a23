import { waitOrAbort, type CallOptions } from "./abort.ts";

/**
 * One computation a key, shared by all who ask while it runs.
 *
 * Fan-in rule for cancellation: a caller who aborts leaves at once; the computation itself is aborted only when its last waiter
 * has left. A failure is given to all who wait and kept for nobody who comes later.
 */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Flight<T>>();

  /** How many computations run now. */
  get size(): number {
    return this.#flights.size;
  }

  /** Whether a computation for `key` runs now, which the next caller would join. */
  isUnderWay(key: string): boolean {
    return this.#flights.has(key);
  }

  /** Runs `compute` for `key`, or joins the run that is under way. */
  run(key: string, compute: (signal: AbortSignal) => Promise<T>, options: CallOptions = {}): Promise<T> {
    if (options.signal?.aborted) return Promise.reject(options.signal.reason as Error);
    const flight = this.#flights.get(key) ?? this.#start(key, compute);
    flight.waiters++;
    return waitOrAbort(flight.result, options.signal).finally(() => {
      flight.waiters--;
      if (flight.waiters > 0 || flight.settled) return;
      this.#remove(key, flight);
      flight.controller.abort(options.signal?.reason);
    });
  }

  #start(key: string, compute: (signal: AbortSignal) => Promise<T>): Flight<T> {
    const controller = new AbortController();
    // In a promise's executor, so that a `compute` that throws at once rejects like any other.
    const result = new Promise<T>((resolve) => resolve(compute(controller.signal)));
    const flight: Flight<T> = { controller, result, waiters: 0, settled: false };
    this.#flights.set(key, flight);
    const end = (): void => {
      flight.settled = true;
      this.#remove(key, flight);
    };
    flight.result.then(end, end);
    return flight;
  }

  #remove(key: string, flight: Flight<T>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }
}

interface Flight<T> {
  readonly controller: AbortController;
  readonly result: Promise<T>;
  waiters: number;
  settled: boolean;
}
