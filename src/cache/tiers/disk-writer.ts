/** Everything that changes what the disk tier holds: entries stored, noted as used, removed and evicted, each with its room. */
import type { CallOptions } from "../../core/abort.ts";
import type { Clock } from "../../core/clock.ts";
import type { Digest } from "../../core/key.ts";
import type { TierEntry, TierFilter } from "../tier.ts";
import { copiedBytes, keyBytes, measure, type Engine, type Measure } from "./disk-engine.ts";
import { evict } from "./disk-eviction.ts";
import { readRecord, recordMatches, touchRecord, writeRecord } from "./disk-record.ts";
import { transact } from "./disk-transaction.ts";
import { toStored } from "./disk-value.ts";

export interface DiskWriterOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly random: () => number;
  readonly maxBytes: number;
  /** Longest life, ms; `Infinity` = none. */
  readonly ttl: number;
  /** Told of entries that were dropped for space. */
  readonly onEvicted: (entries: readonly TierEntry[]) => void;
  /** Told when the disk begins to have no room. */
  readonly onDiskFull: (cause: unknown) => void;
}

/** An entry as it goes into the tables. */
interface Row {
  readonly entry: TierEntry;
  readonly key: Buffer;
  /** `undefined` for an entry that is not stored, but takes away the one before it. */
  readonly value: Buffer | undefined;
  readonly record: Buffer;
  readonly alive: boolean;
}

/** Evicted down to this share of the limit, so that eviction comes in batches. */
const LOW_WATER = 0.95;
/** Entries changed in one transaction, which holds the event loop for about a millisecond. */
const BATCH = 100;
/** Records looked at in one go before the event loop gets its turn. */
const PAGE = 500;

export class DiskWriter {
  readonly #options: DiskWriterOptions;
  readonly #engine: Engine;
  #maxBytes: number;
  /** Bytes that writes under way may still take at the end of the file. */
  #unwritten = 0;
  #diskFull = false;
  #shrinking: Promise<boolean> | undefined;

  constructor(options: DiskWriterOptions) {
    this.#options = options;
    this.#engine = options.engine;
    this.#maxBytes = options.maxBytes;
  }

  /** Resolves when the entries are committed and the limit holds. */
  async store(entries: readonly TierEntry[]): Promise<void> {
    const { values, uses } = this.#engine;
    const rows = entries.map((entry) => this.#toRow(entry));
    const before = measure(this.#engine);
    const need = rows.reduce((sum, row) => sum + rowBytes(row), copiedBytes(before, rows.length));
    const fits = this.#hasRoom(before, need, rows.length);
    this.#unwritten += need;
    try {
      await transact(this.#engine, () => {
        for (const { key, value, record } of rows) {
          if (fits && value !== undefined) {
            void values.put(key, value);
            void uses.put(key, record);
          } else {
            void values.remove(key);
            void uses.remove(key);
          }
        }
      });
    } finally {
      this.#unwritten -= need;
    }
    const dropped = rows.filter(({ value, alive }) => alive && (!fits || value === undefined));
    if (dropped.length > 0) this.#options.onEvicted(dropped.map(({ entry }) => entry));
    await this.shrink();
  }

  /** Gives how many were there and alive. */
  async remove(keys: ReadonlySet<Digest>): Promise<number> {
    const { values, uses } = this.#engine;
    this.#makeRoomToRewrite(keys.size);
    const now = this.#options.clock.now();
    let removed = 0;
    await transact(this.#engine, () => {
      for (const key of keys) {
        const bytes = keyBytes(key);
        const record = uses.getBinary(bytes);
        if (record !== undefined && (readRecord(record)?.expiresAt ?? Infinity) > now) removed++;
        void values.remove(bytes);
        void uses.remove(bytes);
      }
    });
    return removed;
  }

  async removeAll(): Promise<number> {
    const { values, uses, room } = this.#engine;
    const before = measure(this.#engine);
    try {
      // A word for each page that becomes free, in pages that lie side by side.
      room.toRewrite({ ...before, free: 0 }, this.#unwritten + copiedBytes(before, 0) + before.used / 256);
    } catch {
      return this.removeWhere({});
    }
    let removed = 0;
    await transact(this.#engine, () => {
      removed = measure(this.#engine).entries;
      values.clearSync();
      uses.clearSync();
    });
    return removed;
  }

  async removeWhere(filter: TierFilter): Promise<number> {
    const { values, uses } = this.#engine;
    let removed = 0;
    let from: Buffer | undefined;
    for (;;) {
      const page = [...uses.getRange({ ...(from !== undefined && { start: from, exclusiveStart: true }), limit: PAGE })];
      if (page.length === 0) return removed;
      const keys = page.filter(({ value }) => recordMatches(value, filter)).map(({ key }) => key);
      await this.#rewrite(keys, (key) => {
        void values.remove(key);
        void uses.remove(key);
      });
      removed += keys.length;
      from = page.at(-1)?.key;
    }
  }

