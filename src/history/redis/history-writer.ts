/**
 * The writer takes what Redis has acknowledged to PostgreSQL. Any number of them share the work through one consumer group.
 *
 * The order is what nothing may be lost by: read an entry, store it, COMMIT, and only then acknowledge and delete it. A writer that
 * dies in between leaves its entries pending; another claims them after a while and stores them again, which changes nothing
 * (`ON CONFLICT DO NOTHING`). Who acknowledges within the transaction loses messages when it is rolled back; who trims the stream
 * loses what is not stored yet.
 *
 * A batch that PostgreSQL refuses for what it holds is cut in half until the message is found; it goes to the table of dead letters
 * and the rest is stored. A refusal for any other reason (no connection, read-only, no space) is waited out.
 *
 * How many entries are read at once follows what the way from Redis bears: a quarter after a read that was overdue, else the same read
 * would be overdue for ever; twice as many after one that came soon and full.
 */
import { randomBytes } from "node:crypto";
import { sleep } from "../../core/abort.ts";
import type { Clock } from "../../core/clock.ts";
import { StrataError } from "../../core/errors.ts";
import type { Emit } from "../../core/events.ts";
import type { Digest } from "../../core/key.ts";
import { isOverdue, type RedisCommand, type RedisConnection } from "../../clients/redis.ts";
import type { HistoryTables, NumberedBatch } from "../tables/history-tables.ts";
import type { RedisShard } from "./layout.ts";
import { LEAVE } from "./scripts.ts";
import type { RedisWindows } from "./windows.ts";
import { acceptedAt, readEntry, type RawEntry, type StreamEntry } from "./stream-entry.ts";

export interface StreamWriterOptions {
  readonly tables: HistoryTables;
  readonly windows: RedisWindows;
  /** Of its own: a read that waits for entries holds up whatever is sent after it. */
  readonly connection: RedisConnection;
  /** Over which that one is told to wait no longer. */
  readonly control: RedisConnection;
  readonly clock: Clock;
  /** Sets this writer apart from all others. */
  readonly consumer: string;
  /** Entries of a writer that has not stirred for so long are taken over, ms. */
  readonly claimAfterMs: number;
  readonly emit?: Emit;
  /** Told after each batch that is stored, of which conversations it was. */
  readonly onStored?: ((keys: readonly Digest[]) => void) | undefined;
}

export const GROUP = "writers";

/** At most so many entries are read, and stored, at once. */
const ENTRIES_AT_ONCE = 500;
/** A read of twice as many as came within this is well within the time for an answer (`clients/redis.ts`). */
const SOON_MS = 500;
/** It must end well before the connection gives up on it (`clients/redis.ts`). */
const BLOCK_MS = 500;
const IDLE_MS = 25;
/** Entries that are few wait for more before they are stored: a batch costs a commit, however small it is, and appends go on beside it. */
const GATHER_MS = 25;
/** So long after a connection was lost the server may still give entries to a read that waits on it. */
const RECALL_MS = 4 * BLOCK_MS;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 1_000;

export class StreamWriter {
  readonly #options: StreamWriterOptions;
  readonly #ending = new AbortController();
  #running: Promise<void> | undefined;
  #claimedAt = -Infinity;
  /** When a reply was lost last that may have given out entries; `undefined` when all such are found. */
  #lostAt: number | undefined;
  /** Of the connection, while it waits for entries. */
  #waiting: string | undefined;
  #connectionId: string | undefined;
  #isFailing = false;
  /** Entries to read at once. */
  #count = ENTRIES_AT_ONCE;
  /** What is being stored. */
  #batch = { acceptedAt: 0, messages: 0 };

  constructor(options: StreamWriterOptions) {
    this.#options = options;
  }

  /** Goes on until `close()`; resolves then. May be called twice. */
  run(): Promise<void> {
    this.#running ??= this.#run(false);
    return this.#running;
  }

