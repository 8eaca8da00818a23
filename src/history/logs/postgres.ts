/** A message log in PostgreSQL, or in PGlite, alone: what is acknowledged is committed. */
import type { CallOptions } from "../../core/abort.ts";
import { systemClock, type Clock } from "../../core/clock.ts";
import { StrataError } from "../../core/errors.ts";
import { refuseUnknown } from "../../core/options.ts";
import type { SqlClient } from "../../clients/sql.ts";
import { acceptConversation, acceptMessages, acceptNotes, acceptOwner, acceptRange } from "../accept.ts";
import { conversationKey } from "../conversation-key.ts";
import { historyTables, type HistoryTables } from "../tables/history-tables.ts";
import { MessageIndex } from "../tables/message-index.ts";
import type {
  AppendOptions,
  AppendResult,
  Conversation,
  LogMessage,
  MessageLog,
  ReadRange,
  StoredMessage,
} from "../message-log.ts";

export interface PostgresLogOptions {
  /** `pgClient(pool)` or `pgliteClient()`; stays the caller's. */
  readonly sql: SqlClient;
  readonly clock?: Clock | undefined;
}

/**
 * Keeps messages in tables, which are made at the first use. An append is one statement: one commit.
 * @throws {@link StrataConfigError} naming the option
 */
export function postgresLog(options: PostgresLogOptions): MessageLog {
  refuseUnknown("postgresLog", options, ["sql", "clock"]);
  const { clock = systemClock } = options;
  const tables = historyTables("postgresLog", options);
  return new PostgresLog(tables, clock, new MessageIndex({ tables, clock }));
}

/** Over tables and an index that the caller makes, which the log closes. */
export class PostgresLog implements MessageLog {
  readonly name = "postgres";
  readonly #tables: HistoryTables;
  readonly #clock: Clock;
  readonly #index: MessageIndex;
  readonly #pending = new Set<Promise<unknown>>();
  #closing: Promise<unknown> | undefined;

  constructor(tables: HistoryTables, clock: Clock, index: MessageIndex) {
    this.#tables = tables;
    this.#clock = clock;
    this.#index = index;
  }

  append(conversation: Conversation, messages: readonly LogMessage[], options: AppendOptions = {}): Promise<AppendResult> {
    return this.#tracked(options, async () => {
      acceptConversation(conversation);
      const notes = acceptNotes(options.notes);
      const accepted = acceptMessages(messages);
      if (accepted.length === 0) return { seqs: [], added: 0 };
      const { seqs, added } = await this.#tables.append(conversation, accepted, { notes, signal: options.signal });
      this.#index.wake([conversationKey(conversation)]);
      return { seqs, added };
    });
  }

  read(conversation: Conversation, range: ReadRange = {}): Promise<readonly StoredMessage[]> {
    return this.#tracked(range, async () => {
      acceptConversation(conversation);
      acceptRange(range);
      return range.limit === 0 ? [] : this.#tables.read(conversationKey(conversation), range);
    });
  }

  clear(conversation: Conversation, options: CallOptions = {}): Promise<number> {
    return this.#tracked(options, async () => {
      acceptConversation(conversation);
      return (await this.#tables.clear(conversation, 0, [], options)).removed;
    });
  }

  forget(ownerId: string, options: CallOptions = {}): Promise<number> {
    return this.#tracked(options, async () => {
      acceptOwner(ownerId);
      return (await this.#tables.forget(ownerId, this.#clock.now(), [], options)).removed;
    });
  }

  drain(options: CallOptions = {}): Promise<void> {
    return this.#tracked(options, () => this.#index.drain(options));
  }

  async close(): Promise<void> {
    this.#closing ??= Promise.allSettled([...this.#pending, this.#index.close()]);
    await this.#closing;
  }

  async #tracked<T>(options: CallOptions, work: () => Promise<T>): Promise<T> {
    options.signal?.throwIfAborted();
    if (this.#closing !== undefined) throw new StrataError("CLOSED", "The message log is closed.");
    const running = work();
    this.#pending.add(running);
    try {
      return await running;
    } finally {
      this.#pending.delete(running);
    }
  }
}
