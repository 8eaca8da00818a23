/**
 * Makes the windows cold that somebody could not keep current. Whoever writes past Redis notes the conversation in the same
 * transaction (`strata_stale_windows`); every process looks for such notes before it uses Redis for the first time, when Redis comes
 * back, and when it has left a note itself.
 *
 * Numbers that PostgreSQL gives while Redis is away are above a floor of their own, one a spell: a new epoch.
 */
import type { Clock } from "../../core/clock.ts";
import type { HistoryTables, StaleNote } from "../tables/history-tables.ts";
import { PostgresFailure } from "../tables/postgres-failure.ts";
import type { RedisWindows } from "./windows.ts";

/** How often it is looked for windows that others could not keep current. */
const SWEEP_MS = 1_000;

export interface WindowRepairsOptions {
  readonly tables: HistoryTables;
  readonly windows: RedisWindows;
  readonly clock: Clock;
  /** Whether Redis numbers messages: then it must not give again what PostgreSQL gave past it. */
  readonly redisNumbers: boolean;
}

export class WindowRepairs {
  readonly #options: WindowRepairsOptions;
  /** How often something happened after which windows may lack a message, and of how many of those that was looked for. */
  #doubts = 1;
  #swept = 0;
  #sweeping: Promise<void> | undefined;
  #cancelSweep: (() => void) | undefined;
  #isClosed = false;
  /** By stream. */
  readonly #floors = new Map<string, Promise<number>>();

  constructor(options: WindowRepairsOptions) {
    this.#options = options;
  }

  /** Redis can be reached, for the first time or again: others may have written past it. */
  reconnected(): void {
    this.#doubts++;
  }

  /** A note was left that a window lacks messages. */
  noted(): void {
    this.#doubts++;
    this.#sweepLater();
  }

  /** Above what PostgreSQL gives numbers while Redis is away. */
  floor(place: string): Promise<number> {
    const known = this.#floors.get(place);
    if (known !== undefined) return known;
    const floor = this.#options.tables.newEpoch(place);
    floor.catch(() => this.#floors.delete(place));
    this.#floors.set(place, floor);
    return floor;
  }

  /** Resolves when Redis may be used: `undefined` when it may at once. Rejects with {@link PostgresFailure}, or when Redis cannot be reached. */
  done(): Promise<void> | undefined {
    return this.#swept < this.#doubts ? this.#sweepAll() : undefined;
  }

  async #sweepAll(): Promise<void> {
    // Twice: a sweep that had begun before may have missed what is in doubt now.
    for (let times = 0; times < 2 && this.#swept < this.#doubts; times++) await this.#sweep();
  }

  /** Looks no more. */
  stop(): void {
    this.#isClosed = true;
    this.#cancelSweep?.();
  }

  /** Resolves when nothing of it is under way. */
  async settled(): Promise<void> {
    await this.#sweeping?.catch(() => undefined);
  }

  #sweep(): Promise<void> {
    this.#sweeping ??= this.#sweepOnce().finally(() => {
      this.#sweeping = undefined;
      this.#sweepLater();
    });
    return this.#sweeping;
  }

  async #sweepOnce(): Promise<void> {
    const { tables, windows, redisNumbers } = this.#options;
    const doubts = this.#doubts;
    await windows.meet();
    // All pages: a warm window that is left would be gone by. By their keys, so that it ends also when notes stay or come again.
    for (let notes = await this.#notes(""); notes.length > 0; notes = await this.#notes(notes.at(-1)!.key)) {
      await Promise.all(notes.map(({ key, last_seq: lastSeq }) => windows.invalidate(key, redisNumbers ? lastSeq : 0)));
      // Their windows are cold; a note that stays only makes them cold once more.
      await tables.unmarkStale(notes).catch(() => undefined);
    }
    this.#swept = doubts;
    if (doubts === this.#doubts) this.#floors.clear();
  }

  /** Without PostgreSQL nobody can say what was written past Redis, so Redis is not used until it can be asked. */
  #notes(after: string): Promise<readonly StaleNote[]> {
    return this.#options.tables.stale(after).catch((error: unknown) => {
      throw new PostgresFailure(error);
    });
  }

  #sweepLater(): void {
    if (this.#isClosed || this.#cancelSweep !== undefined) return;
    this.#cancelSweep = this.#options.clock.setTimer(
      SWEEP_MS,
      () => {
        this.#cancelSweep = undefined;
        this.#sweep().catch(() => undefined);
      },
      { background: true },
    );
  }
}
