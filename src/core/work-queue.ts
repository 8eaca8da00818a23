import { StrataError } from "./errors.ts";

export interface WorkQueueOptions {
  /** How many tasks run at the same time; default 8. */
  readonly concurrency?: number;
  /** How many bytes of work may wait or run; a task beyond it is refused. Default 64 MiB. */
  readonly maxBytes?: number;
  /** Told of every task that failed; a queue has no caller to reject. */
  readonly onError: (error: unknown) => void;
}

/**
 * Bounded background work, such as writes that a caller must not wait for. A full queue refuses instead of growing: what waits
 * in memory is lost with the process, so it stays small.
 */
export class WorkQueue {
  readonly #concurrency: number;
  readonly #maxBytes: number;
  readonly #onError: (error: unknown) => void;
  readonly #waiting: Task[] = [];
  #running = 0;
  #bytes = 0;
  #closed = false;
  #idle: (() => void)[] = [];

  constructor(options: WorkQueueOptions) {
    this.#concurrency = options.concurrency ?? 8;
    this.#maxBytes = options.maxBytes ?? 64 * 1024 * 1024;
    this.#onError = options.onError;
  }

  /** Tasks that wait or run. */
  get size(): number {
    return this.#waiting.length + this.#running;
  }

  /** Bytes of the tasks that wait or run. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Accepts a task, or refuses it.
   * @param bytes what the task holds in memory until it is done
   * @throws {@link StrataError} `QUEUE_FULL` or `CLOSED`
   */
  push(bytes: number, run: () => Promise<void>): void {
    if (this.#closed) throw new StrataError("CLOSED", "The queue is closed and takes no more work.");
    if (this.#bytes + bytes > this.#maxBytes && this.size > 0) {
      throw new StrataError("QUEUE_FULL", `The queue holds ${this.#bytes} of ${this.#maxBytes} bytes and takes no ${bytes} more.`);
    }
    this.#bytes += bytes;
    this.#waiting.push({ bytes, run });
    this.#next();
  }

  /** Resolves when everything accepted so far, and what came while waiting, is done. */
  async drain(): Promise<void> {
    if (this.size === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Takes no more work and waits for what it has. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.drain();
  }

  #next(): void {
    while (this.#running < this.#concurrency) {
      const task = this.#waiting.shift();
      if (task === undefined) break;
      this.#running++;
      void this.#run(task);
    }
  }

  async #run(task: Task): Promise<void> {
    try {
      await task.run();
    } catch (error) {
      this.#onError(error);
    }
    this.#running--;
    this.#bytes -= task.bytes;
    this.#next();
    if (this.size > 0) return;
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }
}

interface Task {
  readonly bytes: number;
  readonly run: () => Promise<void>;
}
