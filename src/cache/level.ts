/** One tier as the store sees it: behind a guard, with its queue of writes and its counts. */
import { isPromise, type CallOptions, type MaybePromise } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import { describe, StrataError } from "../core/errors.ts";
import type { Emit, TierFaultEvent } from "../core/events.ts";
import { Guard } from "../core/guard.ts";
import { Histogram } from "../core/histogram.ts";
import type { Digest } from "../core/key.ts";
import { parseDuration } from "../core/options.ts";
import { WriteBehind } from "../core/write-behind.ts";
import type { Effort } from "./compressions/plan.ts";
import type { CacheTier, TierEntry, TierFilter, TierReadOptions } from "./tier.ts";

export interface LevelStats {
  readonly name: string;
  /** `"off"` while calls to it are not tried because they failed. */
  readonly state: "on" | "off";
  /** Reads that found a usable entry. */
  readonly hits: number;
  /** Reads that did not. */
  readonly misses: number;
  /** Hits among the lookups that reached this tier, 0 to 1. */
  readonly hitRate: number;
  /** `undefined` where the engine cannot tell without a scan. */
  readonly entries: number | undefined;
  /** As the tier counts them; `undefined` as above. */
  readonly bytes: number | undefined;
  /** Its bound; `undefined` = none of its own. */
  readonly maxBytes: number | undefined;
  /** Entries dropped for space. */
  readonly evicted: number;
  /** Failed calls. */
  readonly faults: number;
  /** Entries that were given up with failed writes. */
  readonly dropped: number;
  /** Writes that wait. */
  readonly queued: number;
  /** Milliseconds of one read. */
  readonly p50: number | undefined;
  /** The same for the slowest in a hundred. */
  readonly p99: number | undefined;
}

export interface LevelOptions {
  readonly tier: CacheTier;
  readonly clock: Clock;
  readonly random: () => number;
  readonly emit: Emit;
  readonly maxQueuedBytes: number;
  readonly write: (batch: readonly TierEntry[]) => Promise<void>;
}

const DEFAULT_DEADLINE_MS = 50;
/** Nobody waits for a write, so it may take longer: a commit to a busy disk does. */
const WRITE_DEADLINE_MS = 10_000;

const REMOVAL_BATCH = 500;

/** Reading the clock costs as much as a read from memory, so of synchronous reads only some are timed. */
const TIMED_EVERY = 16;

export class Level {
  readonly tier: CacheTier;
  hits = 0;
  /** How hard what goes there is packed. */
  effort: Effort;
  readonly #options: LevelOptions;
  readonly #guard: Guard;
  readonly #queue: WriteBehind<TierEntry>;
  readonly #reads = new Histogram();
  #lookups = 0;
  #isAsync = false;
  #faults = 0;
  #dropped = 0;