  /** How many have expired and are still there; removes up to `remove` of them. */
  async expired({ remove, signal }: CallOptions & { readonly remove?: number | undefined } = {}): Promise<number> {
    const { values, uses } = this.#engine;
    let count = 0;
    let from: Buffer | undefined;
    while (count < (remove ?? Infinity)) {
      signal?.throwIfAborted();
      const page = [...uses.getRange({ ...(from !== undefined && { start: from, exclusiveStart: true }), limit: PAGE })];
      if (page.length === 0) break;
      const now = this.#options.clock.now();
      const over = page.filter(({ value }) => (readRecord(value)?.expiresAt ?? -Infinity) <= now).map(({ key }) => key);
      const some = over.slice(0, (remove ?? Infinity) - count);
      if (remove !== undefined) {
        await this.#rewrite(some, (key) => {
          void values.remove(key);
          void uses.remove(key);
        });
      }
      count += some.length;
      from = page.at(-1)?.key;
    }
    return count;
  }

  /** Notes that these were used now. */
  async touch(keys: Iterable<Digest>): Promise<void> {
    const { uses } = this.#engine;
    const now = this.#options.clock.now();
    await this.#rewrite(Array.from(keys, keyBytes), (key) => {
      const record = uses.getBinary(key);
      const noted = record && touchRecord(record, now);
      if (noted !== undefined) void uses.put(key, noted);
    });
  }

  async setLimit(maxBytes: number): Promise<void> {
    this.#maxBytes = maxBytes;
    await this.shrink();
  }

  /** Removes expired and least recently used entries until the pages in use are within the limit. */
  async shrink(): Promise<void> {
    // One at a time: of many writes that find the tier too large, each would remove as much as is too much.
    while (measure(this.#engine).used > this.#maxBytes) {
      this.#shrinking ??= this.#evictDown().finally(() => (this.#shrinking = undefined));
      if (!(await this.#shrinking)) return;
    }
  }

  /** Whether there was anything to remove. */
  async #evictDown(): Promise<boolean> {
    const { clock, random, onEvicted } = this.#options;
    for (let removed = 0; ;) {
      const { used } = measure(this.#engine);
      const bytes = used - this.#maxBytes * LOW_WATER;
      if (bytes <= 0) return removed > 0;
      this.#makeRoomToRewrite(BATCH);
      const { count, alive } = await evict(this.#engine, { bytes, most: BATCH }, clock.now(), random);
      if (alive.length > 0) onEvicted(alive);
      removed += count;
      if (count === 0) return removed > 0;
    }
  }

  async #rewrite(keys: readonly Buffer[], change: (key: Buffer) => void): Promise<void> {
    for (let from = 0; from < keys.length; from += BATCH) {
      const some = keys.slice(from, from + BATCH);
      this.#makeRoomToRewrite(some.length);
      await transact(this.#engine, () => {
        for (const key of some) change(key);
      });
    }
  }

  #makeRoomToRewrite(keys: number): void {
    const before = measure(this.#engine);
    this.#engine.room.toRewrite(before, this.#unwritten + copiedBytes(before, keys));
  }

  /** Whether so much can be stored. When it cannot, there is at least the room to remove as many keys; else this throws. */
  #hasRoom(before: Measure, need: number, keys: number): boolean {
    const { room } = this.#engine;
    try {
      room.toStore(before, this.#unwritten + need);
      this.#diskFull = false;
    } catch (cause) {
      room.toRewrite(before, this.#unwritten + copiedBytes(before, keys));
      if (!this.#diskFull) this.#options.onDiskFull(cause);
      this.#diskFull = true;
    }
    return !this.#diskFull;
  }

  #toRow(entry: TierEntry): Row {
    const now = this.#options.clock.now();
    const { scope, tags = [], cost = 1 } = entry;
    const expiresAt = Math.min(entry.expiresAt ?? Infinity, now + this.#options.ttl);
    const bytes = entry.value.byteLength;
    const record = writeRecord({ lastUsed: now, expiresAt, cost, bytes, hits: 0, scope, tags });
    const alive = expiresAt > now;
    // What would not outlast the eviction that it causes is not stored: the others would go for nothing.
    const fits = bytes + record.byteLength <= this.#maxBytes * LOW_WATER;
    return {
      entry,
      key: keyBytes(entry.key),
      value: alive && fits ? toStored(entry.value, expiresAt) : undefined,
      record,
      alive,
    };
  }
}

/** Of new pages at most: what lies in leaves may leave them half empty, what is larger than half a page has pages of its own. */
function rowBytes({ value, record }: Row): number {
  const bytes = value?.byteLength ?? 0;
  return bytes + Math.min(bytes, 4_096) + 2 * record.byteLength + 512;
}
