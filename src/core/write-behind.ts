import { systemClock, type Clock } from "./clock.ts";
import { StrataError } from "./errors.ts";

export interface WriteBehindOptions<V> {
  /** Writes one batch; what it throws is told to `onError` with the batch, which is then given up. */
  readonly write: (batch: readonly V[]) => Promise<void>;
  readonly sizeOf: (value: V) => number;
  /** Bytes that may wait or be under way; more is refused. */
  readonly maxBytes: number;
  /** Values in one batch; default 256. */
  readonly maxBatch?: number;
  /**
   * From the end of one batch to the beginning of the next, ms, unless a batch is full or somebody drains; default 0. What comes
   * after a pause is written at once; what comes in a stream gathers, where each batch costs the engine and its readers a trip.
   */
  readonly spacingMs?: number;
  readonly clock?: Clock;
  /** Must not throw. */
  readonly onError: (error: unknown, batch: readonly V[]) => void;
}

/**
 * A bounded queue of writes that nobody waits for, one value a key. While one batch is being written, newer values gather into
 * the next, so a slow engine sees fewer and larger batches instead of a longer queue. Its values can be read and withdrawn until
 * they are written, so that a reader never misses what was accepted, and a deletion cannot be undone by a late write.
 */
export class WriteBehind<V> {
  readonly #options: Required<WriteBehindOptions<V>>;
  #waiting = new Map<string, V>();
  #writing = new Map<string, V>();
  #bytes = 0;
  /** Ends with the batch that is being written. */
  #batch: Promise<void> = Promise.resolve();
  #running: Promise<void> | undefined;
  /** When the next batch may begin, on the monotonic clock. */
  #notBefore = -Infinity;
  #draining = 0;
  /** Ends the wait for it. */
  #hurry: (() => void) | undefined;

  constructor(options: WriteBehindOptions<V>) {
    this.#options = { maxBatch: 256, spacingMs: 0, clock: systemClock, ...options };
  }

  /** Values that wait or are being written. */
  get size(): number {
    return this.#waiting.size + this.#writing.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** @throws {@link StrataError} `QUEUE_FULL` */
  put(key: string, value: V): void {
    const { sizeOf, maxBytes } = this.#options;
    const replaced = this.#waiting.get(key);
    const growth = sizeOf(value) - (replaced === undefined ? 0 : sizeOf(replaced));
    if (this.#bytes + growth > maxBytes) {
      throw new StrataError(
        "QUEUE_FULL",
        `${this.size} writes wait with ${this.#bytes} of ${maxBytes} bytes; no more are taken.`,
      );
    }
    this.#bytes += growth;
    this.#waiting.set(key, value);
    this.#running ??= this.#run();
    if (this.#hurry !== undefined && this.#waiting.size >= this.#options.maxBatch) this.#hurry();
  }

  /** The newest value that is not yet written. */
  get(key: string): V | undefined {
    return this.#waiting.get(key) ?? this.#writing.get(key);
  }

  /**
   * Withdraws the waiting values that match, and resolves when none that match is being written any more.
   * @returns how many were withdrawn
   */
  async withdraw(matches: (value: V, key: string) => boolean): Promise<number> {
    let withdrawn = 0;
    for (const [key, value] of this.#waiting) {
      if (!matches(value, key)) continue;
      this.#waiting.delete(key);
      this.#bytes -= this.#options.sizeOf(value);
      withdrawn++;
    }
    for (const [key, value] of this.#writing) {
      if (!matches(value, key)) continue;
      await this.#batch;
      break;
    }
    return withdrawn;
  }

  /** Resolves when everything accepted, up to now and meanwhile, is written or given up. */
  async drain(): Promise<void> {
    this.#draining++;
    this.#hurry?.();
    while (this.#running !== undefined) await this.#running;
    this.#draining--;
  }

  async #run(): Promise<void> {
    // Not at once: the caller's own work goes first, and what it puts in this turn becomes one batch.
    await turn();
    try {
      while (this.#waiting.size > 0) {
        await this.#spaced();
        if (this.#waiting.size === 0) break;
        this.#writing = this.#take();
        this.#batch = this.#write([...this.#writing.values()]);
        await this.#batch;
      }
    } finally {
      this.#running = undefined;
    }
  }

  /** Resolves when the next batch may begin. */
  async #spaced(): Promise<void> {
    const { clock, maxBatch, spacingMs } = this.#options;
    if (spacingMs === 0 || this.#draining > 0 || this.#waiting.size >= maxBatch) return;
    const ms = this.#notBefore - clock.monotonic();
    if (ms <= 0) return;
    await new Promise<void>((resolve) => {
      const cancel = clock.setTimer(ms, resolve);
      this.#hurry = () => {
        cancel();
        resolve();
      };
    });
    this.#hurry = undefined;
  }

  async #write(batch: readonly V[]): Promise<void> {
    try {
      await this.#options.write(batch);
    } catch (error) {
      this.#options.onError(error, batch);
    } finally {
      const { clock, sizeOf, spacingMs } = this.#options;
      for (const value of batch) this.#bytes -= sizeOf(value);
      this.#writing = new Map();
      if (spacingMs > 0) this.#notBefore = clock.monotonic() + spacingMs;
    }
  }

  #take(): Map<string, V> {
    const { maxBatch } = this.#options;
    if (this.#waiting.size <= maxBatch) {
      const all = this.#waiting;
      this.#waiting = new Map();
      return all;
    }
    const some = new Map<string, V>();
    for (const [key, value] of this.#waiting) {
      if (some.size === maxBatch) break;
      some.set(key, value);
      this.#waiting.delete(key);
    }
    return some;
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