  constructor(options: LevelOptions) {
    const { tier, clock, random, emit } = options;
    this.tier = tier;
    this.effort = tier.compression ?? "none";
    this.#options = options;
    this.#guard = new Guard({
      name: `The ${tier.name} tier`,
      clock,
      random,
      deadlineMs: tier.deadline === undefined ? DEFAULT_DEADLINE_MS : parseDuration(`${tier.name}.deadline`, tier.deadline),
      fatal: (error) => StrataError.isInstance(error) && error.code === "UNAVAILABLE",
      onBreaker: (state, cause) =>
        emit?.({
          type: "tier.state",
          tier: tier.name,
          state: state === "open" ? "off" : "on",
          ...(cause !== undefined && { message: describeError(cause) }),
        }),
    });
    this.#queue = new WriteBehind<TierEntry>({
      write: options.write,
      sizeOf: (entry) => entry.value.byteLength + 256,
      maxBytes: options.maxQueuedBytes,
      clock,
      spacingMs: tier.writeEvery === undefined ? 0 : parseDuration(`${tier.name}.writeEvery`, tier.writeEvery),
      onError: (error, batch) => {
        this.#dropped += batch.length;
        this.fault("set", error);
      },
    });
  }

  /** The entry, `undefined` for a miss or a failure. Never throws and never rejects. */
  get(key: Digest, asked?: TierReadOptions): MaybePromise<TierEntry | undefined> {
    const { clock } = this.#options;
    const waiting = this.#queue.size > 0 ? this.#waiting(key) : undefined;
    if (waiting !== undefined) {
      this.#lookups++;
      return waiting;
    }
    const isTimed = this.#lookups++ % TIMED_EVERY === 0 || this.#isAsync;
    const start = isTimed ? clock.monotonic() : 0;
    try {
      const answer = this.#guard.run(() => this.tier.get([key], asked));
      if (isPromise(answer)) {
        this.#isAsync = true;
        return this.#await(answer, start);
      }
      if (isTimed) this.#reads.record(clock.monotonic() - start);
      return answer[0];
    } catch (error) {
      this.fault("get", error);
      return undefined;
    }
  }

  /** Stores now. Never rejects. Where the caller waits for it, it has no more time than a read. */
  set(entries: readonly TierEntry[]): MaybePromise<void> {
    try {
      const deadline = this.tier.writes === "through" ? {} : { deadlineMs: WRITE_DEADLINE_MS };
      const done = this.#guard.run((options) => this.tier.set(entries, options), deadline);
      if (!isPromise(done)) return undefined;
      return done.catch((error: unknown) => this.#giveUp(entries.length, error));
    } catch (error) {
      return this.#giveUp(entries.length, error);
    }
  }

  /** Stores soon, or gives up when too much waits already. */
  enqueue(entry: TierEntry): void {
    try {
      this.#queue.put(entry.key, entry);
    } catch (error) {
      this.#giveUp(1, error);
    }
  }

  async delete(keys: readonly Digest[], matches: (entry: TierEntry) => boolean): Promise<number> {
    return this.#remove("delete", matches, (options) => this.tier.delete(keys, options));
  }

  /** @param onError told of a failure beside the event */
  async clear(filter: TierFilter, onError?: (error: unknown) => void): Promise<number> {
    const matches = (entry: TierEntry): boolean =>
      (filter.scope === undefined || entry.scope === filter.scope) &&
      (filter.tag === undefined || (entry.tags?.includes(filter.tag) ?? false));
    return this.#remove("clear", matches, (options) => this.tier.clear(filter, options), onError);
  }

  /** Goes through all entries and removes those that match. Each step has the time of a write: an engine may hang at any. */
  async removeWhere(matches: (entry: TierEntry) => boolean): Promise<number> {
    const removed = await this.#queue.withdraw(matches);
    const deadline = { deadlineMs: WRITE_DEADLINE_MS };
    const walk = new AbortController();
    let deleted = 0;
    let keys: Digest[] = [];
    const deleteKeys = async (): Promise<void> => {
      deleted += await this.#guard.run((options) => this.tier.delete(keys, options), deadline);
      keys = [];
    };
    try {
      const entries = this.tier.entries({ signal: walk.signal })[Symbol.asyncIterator]();
      for (;;) {
        const step = await this.#guard.run(() => entries.next(), deadline);
        if (step.done === true) break;
        if (matches(step.value)) keys.push(step.value.key);
        if (keys.length >= REMOVAL_BATCH) await deleteKeys();
      }
      if (keys.length > 0) await deleteKeys();
    } catch (error) {
      walk.abort(error);
      this.fault("clear", error);
    }
    return Math.max(removed, deleted);
  }

  /** All live entries that the tier lists; a tier that fails lists no more of them. */
  async *entries(): AsyncGenerator<TierEntry> {
    try {
      yield* this.tier.entries();
    } catch (error) {
      this.fault("get", error);
    }
  }

  /** The tier says that its engine is back. */
  recovered(): void {
    this.#guard.recovered();
  }

  async flush(): Promise<void> {
    await this.#queue.drain();
  }

  async close(): Promise<void> {
    const { clock, random } = this.#options;
    try {
      // Not behind the tier's own guard: what is switched off must be closed too. But no engine may keep a process from ending.
      await new Guard({ name: `The ${this.tier.name} tier`, clock, random, deadlineMs: WRITE_DEADLINE_MS }).run(() =>
        this.tier.close(),
      );
    } catch (error) {
      this.fault("close", error);
    }
  }

  /** Counts and tells of a failure, once for each that tells something new: an open circuit was told when it opened. */
  fault(operation: TierFaultEvent["operation"], error: unknown): void {
    this.#faults++;
    const code = StrataError.isInstance(error) ? error.code : "ENGINE";
    if (code === "CIRCUIT_OPEN" || code === "UNAVAILABLE") return;
    this.#options.emit?.({ type: "tier.fault", tier: this.tier.name, operation, code, message: describeError(error) });
  }

  stats(): LevelStats {
    const { entries, bytes, evicted, maxBytes } = this.tier.stats();
    return {
      name: this.tier.name,
      state: this.#guard.state === "closed" ? "on" : "off",
      hits: this.hits,
      misses: this.#lookups - this.hits,
      hitRate: this.#lookups === 0 ? 0 : this.hits / this.#lookups,
      entries,
      bytes,
      maxBytes,
      evicted,
      faults: this.#faults,
      dropped: this.#dropped,
      queued: this.#queue.size,
      p50: this.#reads.quantile(0.5),
      p99: this.#reads.quantile(0.99),
    };
  }

  async #await(answer: Promise<ReadonlyArray<TierEntry | undefined>>, start: number): Promise<TierEntry | undefined> {
    try {
      const entries = await answer;
      this.#reads.record(this.#options.clock.monotonic() - start);
      return entries[0];
    } catch (error) {
      this.fault("get", error);
      return undefined;
    }
  }

  /** What was accepted and is not yet written: newer than what the tier has, and there when the tier does not answer. */
  #waiting(key: Digest): TierEntry | undefined {
    const entry = this.#queue.get(key);
    return entry?.expiresAt !== undefined && entry.expiresAt <= this.#options.clock.now() ? undefined : entry;
  }

  async #remove(
    operation: "delete" | "clear",
    matches: (entry: TierEntry) => boolean,
    remove: (options: CallOptions) => MaybePromise<number>,
    onError?: (error: unknown) => void,
  ): Promise<number> {
    const withdrawn = await this.#queue.withdraw(matches);
    try {
      return Math.max(withdrawn, await this.#guard.run(remove, { deadlineMs: WRITE_DEADLINE_MS }));
    } catch (error) {
      this.fault(operation, error);
      onError?.(error);
      return withdrawn;
    }
  }

  #giveUp(entries: number, error: unknown): void {
    this.#dropped += entries;
    this.fault("set", error);
  }
}

function describeError(error: unknown): string {
  return error instanceof Error ? error.message : describe(error);
}
