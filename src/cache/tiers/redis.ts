/**
 * The Redis tier: one value is one key, read in one round trip and ended by Redis itself. A hit writes nothing. How it lies in
 * Redis: `redis-layout.ts`. What one process changes, the others hear (`redis-log.ts`) and drop their copies in the tiers above;
 * what one of them computes, the others wait for (`redis-flight.ts`).
 *
 * Not guaranteed: a server that evicts keys without an expiry (`maxmemory-policy allkeys-*`) may drop an index, and `clear` then
 * misses the values that were in it until they expire; `volatile-*` never touches indexes.
 */
import { randomBytes } from "node:crypto";
import { isPromise, sleep, type CallOptions } from "../../core/abort.ts";
import { systemClock, type Clock } from "../../core/clock.ts";
import { StrataConfigError, StrataError } from "../../core/errors.ts";
import type { Digest } from "../../core/key.ts";
import { parseChoice, parseDuration, refuseUnknown, type Duration } from "../../core/options.ts";
import { connectRedis, type RedisCall, type RedisConnection, type RedisSource } from "../../clients/redis.ts";
import type { DistributedFlight } from "../distributed-flight.ts";
import type { CacheTier, TierEntry, TierFilter, TierHost, TierReadOptions } from "../tier.ts";
import { FENCE_MS, RedisFlight } from "./redis-flight.ts";
import { RedisIndexes } from "./redis-indexes.ts";
import * as layout from "./redis-layout.ts";
import { RedisLog } from "./redis-log.ts";
import { REFUSED, STORE } from "./redis-scripts.ts";

export interface RedisTierOptions {
  /** An ioredis client, whose configuration is taken for connections of the tier's own; or a URL, for which `ioredis` is loaded. */
  readonly client: RedisSource | string;
  /** Begins every key; caches that share it share their entries. Default `"strata"`. */
  readonly prefix?: string | undefined;
  /** Longest life of an entry in this tier; default 30 days, so that a server never fills up with what nobody asks for. */
  readonly ttl?: Duration | undefined;
  /** How long a lookup waits for Redis; default 50 ms. */
  readonly deadline?: Duration | undefined;
  /**
   * How hard values are packed; default `"fast"`: a third of the bytes, for about 15 µs of a hit on an answer of 2 KB. `"none"`
   * pays where Redis is on the same machine, or where its memory costs less than the time of the processes that read it.
   */
  readonly compression?: "none" | "fast" | "best" | undefined;
}

const DEFAULT_PREFIX = "strata";
const LONGEST_PREFIX = 200;
const DEFAULT_TTL = "30d";
const DEFAULT_DEADLINE_MS = 50;
/** Each batch is a trip for us and a wake-up for every process that reads the log; under load there are 200 a second at most. */
const WRITE_EVERY_MS = 5;
/** How long `close` waits for what is under way. */
const CLOSE_GRACE_MS = 500;
/** Bounds on one exchange, so that neither side holds the other up: commands, keys in one command, bytes. */
const ENTRIES_AT_ONCE = 256;
const KEYS_AT_ONCE = 500;
const BYTES_AT_ONCE = 4 * 1024 * 1024;
/** Values that `entries` reads at once. */
const VALUES_AT_ONCE = 64;

/**
 * Keeps entries in Redis, where all processes with the same prefix find them. Connects at the first use.
 * @throws {@link StrataConfigError} naming the option
 */
export function redisTier(options: RedisTierOptions): CacheTier {
  refuseUnknown("redisTier", options, ["client", "prefix", "ttl", "deadline", "compression"]);
  const { prefix = DEFAULT_PREFIX, ttl = DEFAULT_TTL, deadline, compression = "fast" } = options;
  if (typeof prefix !== "string" || prefix === "" || prefix.length > LONGEST_PREFIX) {
    throw new StrataConfigError("redisTier.prefix", prefix, `a text of 1 to ${LONGEST_PREFIX} characters`);
  }
  if (deadline !== undefined) parseDuration("redisTier.deadline", deadline);
  parseChoice("redisTier.compression", compression, ["none", "fast", "best"]);
  return new RedisTier({ ...options, prefix, compression, deadline }, parseDuration("redisTier.ttl", ttl));
}

type CheckedOptions = RedisTierOptions & { readonly prefix: string; readonly compression: "none" | "fast" | "best" };

class RedisTier implements CacheTier {
  readonly name = "redis";
  readonly writes = "behind";
  readonly writeEvery = WRITE_EVERY_MS;
  readonly compression: "none" | "fast" | "best";
  readonly deadline: Duration | undefined;
  /** There is one from `attach` on. */
  flight: (DistributedFlight & RedisFlight) | undefined;
  readonly #connection: RedisConnection;
  readonly #layout: layout.RedisLayout;
  readonly #indexes: RedisIndexes;
  readonly #logConnection: RedisConnection;
  readonly #log: RedisLog;
  readonly #ttl: number;
  /** Sets this tier apart from all others, in this process and elsewhere. */
  readonly #own = randomBytes(9).toString("base64url");
  readonly #pending = new Set<Promise<unknown>>();
  #clock: Clock = systemClock;
  #host: TierHost | undefined;
  #closing: Promise<void> | undefined;

