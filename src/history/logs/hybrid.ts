/** Puts a hybrid log together. */
import { systemClock, type Clock } from "../../core/clock.ts";
import { StrataConfigError } from "../../core/errors.ts";
import { guardObserver, type Emit, type Observer } from "../../core/events.ts";
import { Guard } from "../../core/guard.ts";
import type { Digest } from "../../core/key.ts";
import {
  parseByteSize,
  parseChoice,
  parseCount,
  parseDuration,
  refuseUnknown,
  type ByteSize,
  type Duration,
} from "../../core/options.ts";
import { connectRedis, type RedisConnection, type RedisSource } from "../../clients/redis.ts";
import type { SqlClient } from "../../clients/sql.ts";
import { historyTables, type HistoryTables } from "../tables/history-tables.ts";
import { newConsumer, StreamWriter } from "../redis/history-writer.ts";
import { HybridLog, type Durability } from "../hybrid-log.ts";
import { messageIndex } from "../tables/message-index.ts";
import type { MessageLog } from "../message-log.ts";
import type { VectorModel } from "../tables/message-vectors.ts";
import { redisHistoryLayout } from "../redis/layout.ts";
import { RedisStreams } from "../redis/streams.ts";
import { RedisWindows } from "../redis/windows.ts";

export interface HybridLogOptions {
  /** `pgClient(pool)` or `pgliteClient()`; stays the caller's. */
  readonly sql: SqlClient;
  /** An ioredis client, whose configuration is taken for connections of the log's own; or a URL, for which `ioredis` is loaded. */
  readonly redis: RedisSource | string;
  /** What an acknowledged message has reached; default `"postgres"`. All processes of one database use the same. */
  readonly durability?: Durability | undefined;
  /** What Redis keeps of each conversation: the newest messages (default 50), for so long after the last append (default 1 hour). */
  readonly hotWindow?: { readonly messages?: number | undefined; readonly ttl?: Duration | undefined } | undefined;
  /** Begins every key in Redis; default `"strata:history"`. */
  readonly prefix?: string | undefined;
  /** Bytes that may wait in Redis for PostgreSQL; beyond it an append fails. Default 256 MB; on a cluster each of 16 streams has a share. */
  readonly maxBytes?: ByteSize | undefined;
  /** Whether this process writes to PostgreSQL itself, with the durability `"redis"`; default `true`. `false` where workers do. */
  readonly writer?: boolean | undefined;
  /** After so long the entries of a writer that died are taken over; default 30 s. */
  readonly claimAfter?: Duration | undefined;
  /** How long a call waits for Redis before PostgreSQL is asked; default 500 ms. */
  readonly deadline?: Duration | undefined;
  readonly observer?: Observer | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: (() => number) | undefined;
}

/** What the log and a worker must agree on. */
export const HISTORY_DEFAULTS = {
  prefix: "strata:history",
  messages: 50,
  ttl: "1h",
  maxBytes: "256mb",
  claimAfter: "30s",
  deadline: "500ms",
} as const;

const KNOWN = [
  "sql",
  "redis",
  "durability",
  "hotWindow",
  "prefix",
  "maxBytes",
  "writer",
  "claimAfter",
  "deadline",
  "observer",
  "clock",
  "random",
];

/**
 * A message log in PostgreSQL with its newest messages in Redis. Connects at the first use.
 * @throws {@link StrataConfigError} naming the option
 */
export function hybridLog(options: HybridLogOptions): MessageLog {
  refuseUnknown("hybridLog", options, KNOWN);
  return assembleHybridLog(options, historyTables("hybridLog", options));
}

/** The same, over tables that the caller makes: a test puts in ones that break a promise. */
export function assembleHybridLog(options: HybridLogOptions, tables: HistoryTables, model?: VectorModel): MessageLog {
  const { durability = "postgres", writer = true } = options;
  parseChoice("hybridLog.durability", durability, ["redis", "postgres", "both"]);
  if (typeof writer !== "boolean") throw new StrataConfigError("hybridLog.writer", writer, "true or false");
  const emit = guardObserver(options.observer);
  const parts = redisParts("hybridLog", options, tables, emit, () => log?.reconnected());
  const { windows, clock } = parts;
  const index = messageIndex(tables, clock, emit, model);
  const streams = new RedisStreams(parts.connection, windows, clock);
  const ownWriter = durability === "redis" && writer ? parts.writer((keys) => index.wake(keys)) : undefined;
  const log: HybridLog = new HybridLog({
    tables,
    index,
    windows,
    streams,
    durability,
    clock,
    writer: ownWriter,
    emit,
    closeConnections: () => parts.close(),
  });
  return log;
}

/** What the log and a worker are both made of. */
export interface RedisParts {
  readonly windows: RedisWindows;
  readonly connection: RedisConnection;
  readonly clock: Clock;
  writer(onStored: (keys: readonly Digest[]) => void): StreamWriter;
  close(): Promise<unknown>;
}

export function redisParts(
  owner: string,
  options: Omit<HybridLogOptions, "durability" | "writer">,
  tables: HistoryTables,
  emit: Emit,
  onReady?: () => void,
): RedisParts {
  const { redis, prefix = HISTORY_DEFAULTS.prefix, hotWindow = {}, clock = systemClock, random = Math.random } = options;
  if (typeof prefix !== "string" || prefix === "" || prefix.length > 200 || /[{}]/.test(prefix)) {
    throw new StrataConfigError(`${owner}.prefix`, prefix, "a text of 1 to 200 characters without braces");
  }
  refuseUnknown(`${owner}.hotWindow`, hotWindow, ["messages", "ttl"]);
  const size = parseCount(`${owner}.hotWindow.messages`, hotWindow.messages ?? HISTORY_DEFAULTS.messages);
  const ttlMs = Math.ceil(parseDuration(`${owner}.hotWindow.ttl`, hotWindow.ttl ?? HISTORY_DEFAULTS.ttl));
  const maxBytes = parseByteSize(`${owner}.maxBytes`, options.maxBytes ?? HISTORY_DEFAULTS.maxBytes);
  const claimAfterMs = Math.ceil(parseDuration(`${owner}.claimAfter`, options.claimAfter ?? HISTORY_DEFAULTS.claimAfter));
  const deadlineMs = parseDuration(`${owner}.deadline`, options.deadline ?? HISTORY_DEFAULTS.deadline);
  const guard = new Guard({ name: "Redis", clock, random, deadlineMs });
  const connect = (ready?: () => void): RedisConnection =>
    connectRedis(redis, { option: `${owner}.redis`, clock, random, onReady: ready });
  const connection = connect(() => {
    guard.recovered();
    onReady?.();
  });
  const layout = redisHistoryLayout(prefix, connection.isCluster);
  const windows = new RedisWindows({
    connection,
    guard,
    layout,
    size,
    ttlMs,
    maxBytes: Math.ceil(maxBytes / layout.shards.length),
  });
  const connections = [connection];
  return {
    windows,
    connection,
    clock,
    writer(onStored) {
      const own = connect();
      connections.push(own);
      const consumer = newConsumer();
      return new StreamWriter({
        tables,
        windows,
        connection: own,
        control: connection,
        clock,
        consumer,
        claimAfterMs,
        emit,
        onStored,
      });
    },
    close: () => Promise.all(connections.map((one) => one.close())),
  };
}