  /** Stores what is in the streams, also what dead writers have left, and resolves when they are empty. */
  runOnce(): Promise<void> {
    this.#running ??= this.#run(true);
    return this.#running;
  }

  /** Ends after the batch under way. */
  async close(): Promise<void> {
    this.#ending.abort();
    // Not by cutting the connection: what is given out in this moment would be pending until somebody claims it.
    if (this.#waiting !== undefined) {
      await this.#options.control.send(["client", "UNBLOCK", this.#waiting]).catch(() => undefined);
    }
    await this.#running;
  }

  async #run(isOnce: boolean): Promise<void> {
    const { signal } = this.#ending;
    let failures = 0;
    while (!signal.aborted) {
      try {
        if (failures > 0 || this.#claimedAt === -Infinity) await this.#join();
        const claimed = (await this.#recall()) + (await this.#claim());
        const taken = await this.#take(isOnce);
        failures = 0;
        this.#isFailing = false;
        if (isOnce && claimed + taken === 0 && (await this.#isEmpty())) return await this.#leave();
        // Its streams are asked in turn, so a round gathers for all.
        if (this.#options.connection.isCluster) await this.#pause(claimed + taken === 0 ? IDLE_MS : GATHER_MS);
      } catch (error) {
        if (signal.aborted || (StrataError.isInstance(error) && error.code === "CLOSED")) return;
        this.#tell("take", error);
        await this.#pause(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures++, 5)));
      }
    }
    await this.#leave();
  }

  get #shards(): readonly RedisShard[] {
    return this.#options.windows.layout.shards;
  }

  /** Groups are gone when the server has lost its data. */
  async #join(): Promise<void> {
    if (!this.#options.connection.isCluster) {
      this.#connectionId = String(Number(await this.#options.connection.send(["client", "ID"])));
    }
    for (const { stream } of this.#shards) {
      try {
        await this.#options.connection.send(["xgroup", "CREATE", stream, GROUP, "0", "MKSTREAM"]);
      } catch (error) {
        if (!(error instanceof Error && error.message.startsWith("BUSYGROUP"))) throw error;
      }
    }
  }

  /** Takes new entries. @param isOnce whether no others are waited for */
  async #take(isOnce: boolean): Promise<number> {
    const { isCluster } = this.#options.connection;
    let taken = 0;
    for (const shard of this.#shards) {
      const isPatient = !isOnce && !isCluster;
      const count = this.#count;
      let entries = await this.#next(shard, count, isPatient ? BLOCK_MS : undefined);
      if (isPatient && entries.length > 0 && entries.length < count) {
        await this.#pause(GATHER_MS);
        // What is taken already is stored in any case, also when this fails.
        const more = await this.#next(shard, count - entries.length).catch(() => []);
        entries = [...entries, ...more];
      }
      taken += entries.length;
      await this.#process(shard, entries);
    }
    return taken;
  }

  async #next({ stream }: RedisShard, count: number, blockMs?: number): Promise<readonly RawEntry[]> {
    if (blockMs !== undefined) this.#waiting = this.#connectionId;
    try {
      const wait = blockMs === undefined ? [] : ["BLOCK", blockMs];
      const given = ["GROUP", GROUP, this.#options.consumer, "COUNT", count, ...wait, "STREAMS", stream, ">"];
      return await this.#read(count, ["xreadgroup", ...given], entriesOf);
    } finally {
      this.#waiting = undefined;
    }
  }

  /** Sends a command that gives out entries. @param entriesIn finds them in its reply */
  async #read(
    count: number,
    command: RedisCommand,
    entriesIn: (reply: unknown) => readonly RawEntry[],
  ): Promise<readonly RawEntry[]> {
    const { connection, clock } = this.#options;
    const askedAt = clock.monotonic();
    try {
      const entries = entriesIn(await connection.send(command));
      const isSoon = clock.monotonic() - askedAt < SOON_MS;
      if (isSoon && entries.length === count) this.#count = Math.min(ENTRIES_AT_ONCE, Math.max(this.#count, 2 * count));
      return entries;
    } catch (error) {
      this.#lostAt = clock.monotonic();
      if (isOverdue(error)) this.#count = Math.max(1, Math.floor(this.#count / 4));
      throw error;
    }
  }

