/** What a conversation store is given, and the log that it makes of it. */
import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import type { SqlClient } from "../clients/sql.ts";
import type { Clock } from "../core/clock.ts";
import { StrataConfigError } from "../core/errors.ts";
import { guardObserver, type Observer } from "../core/events.ts";
import { refuseUnknown, type ByteSize, type Duration } from "../core/options.ts";
import type { EncryptionOptions } from "../encryption/key-ring.ts";
import type { Durability } from "./hybrid-log.ts";
import { assembleHybridLog, type HybridLogOptions } from "./logs/hybrid.ts";
import { PostgresLog } from "./logs/postgres.ts";
import type { MessageLog } from "./message-log.ts";
import type { HistoryTables } from "./tables/history-tables.ts";
import { messageIndex } from "./tables/message-index.ts";
import { parseVectorModel, type VectorModel } from "./tables/message-vectors.ts";

export interface ConversationStoreOptions {
  /** `pgClient(pool)` or `pgliteClient()`; stays the caller's. Tables are made before the first statement. */
  readonly sql: SqlClient;
  /**
   * A standby of the same database for listings (`conversations`, `messages`, `summary`); stays the caller's. It is asked only once
   * it has what this process wrote; what other processes wrote last may be missing.
   */
  readonly readReplica?: SqlClient | undefined;
  /**
   * Keeps the newest messages of each conversation in Redis, ready to be read: an ioredis client, of which the configuration is taken,
   * or a URL. Without it everything is the same, read from `sql`.
   */
  readonly redis?: HybridLogOptions["redis"] | undefined;
  /**
   * What a message has reached when adding it resolves, with `redis`: `"postgres"` (default) is committed, `"redis"` is in Redis and
   * on its way, `"both"` is committed and in the window. All processes of one database use the same.
   */
  readonly durability?: Durability | undefined;
  /** What Redis keeps of each conversation: so many messages (default 50), so long after the last (default `"1h"`). */
  readonly hotWindow?: HybridLogOptions["hotWindow"];
  /** Begins every key in Redis; default `"strata:history"`. */
  readonly prefix?: string | undefined;
  /** Bytes that may wait in Redis for PostgreSQL with the durability `"redis"`; default 256 MB. Beyond it adding fails. */
  readonly maxBytes?: ByteSize | undefined;
  /** With the durability `"redis"`: whether this process stores what waits in Redis; default `true`. `false` where workers do. */
  readonly writer?: boolean | undefined;
  /** How long a call waits for Redis before PostgreSQL is asked; default 500 ms. */
  readonly deadline?: Duration | undefined;
  /** What makes the vectors that recall compares messages with, for every retriever on this store that names none of its own. */
  readonly embeddings?: EmbeddingsInterface | undefined;
  /**
   * Names what `embeddings` makes, version included. Where it is given, each message gets its vector of this model in the table
   * `strata_message_embeddings` a moment after it is stored, and messages that have one of another model only get theirs anew. Needs the
   * extension `vector`. A model that fails is told as a `history.fault`, is asked again, and holds up no append.
   */
  readonly embeddingModel?: string | undefined;
  /**
   * Encrypts messages and summaries in PostgreSQL and Redis, with `scopedKeys()` under a key for each owner. The database cannot search
   * what it cannot read: `search()`, `nearest()` and `embed()` are refused, and so is `embeddingModel`. Default: nothing is encrypted.
   */
  readonly encryption?: EncryptionOptions | undefined;
  /** Told of what happens in the background: summaries, faults. */
  readonly observer?: Observer | undefined;
  readonly clock?: Clock | undefined;
  /** For ids of messages; from 0 to 1, as `Math.random`, the default. */
  readonly random?: (() => number) | undefined;
}

/** What only Redis gives a meaning to. */
const WITH_REDIS = ["durability", "hotWindow", "prefix", "maxBytes", "writer", "deadline"] as const;
const KNOWN = [
  "sql",
  "readReplica",
  "redis",
  ...WITH_REDIS,
  "embeddings",
  "embeddingModel",
  "encryption",
  "observer",
  "clock",
  "random",
];

/**
 * @returns what makes the vectors of messages, where there is something
 * @throws {@link StrataConfigError} naming the option
 */
export function acceptOptions(options: ConversationStoreOptions): VectorModel | undefined {
  refuseUnknown("ConversationStore", options, KNOWN);
  const { sql, readReplica, encryption } = options;
  if (!isSqlClient(sql)) {
    throw new StrataConfigError("ConversationStore.sql", sql, "a SqlClient, such as pgClient(pool) or pgliteClient()");
  }
  if (readReplica !== undefined && !isSqlClient(readReplica)) {
    throw new StrataConfigError("ConversationStore.readReplica", readReplica, "a SqlClient, such as pgClient(pool)");
  }
  const model = parseVectorModel("ConversationStore", options);
  if (encryption !== undefined && model !== undefined) {
    const accepted = "nothing beside `encryption`: a vector tells much of its text, and vectors are not encrypted";
    throw new StrataConfigError("ConversationStore.embeddingModel", model.model, accepted);
  }
  return model;
}

/** The options must have been accepted. @throws {@link StrataConfigError} naming the option */
export function openLog(
  options: ConversationStoreOptions,
  tables: HistoryTables,
  clock: Clock,
  model: VectorModel | undefined,
): MessageLog {
  const { sql, redis, durability, hotWindow, prefix, maxBytes, writer, deadline, observer, random } = options;
  if (redis === undefined) {
    const alone = WITH_REDIS.find((name) => options[name] !== undefined && !(name === "durability" && durability === "postgres"));
    if (alone === undefined) return new PostgresLog(tables, clock, messageIndex(tables, clock, guardObserver(observer), model));
    throw new StrataConfigError(`ConversationStore.${alone}`, options[alone], "nothing, unless `redis` is given");
  }
  const given = { durability, hotWindow, prefix, maxBytes, writer, deadline, observer, random };
  return assembleHybridLog({ sql, redis, clock, ...given }, tables, model);
}

function isSqlClient(value: unknown): value is SqlClient {
  const client = value as Partial<SqlClient> | null | undefined;
  return typeof client?.query === "function" && typeof client.transaction === "function";
}
