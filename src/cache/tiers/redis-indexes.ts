/**
 * The indexes of the Redis tier: how `clear` and `entries` find values without looking through the whole database, which may be
 * large and not ours alone. `KEYS` and `SCAN` are never sent.
 *
 * An index is kept small by four brooms: each write drops some entries that are over by their time (`STORE`); once in a while
 * some entries are checked against their values, which may have been evicted or deleted; what `clear` meets and does not belong
 * is dropped; and an index in which everything is over is dropped as a whole.
 */
import type { CallOptions } from "../../core/abort.ts";
import type { Clock } from "../../core/clock.ts";
import type { Digest } from "../../core/key.ts";
import type { RedisCall, RedisConnection } from "../../clients/redis.ts";
import type { TierEntry, TierFilter } from "../tier.ts";
import * as layout from "./redis-layout.ts";
import { DROP_INDEX, SWEEP } from "./redis-scripts.ts";

/** Keys in one command: a few milliseconds of the server at most. */
const KEYS_AT_ONCE = 500;
/** Indexes that are cleared at the same time. */
const INDEXES_AT_ONCE = 16;
/** Clocks of processes may differ by so much before one of them drops an index entry that another still needs. */
const CLOCK_SLACK_MS = 3_600_000;
/**
 * Once in so many writes their indexes are checked at so many random places: two checks a write. If each write leaves one dead
 * entry behind, at most half of an index is dead.
 */
const WRITES_PER_CHECK = 64;
const CHECKED_AT_ONCE = 128;

interface Place {
  readonly shard: string;
  /** Of an index. */
  readonly name: string;
}

export class RedisIndexes {
  readonly #connection: RedisConnection;
  readonly #layout: layout.RedisLayout;
  #writes = 0;

  constructor(connection: RedisConnection, redisLayout: layout.RedisLayout) {
    this.#connection = connection;
    this.#layout = redisLayout;
  }

  /** The time before which index entries are over, Unix ms. */
  static overBefore(clock: Clock): number {
    return clock.now() - CLOCK_SLACK_MS;
  }

  /** Removes what matches; gives how many values that were. */
  async clear({ scope, tag }: TierFilter, options?: CallOptions): Promise<number> {
    const names = [
      ...(tag === undefined ? [] : [layout.tagIndex(tag)]),
      ...(scope === undefined ? [] : [layout.scopeIndex(scope)]),
    ];
    const [name, second] = names;
    if (name === undefined) return this.#inParallel(this.#layout.shards, (shard) => this.#clearShard(shard, options));
    return this.#inParallel(this.#layout.shards, (shard) => this.#clearIndex({ shard, name }, second, options));
  }

  /** The keys of each scope that has entries, page by page; some may be gone, some may come twice while an index changes. */
  async *scopes(options?: CallOptions): AsyncIterable<{ readonly name: string; readonly keys: readonly Digest[] }> {
    for (const shard of this.#layout.shards) {
      for await (const names of this.#pages(this.#layout.directory(shard), options)) {
        for (const name of names.filter(layout.isScopeIndex)) {
          for await (const keys of this.#pages(this.#layout.index(shard, name), options)) yield { name, keys };
        }
      }
    }
  }

  /** Checks some entries of the indexes that were just written to, and drops indexes in which everything is over. */
  async written(entries: readonly TierEntry[], clock: Clock): Promise<void> {
    this.#writes += entries.length;
    const last = entries.at(-1);
    if (this.#writes < WRITES_PER_CHECK || last === undefined) return;
    this.#writes = 0;
    const shard = this.#layout.shardOf(last.key);
    const directory = this.#layout.directory(shard);
    const names = layout.indexesOf(last);
    const over = RedisIndexes.overBefore(clock);
    const [ended, ...samples] = (await this.#sendAll([
      ["zrangebyscore", directory, "-inf", `(${over}`, "LIMIT", 0, WRITES_PER_CHECK],
      ...names.map((name): RedisCall => ["zrandmember", this.#layout.index(shard, name), CHECKED_AT_ONCE]),
    ])) as string[][];
    const drops = (ended ?? []).map((name): RedisCall => {
      return { script: DROP_INDEX, keys: [directory, this.#layout.index(shard, name)], args: [name, over] };
    });
    const checks = names.map((name, index) => this.#sweep("check", { shard, name }, undefined, samples[index] ?? []));
    await this.#sendAll([...drops, ...checks]);
  }

  async #clearShard(shard: string, options: CallOptions | undefined): Promise<number> {
    let removed = 0;
    for await (const names of this.#pages(this.#layout.directory(shard), options)) {
      removed += await this.#inParallel(names, (name) => this.#clearIndex({ shard, name }, undefined, options));
    }
    return removed;
  }

  /** Removes the values that belong to an index, and to a second one if it is given. */
  async #clearIndex(place: Place, second: string | undefined, options: CallOptions | undefined): Promise<number> {
    let removed = 0;
    for await (const members of this.#pages(this.#layout.index(place.shard, place.name), options)) {
      for (let from = 0; from < members.length; from += KEYS_AT_ONCE) {
        const keys = members.slice(from, from + KEYS_AT_ONCE);
        removed += Number(await this.#connection.send(this.#sweep("remove", place, second, keys)));
      }
    }
    return removed;
  }

  #sweep(task: "remove" | "check", { shard, name }: Place, second: string | undefined, keys: readonly Digest[]): RedisCall {
    return {
      script: SWEEP,
      keys: [this.#layout.index(shard, name), ...keys.map(this.#layout.value)],
      args: [task, layout.indexId(name), second === undefined ? "" : layout.indexId(second), ...keys],
    };
  }

  /** What a sorted set holds, page by page. A page may be larger than asked for: Redis gives a small set as a whole. */
  async *#pages(set: string, options: CallOptions | undefined): AsyncIterable<string[]> {
    let cursor = "0";
    do {
      options?.signal?.throwIfAborted();
      const [next, scored] = (await this.#connection.send(["zscan", set, cursor, "COUNT", KEYS_AT_ONCE])) as [string, string[]];
      const members = scored.filter((_, place) => place % 2 === 0);
      cursor = next;
      if (members.length > 0) yield members;
    } while (cursor !== "0");
  }

  async #sendAll(calls: readonly RedisCall[]): Promise<readonly unknown[]> {
    const replies = await this.#connection.sendAll(calls);
    for (const reply of replies) if (reply instanceof Error) throw reply;
    return replies;
  }

  /** Works on a few items at a time, and sums up. */
  async #inParallel<T>(items: readonly T[], work: (item: T) => Promise<number>): Promise<number> {
    const remaining = items.values();
    let total = 0;
    const worker = async (): Promise<void> => {
      for (const item of remaining) {
        const part = await work(item);
        total += part;
      }
    };
    await Promise.all(Array.from({ length: Math.min(INDEXES_AT_ONCE, items.length) }, worker));
    return total;
  }
}
