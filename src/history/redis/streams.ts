/** The streams as a whole: what is on its way to PostgreSQL. */
import { sleep, type CallOptions } from "../../core/abort.ts";
import type { Clock } from "../../core/clock.ts";
import type { RedisConnection } from "../../clients/redis.ts";
import type { Digest } from "../../core/key.ts";
import { GROUP } from "./history-writer.ts";
import type { RedisHistoryLayout, RedisShard } from "./layout.ts";
import type { RedisWindows } from "./windows.ts";
import { readEntry, type RawEntry } from "./stream-entry.ts";

/** A message that is on its way. */
export interface WaitingMessage {
  readonly key: Digest;
  readonly seq: number;
  readonly shard: RedisShard;
  readonly entry: { readonly id: string; readonly size: number };
}

const ENTRIES_AT_ONCE = 200;
const FIRST_PAUSE_MS = 2;
const LONGEST_PAUSE_MS = 50;

export class RedisStreams {
  readonly #connection: RedisConnection;
  readonly #layout: RedisHistoryLayout;
  readonly #windows: RedisWindows;
  readonly #clock: Clock;

  constructor(connection: RedisConnection, windows: RedisWindows, clock: Clock) {
    this.#connection = connection;
    this.#layout = windows.layout;
    this.#windows = windows;
    this.#clock = clock;
  }

  /** Unix ms, by the clock that dates entries. */
  async now(): Promise<number> {
    const [seconds, micros] = (await this.#connection.send(["time"])) as [string, string];
    return Number(seconds) * 1_000 + Math.floor(Number(micros) / 1_000);
  }

  /** Resolves when every entry that is in the streams now has left them. */
  async drain({ signal }: CallOptions = {}): Promise<void> {
    for (const { stream } of this.#layout.shards) {
      const [newest] = (await this.#connection.send(["xrevrange", stream, "+", "-", "COUNT", 1])) as RawEntry[];
      for (let pause = FIRST_PAUSE_MS; newest !== undefined; pause = Math.min(LONGEST_PAUSE_MS, pause * 2)) {
        signal?.throwIfAborted();
        const left = (await this.#connection.send(["xrange", stream, "-", newest[0], "COUNT", 1])) as RawEntry[];
        if (left.length === 0) break;
        await sleep(this.#clock, pause, { signal });
      }
    }
  }

  /** Reads all that is on its way of one owner. */
  async ofOwner(ownerId: string, { signal }: CallOptions = {}): Promise<WaitingMessage[]> {
    const found: WaitingMessage[] = [];
    for (const shard of this.#layout.shards) {
      for (let from = "-"; ;) {
        signal?.throwIfAborted();
        const page = (await this.#connection.send(["xrange", shard.stream, from, "+", "COUNT", ENTRIES_AT_ONCE])) as RawEntry[];
        for (const entry of page.map(readEntry)) {
          const { batch, key } = entry;
          if (batch?.conversation.ownerId !== ownerId || key === undefined) continue;
          for (const { seq } of batch.messages) found.push({ key, seq, shard, entry });
        }
        if (page.length < ENTRIES_AT_ONCE) break;
        from = `(${page.at(-1)?.[0]}`;
      }
    }
    return found;
  }

  /** Takes messages out that nobody may store any more. */
  async withdraw(messages: readonly WaitingMessage[]): Promise<void> {
    for (const shard of this.#layout.shards) {
      const own = messages.filter((message) => message.shard === shard);
      const entries = new Map(own.map(({ entry }) => [entry.id, entry]));
      if (entries.size > 0) await this.#windows.withdraw(shard, GROUP, [...entries.values()]);
    }
  }
}