  /** Takes what was given to this writer and never arrived. */
  async #recall(): Promise<number> {
    const { consumer, clock } = this.#options;
    if (this.#lostAt === undefined) return 0;
    const isLast = clock.monotonic() - this.#lostAt > RECALL_MS;
    let recalled = 0;
    for (const shard of this.#shards) {
      // From the last one on: what was deleted meanwhile is given again and again.
      for (let from: string | undefined = "0"; from !== undefined && !this.#ending.signal.aborted;) {
        const count = this.#count;
        const given = ["GROUP", GROUP, consumer, "COUNT", count, "STREAMS", shard.stream, from];
        const entries: readonly RawEntry[] = await this.#read(count, ["xreadgroup", ...given], entriesOf);
        from = entries.length === count ? entries.at(-1)?.[0] : undefined;
        const left = present(entries);
        recalled += left.length;
        await this.#process(shard, left);
      }
    }
    if (isLast) this.#lostAt = undefined;
    return recalled;
  }

  /** Takes over what others have left. */
  async #claim(): Promise<number> {
    const { consumer, claimAfterMs, clock } = this.#options;
    if (clock.monotonic() - this.#claimedAt < claimAfterMs / 2) return 0;
    this.#claimedAt = clock.monotonic();
    let claimed = 0;
    for (const shard of this.#shards) {
      let from = "0-0";
      do {
        const count = this.#count;
        const entries = await this.#read(
          count,
          ["xautoclaim", shard.stream, GROUP, consumer, claimAfterMs, from, "COUNT", count],
          (reply) => {
            const [next, given] = reply as [string, readonly RawEntry[]];
            from = next;
            return given;
          },
        );
        const left = present(entries);
        claimed += left.length;
        await this.#process(shard, left);
      } while (from !== "0-0" && !this.#ending.signal.aborted);
    }
    return claimed;
  }