  constructor({ client, prefix, deadline, compression }: CheckedOptions, ttl: number) {
    this.compression = compression;
    this.#connection = connectRedis(client, {
      option: "redisTier.client",
      onReady: () => {
        this.#host?.recovered?.();
        this.flight?.recovered();
      },
    });
    this.#layout = layout.redisLayout(prefix, this.#connection.isCluster);
    this.#indexes = new RedisIndexes(this.#connection, this.#layout);
    this.#logConnection = connectRedis(client, { option: "redisTier.client" });
    this.#log = new RedisLog({
      connection: this.#logConnection,
      name: this.#layout.log,
      origin: this.#own,
      onChange: (change) => {
        this.#host?.changed?.(change);
        if (change.kind === "keys") this.flight?.changed(change.keys);
      },
      onRefusal: (error) => this.#host?.fault("get", error),
    });
    this.#ttl = ttl;
    this.deadline = deadline;
  }

  attach(host: TierHost): void {
    this.#host = host;
    this.#clock = host.clock;
    const deadlineMs = this.deadline === undefined ? DEFAULT_DEADLINE_MS : parseDuration("redisTier.deadline", this.deadline);
    const options = { connection: this.#connection, layout: this.#layout, owner: this.#own, deadlineMs };
    this.flight = new RedisFlight(options, host.clock, host.random);
  }

  get(keys: readonly Digest[], options?: TierReadOptions): Promise<ReadonlyArray<TierEntry | undefined>> {
    this.#begin(options);
    const [key] = keys;
    const client = this.#log.isListening ? this.#connection.client() : undefined;
    if (key === undefined || keys.length > 1 || client === undefined || isPromise(client)) return this.#getAll(keys);
    // One key is what every lookup asks for: the shortest way to it.
    const { flight } = this;
    if (flight === undefined)
      return client.getBuffer(this.#layout.value(key)).then((stored) => [this.#entry(key, stored)], this.#connection.failed);
    const reading =
      options?.leadMs !== undefined && flight.reads
        ? flight.read(key, options.leadMs)
        : client.getBuffer(this.#layout.value(key)).catch(this.#connection.failed);
    return reading.then((stored) => {
      flight.looked(stored !== null);
      return [this.#entry(key, stored)];
    });
  }

  set(entries: readonly TierEntry[], options?: CallOptions): Promise<void> {
    return this.#tracked(async () => {
      this.#begin(options);
      await this.#listen();
      for (const batch of batches(entries)) await this.#writeBatch(batch);
      await this.#indexes.written(entries, this.#clock);
    });
  }

  delete(keys: readonly Digest[], options?: CallOptions): Promise<number> {
    return this.#tracked(async () => {
      this.#begin(options);
      const names = [...new Set(keys)].map(this.#layout.value);
      const size = this.#connection.isCluster ? 1 : KEYS_AT_ONCE;
      const calls: RedisCall[] = [];
      for (let from = 0; from < names.length; from += size) calls.push(["unlink", ...names.slice(from, from + size)]);
      return sum((await this.#sendAll(calls, this.#log.keysChanged(keys))).slice(0, calls.length));
    });
  }

  clear(filter: TierFilter = {}, options?: CallOptions): Promise<number> {
    return this.#tracked(async () => {
      this.#begin(options);
      const removed = await this.#indexes.clear(filter, options);
      await this.#sendAll([this.#log.cleared(filter)]);
      return removed;
    });
  }

  async *entries(options?: CallOptions): AsyncIterable<TierEntry> {
    this.#begin(options);
    for await (const { name, keys } of this.#indexes.scopes(options)) {
      const id = layout.indexId(name);
      const scope = layout.indexedScope(name);
      for (let from = 0; from < keys.length; from += VALUES_AT_ONCE) {
        const page = keys.slice(from, from + VALUES_AT_ONCE);
        const stored = await this.#read(page);
        for (const [index, key] of page.entries()) {
          const bytes = stored[index];
          const entry = this.#entry(key, bytes);
          if (bytes && entry && layout.belongsTo(bytes, id)) yield { ...entry, scope };
        }
      }
    }
  }

  stats(): { entries: undefined; bytes: undefined; evicted: number } {
    return { entries: undefined, bytes: undefined, evicted: 0 };
  }

  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #getAll(keys: readonly Digest[]): Promise<ReadonlyArray<TierEntry | undefined>> {
    if (keys.length === 0) return [];
    await this.#listen();
    const stored = await this.#read(keys);
    return keys.map((key, index) => this.#entry(key, stored[index]));
  }

  #begin(options: CallOptions | undefined): void {
    options?.signal?.throwIfAborted();
    if (this.#closing !== undefined) throw new StrataError("CLOSED", "The Redis tier is closed.");
  }

  /**
   * The first call waits until changes by others are heard: no copy of what is read or written may be made before.
   * @returns `undefined` when they are
   */
  #listen(): Promise<unknown> | undefined {
    const listening = this.#log.listen();
    return listening && Promise.all([listening, this.#connection.client()]);
  }

  async #end(): Promise<void> {
    const grace = new AbortController();
    const underWay = Promise.allSettled(this.#pending).then(() => this.flight?.close());
    // A server that went silent must not keep a process from ending: what it has not answered by then fails with its connection.
    await Promise.race([underWay.finally(() => grace.abort()), sleep(this.#clock, CLOSE_GRACE_MS, grace).catch(() => undefined)]);
    await Promise.all([this.#connection.close(), this.#logConnection.close(), this.#log.close()]);
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

  /** One command where one server has all keys, else one for each key. */
  #read(keys: readonly Digest[]): Promise<ReadonlyArray<Buffer | null>> {
    const names = keys.map(this.#layout.value);
    return this.#connection.run(async (client) => {
      if (names.length === 1 || this.#connection.isCluster) return Promise.all(names.map((name) => client.getBuffer(name)));
      const stored: Array<Buffer | null> = [];
      for (let from = 0; from < names.length; from += KEYS_AT_ONCE) {
        stored.push(...(await client.mgetBuffer(names.slice(from, from + KEYS_AT_ONCE))));
      }
      return stored;
    });
  }

  #entry(key: Digest, stored: Buffer | null | undefined): TierEntry | undefined {
    if (stored === null || stored === undefined) return undefined;
    const value = Buffer.isBuffer(stored) ? layout.unpackValue(stored, key) : undefined;
    if (value !== undefined) return { key, value };
    // What answers another question came over a connection that lost count of its replies.
    this.#connection.recycle();
    throw new StrataError("CORRUPT", "Redis answered with the value of another key.");
  }

  async #writeBatch(entries: readonly TierEntry[]): Promise<void> {
    const keys = entries.map(({ key }) => key);
    let stored: readonly unknown[];
    try {
      stored = await this.#sendAll(
        entries.map((entry) => this.#write(entry)),
        this.#log.keysChanged(keys),
      );
    } catch (error) {
      for (const key of keys) this.flight?.abandon(key);
      throw error;
    }
    for (const key of keys) this.flight?.stored(key);
    // Another process has given these keys a newer value, which is to be read here too.
    const refused = keys.filter((_, index) => stored[index] === REFUSED);
    if (refused.length > 0) this.#host?.changed?.({ kind: "keys", keys: refused });
  }

  #write(entry: TierEntry): RedisCall {
    const { key } = entry;
    const now = this.#clock.now();
    const life = Math.floor(Math.min(this.#ttl, (entry.expiresAt ?? Infinity) - now));
    if (life <= 0) return ["unlink", this.#layout.value(key)];
    const names = layout.indexesOf(entry);
    const shard = this.#layout.shardOf(key);
    const indexes = names.map((name) => this.#layout.index(shard, name));
    return {
      script: STORE,
      keys: [this.#layout.value(key), this.#layout.lock(key), this.#layout.directory(shard), ...indexes],
      args: [
        layout.packValue(entry, names),
        life,
        now + life,
        key,
        this.flight?.token(key) ?? "",
        FENCE_MS,
        RedisIndexes.overBefore(this.#clock),
        ...names,
      ],
    };
  }

  /**
   * Sends calls together, and what tells others of them after them. The first failure is thrown when all have been answered;
   * what failed half way is told all the same.
   */
  async #sendAll(calls: readonly RedisCall[], messages: readonly RedisCall[] = []): Promise<readonly unknown[]> {
    // On a cluster the log lies elsewhere, and would be written before the rest is.
    const rounds = this.#connection.isCluster ? [calls, messages] : [[...calls, ...messages]];
    const replies: unknown[] = [];
    for (const round of rounds) if (round.length > 0) replies.push(...(await this.#connection.sendAll(round)));
    for (const reply of replies) if (reply instanceof Error) throw reply;
    return replies;
  }
}

/** Cuts a list of entries into what is sent together. */
function* batches(entries: readonly TierEntry[]): Generator<readonly TierEntry[]> {
  let batch: TierEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    batch.push(entry);
    bytes += entry.value.byteLength;
    if (batch.length < ENTRIES_AT_ONCE && bytes < BYTES_AT_ONCE) continue;
    yield batch;
    batch = [];
    bytes = 0;
  }
  if (batch.length > 0) yield batch;
}

function sum(counts: readonly unknown[]): number {
  let total = 0;
  for (const count of counts) total += Number(count);
  return total;
}
