/** What an archive does wherever it keeps its entries: lives, housekeeping behind the writes, and ending in good order. */
import type { CallOptions } from "../../core/abort.ts";
import { systemClock, type Clock } from "../../core/clock.ts";
import { StrataError } from "../../core/errors.ts";
import type { Digest } from "../../core/key.ts";
import type { Duration } from "../../core/options.ts";
import { tagDigest } from "../tags.ts";
import type { CacheTier, TierEntry, TierFilter, TierHost } from "../tier.ts";
import type { ArchiveShelf } from "./archive-shelf.ts";

export interface ArchiveTierSettings {
  readonly shelf: ArchiveShelf;
  /** Longest life; `Infinity` = none of its own. */
  readonly ttlMs: number;
  readonly deadline: Duration;
  readonly writes: "on-demotion" | "behind";
}

/** What has expired takes room only, so it is looked for once in a while, after a write. */
const SWEEP_EVERY_MS = 60_000;
/** Uses are noted together; a process that dies loses those of the last seconds. */
const NOTE_USES_EVERY_MS = 10_000;

export class ArchiveTier implements CacheTier {
  readonly name = "archive";
  readonly compression = "best";
  readonly writes: "on-demotion" | "behind";
  readonly deadline: Duration;
  readonly #shelf: ArchiveShelf;
  readonly #ttlMs: number;
  readonly #pending = new Set<Promise<unknown>>();
  readonly #used = new Set<Digest>();
  #clock: Clock = systemClock;
  #host: TierHost | undefined;
  #sweptAt = -Infinity;
  #cancelNote: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  constructor({ shelf, ttlMs, deadline, writes }: ArchiveTierSettings) {
    this.#shelf = shelf;
    this.#ttlMs = ttlMs;
    this.deadline = deadline;
    this.writes = writes;
  }

  attach(host: TierHost): void {
    this.#host = host;
    this.#clock = host.clock;
  }

  async get(keys: readonly Digest[], options?: CallOptions): Promise<ReadonlyArray<TierEntry | undefined>> {
    this.#begin(options);
    if (keys.length === 0) return [];
    const found = new Map<Digest, TierEntry>();
    for (const entry of await this.#shelf.get([...new Set(keys)], this.#clock.now())) found.set(entry.key, entry);
    this.#noteUses(found.keys());
    return keys.map((key) => found.get(key));
  }

  set(entries: readonly TierEntry[], options?: CallOptions): Promise<void> {
    return this.#tracked(async () => {
      this.#begin(options);
      const now = this.#clock.now();
      // The last of the entries of a key is the one that counts.
      const latest = new Map(entries.map((entry) => [entry.key, this.#shelved(entry, now)]));
      const alive = [...latest.values()].filter(({ expiresAt }) => expiresAt === undefined || expiresAt > now);
      if (alive.length < latest.size) {
        for (const { key } of alive) latest.delete(key);
        await this.#shelf.delete([...latest.keys()], now);
      }
      if (alive.length > 0) await this.#shelf.put(alive, now);
      if (this.#clock.monotonic() - this.#sweptAt < SWEEP_EVERY_MS) return;
      this.#sweptAt = this.#clock.monotonic();
      await this.#shelf.sweep(now);
    });
  }

  delete(keys: readonly Digest[], options?: CallOptions): Promise<number> {
    return this.#tracked(async () => {
      this.#begin(options);
      return keys.length === 0 ? 0 : this.#shelf.delete([...new Set(keys)], this.#clock.now());
    });
  }

  clear({ scope, tag }: TierFilter = {}, options?: CallOptions): Promise<number> {
    return this.#tracked(async () => {
      this.#begin(options);
      const filter = { scope, tag: tag === undefined ? undefined : tagDigest(tag) };
      return this.#shelf.clear(filter, this.#clock.now(), options?.signal);
    });
  }

  async *entries(options?: CallOptions): AsyncIterable<TierEntry> {
    this.#begin(options);
    yield* this.#shelf.list(() => this.#clock.now(), options?.signal);
  }

  async expired({ remove, signal }: CallOptions & { readonly remove?: number | undefined } = {}): Promise<number> {
    this.#begin({ signal });
    return this.#shelf.expired(this.#clock.now(), remove, signal);
  }

  stats(): { entries: undefined; bytes: undefined; evicted: number } {
    return { entries: undefined, bytes: undefined, evicted: 0 };
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #end(): Promise<void> {
    await Promise.allSettled(this.#pending);
    this.#cancelNote?.();
    await this.#writeUses();
  }

  #begin(options: CallOptions | undefined): void {
    options?.signal?.throwIfAborted();
    if (this.#closing !== undefined) throw new StrataError("CLOSED", "The archive tier is closed.");
  }

  async #tracked<T>(work: () => Promise<T>): Promise<T> {
    const running = work();
    this.#pending.add(running);
    try {
      return await running;
    } finally {
      this.#pending.delete(running);
    }
  }

  #shelved(entry: TierEntry, now: number): TierEntry {
    const { key, value, scope, tags = [], cost } = entry;
    const expiresAt = Math.min(entry.expiresAt ?? Infinity, now + this.#ttlMs);
    return { key, value, scope, tags: tags.map(tagDigest), cost, ...(expiresAt !== Infinity && { expiresAt }) };
  }

  #noteUses(keys: Iterable<Digest>): void {
    if (this.#shelf.used === undefined) return;
    for (const key of keys) this.#used.add(key);
    if (this.#used.size === 0) return;
    this.#cancelNote ??= this.#clock.setTimer(NOTE_USES_EVERY_MS, () => void this.#writeUses(), { background: true });
  }

  async #writeUses(): Promise<void> {
    this.#cancelNote = undefined;
    const keys = [...this.#used];
    this.#used.clear();
    if (keys.length === 0) return;
    try {
      await this.#shelf.used?.(keys, this.#clock.now());
    } catch (error) {
      this.#host?.fault("set", error);
    }
  }
}