  async #process(shard: RedisShard, raw: readonly RawEntry[]): Promise<void> {
    if (raw.length === 0) return;
    const entries = raw.map(readEntry);
    this.#batch = {
      acceptedAt: Math.min(...entries.map(({ id }) => acceptedAt(id))),
      messages: entries.reduce((sum, { batch }) => sum + (batch?.messages.length ?? 1), 0),
    };
    const isChanged = await this.#store(shard, entries);
    this.#tellLag(0);
    await this.#patiently("take", () => this.#options.windows.drained(shard, GROUP, entries, isChanged));
    this.#options.onStored?.(entries.flatMap(({ key }) => key ?? []));
  }

  /** @returns whether PostgreSQL now has other messages than those of the entries */
  async #store(shard: RedisShard, entries: readonly StreamEntry[]): Promise<boolean> {
    let isChanged = false;
    const rows: Row[] = [];
    for (const entry of entries) {
      if (entry.batch === undefined) {
        isChanged = true;
        await this.#bury({ place: `${shard.stream} ${entry.id}`, entry: JSON.stringify(entry.fields) }, "It cannot be read.");
        continue;
      }
      for (const message of entry.batch.messages) {
        rows.push({ place: `${shard.stream} ${entry.id} ${message.seq}`, batch: { ...entry.batch, messages: [message] } });
      }
    }
    const halves: Array<readonly Row[]> = rows.length > 0 ? [rows] : [];
    for (let part = halves.pop(); part !== undefined; part = halves.pop()) {
      const [row] = part as readonly [Row];
      try {
        if (await this.#storeRows(part)) isChanged = true;
      } catch (error) {
        if (!isPoison(error)) throw error;
        const middle = Math.ceil(part.length / 2);
        // The first half is stored first.
        if (part.length > 1) halves.push(part.slice(middle), part.slice(0, middle));
        else {
          isChanged = true;
          const { ownerId } = row.batch.conversation;
          await this.#bury({ place: row.place, ownerId, entry: JSON.stringify(row.batch) }, error);
        }
      }
    }
    return isChanged;
  }

  async #storeRows(rows: readonly Row[]): Promise<boolean> {
    const { tables } = this.#options;
    const { isWhole, displaced } = await this.#patiently("store", () => tables.store(rows.map(({ batch }) => batch)));
    for (const place of displaced) {
      const { conversation, messages } = (rows[place] as Row).batch;
      await this.#patiently("store", () => tables.append(conversation, messages));
    }
    return !isWhole;
  }

  async #bury(letter: { place: string; ownerId?: string; entry: string }, error: unknown): Promise<void> {
    await this.#patiently("store", () => this.#options.tables.bury({ ...letter, error }));
    this.#options.emit?.({ type: "history.dead-letter", place: letter.place });
  }

  /** Tries until it succeeds, or the writer ends: the entries stay pending then. What the data itself causes is thrown. */
  async #patiently<T>(operation: "store" | "take", work: () => Promise<T>): Promise<T> {
    for (let failures = 0; ; failures++) {
      try {
        const result = await work();
        this.#isFailing = false;
        return result;
      } catch (error) {
        if (isPoison(error) || this.#ending.signal.aborted) throw error;
        if (StrataError.isInstance(error) && error.code === "CLOSED") throw error;
        this.#tell(operation, error);
        if (operation === "store") this.#tellLag(this.#batch.messages);
        await this.#pause(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(failures, 5)));
      }
    }
  }

  async #isEmpty(): Promise<boolean> {
    const lengths = await Promise.all(this.#shards.map(({ stream }) => this.#options.connection.send(["xlen", stream])));
    return lengths.every((length) => Number(length) === 0);
  }

  /** Others need not look at a consumer that is gone. */
  async #leave(): Promise<void> {
    const { connection, consumer } = this.#options;
    for (const { stream } of this.#shards) {
      await connection.send({ script: LEAVE, keys: [stream], args: [GROUP, consumer] }).catch(() => undefined);
    }
  }

  async #pause(ms: number): Promise<void> {
    await sleep(this.#options.clock, ms, { signal: this.#ending.signal }).catch(() => undefined);
  }

  #tellLag(waiting: number): void {
    const { emit, clock } = this.#options;
    // The clock of Redis and ours may differ a little.
    emit?.({ type: "history.lag", ms: Math.max(0, clock.now() - this.#batch.acceptedAt), waiting });
  }

  /** Once for each spell. */
  #tell(operation: "store" | "take", error: unknown): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    const code = StrataError.isInstance(error) ? error.code : "ENGINE";
    this.#options.emit?.({ type: "history.fault", operation, code, message: String(error) });
  }
}

/** Of a read of one stream: `null` when there are none. */
function entriesOf(reply: unknown): readonly RawEntry[] {
  return (reply as ReadonlyArray<readonly [string, readonly RawEntry[]]> | null)?.[0]?.[1] ?? [];
}

/** Without what was deleted meanwhile: Redis gives nothing in its place, before 7 not even an id. */
function present(entries: readonly RawEntry[]): readonly RawEntry[] {
  return entries.filter((entry) => Array.isArray(entry) && entry[1] !== null);
}

interface Row {
  readonly place: string;
  readonly batch: NumberedBatch;
}

/**
 * Whether it is the data that PostgreSQL refuses: data exceptions (22), integrity (23), limits of the server (54), what a trigger
 * raises (P0); https://www.postgresql.org/docs/17/errcodes-appendix.html.
 */
function isPoison(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError) return true;
  const code = (error as { code?: unknown } | undefined)?.code;
  return typeof code === "string" && /^(22|23|54|P0)[0-9A-Z]{3}$/.test(code);
}

/** Names a writer among those of its group. */
export function newConsumer(): string {
  return `w-${randomBytes(9).toString("base64url")}`;
}
