/** One run of a task under way: what was done, and whether there is leave to do more. */
import type { Clock } from "../core/clock.ts";
import { parseCount, parseDuration } from "../core/options.ts";
import type { TaskReport, TaskRunOptions } from "./task.ts";

export class TaskRun {
  readonly signal: AbortSignal | undefined;
  readonly #clock: Clock;
  readonly #onProgress: TaskRunOptions["onProgress"];
  readonly #mostItems: number;
  readonly #until: number;
  readonly #by = new Map<string, number>();
  readonly #failed: Record<string, string> = {};
  #items = 0;
  #isCut = false;

  /** @throws {@link StrataConfigError} for a budget that is none */
  constructor(clock: Clock, { budget, signal, onProgress }: TaskRunOptions = {}) {
    this.#clock = clock;
    this.signal = signal;
    this.#onProgress = onProgress;
    this.#mostItems = budget?.items === undefined ? Infinity : parseCount("budget.items", budget.items);
    this.#until = budget?.time === undefined ? Infinity : clock.monotonic() + parseDuration("budget.time", budget.time);
    signal?.throwIfAborted();
  }

  /** How many items the next step may touch, `most` at most; 0 when the budget is used up. Throws the signal's reason. */
  room(most: number): number {
    this.signal?.throwIfAborted();
    const isLate = this.#clock.monotonic() >= this.#until;
    const room = isLate ? 0 : Math.max(0, Math.min(most, this.#mostItems - this.#items));
    if (room === 0) this.#isCut = true;
    return room;
  }

  /** Counts what a step has done. */
  done(items: number, what: string): void {
    if (items === 0) return;
    this.#items += items;
    this.#by.set(what, (this.#by.get(what) ?? 0) + items);
    this.#onProgress?.({ items: this.#items });
  }

  failed(what: string, error: unknown): void {
    this.signal?.throwIfAborted();
    this.#failed[what] = error instanceof Error ? error.message : String(error);
  }

  report(): TaskReport {
    const by = Object.fromEntries(this.#by);
    return { items: this.#items, by, complete: !this.#isCut && Object.keys(this.#failed).length === 0, failed: this.#failed };
  }
}
