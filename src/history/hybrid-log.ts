/**
 * The message log that users get with Redis: PostgreSQL keeps every message, Redis the newest of each conversation, ready to be
 * read; together they answer as one log. What an acknowledged message has reached is the log's `durability`:
 *
 * - `"postgres"`: it is committed. PostgreSQL numbers it, while the window in Redis is noted to be in doubt; it gets it afterwards.
 * - `"redis"`: it is in the stream, as safe as the Redis server makes it. Redis numbers it; a writer takes it to PostgreSQL.
 * - `"both"`: it is committed, and the window has it.
 *
 * Redis may be lost at any time. While it is away, appends go to PostgreSQL, with a note in the same transaction that the window of
 * the conversation lacks them (`strata_stale_windows`); whoever reaches Redis again makes such windows cold before it reads one.
 * Numbers that are given meanwhile belong to a new epoch, above whatever is still in the stream.
 */
import { sleep, waitOrAbort, type CallOptions } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import { StrataError } from "../core/errors.ts";
import type { Emit } from "../core/events.ts";
import type { Digest } from "../core/key.ts";
import { acceptConversation, acceptMessages, acceptNotes, acceptOwner, acceptRange } from "./accept.ts";
import { conversationKey } from "./conversation-key.ts";
import type { HistoryTables } from "./tables/history-tables.ts";
import type { MessageIndex } from "./tables/message-index.ts";
import type {
  AppendOptions,
  AppendResult,
  Conversation,
  LogMessage,
  MessageLog,
  ReadRange,
  StoredMessage,
  WaitingTalk,
} from "./message-log.ts";
import { PostgresFailure } from "./tables/postgres-failure.ts";
import type { RedisStreams } from "./redis/streams.ts";
import type { RedisWindows } from "./redis/windows.ts";
import type { StreamWriter } from "./redis/history-writer.ts";
import { WindowFeeds, type Doubt } from "./redis/window-feeds.ts";
import { WindowRebuilds } from "./redis/window-rebuilds.ts";
import { WindowRepairs } from "./redis/window-repairs.ts";

export type Durability = "redis" | "postgres" | "both";

export interface HybridLogParts {
  readonly tables: HistoryTables;
  readonly index: MessageIndex;
  readonly windows: RedisWindows;
  readonly streams: RedisStreams;
  readonly writer: StreamWriter | undefined;
  readonly durability: Durability;
  readonly clock: Clock;
  readonly emit?: Emit;
  readonly closeConnections: () => Promise<unknown>;
}

/** A rebuilt window that was outdated at once is rebuilt again, so often; then the call goes on without. */
const REBUILDS = 8;
/** Where conversations go on that begin while PostgreSQL cannot say whether they have numbers: the upper half of an epoch. */
const BLIND = 2 ** 35;

export class HybridLog implements MessageLog {
  readonly name = "hybrid";
  readonly #parts: HybridLogParts;
  readonly #feeds: WindowFeeds;
  readonly #repairs: WindowRepairs;
  readonly #rebuilds: WindowRebuilds;
  readonly #pending = new Set<Promise<unknown>>();
  #isFailing = false;
  #closing: Promise<void> | undefined;

  constructor(parts: HybridLogParts) {
    this.#parts = parts;
    const { tables, windows, clock, durability } = parts;
    const redisNumbers = durability === "redis";
    this.#repairs = new WindowRepairs({ tables, windows, clock, redisNumbers });
    this.#rebuilds = new WindowRebuilds({ tables, windows, redisNumbers, skipsDoubted: durability === "postgres" });
    this.#feeds = new WindowFeeds({
      windows,
      clock,
      onMissed: (key, error) => this.#inBackground(this.#giveUp(key, error)),
    });
  }

  /** Redis can be reached, for the first time or again. */
  reconnected(): void {
    this.#repairs.reconnected();
  }

  append(conversation: Conversation, messages: readonly LogMessage[], options: AppendOptions = {}): Promise<AppendResult> {
    return this.#tracked(options, async () => {
      acceptConversation(conversation);
      const notes = acceptNotes(options.notes);
      const accepted = acceptMessages(messages);
      if (accepted.length === 0) return { seqs: [], added: 0 };
      if (this.#parts.durability === "redis") return this.#appendToRedis(conversation, accepted, { ...options, notes });
      return this.#appendToPostgres(conversation, accepted, { ...options, notes });
    });
  }

  read(conversation: Conversation, range: ReadRange = {}): Promise<readonly StoredMessage[]> {
    return this.#tracked(range, async () => {
      acceptConversation(conversation);
      acceptRange(range);
      if (range.limit === 0) return [];
      const key = conversationKey(conversation);
      const view = await this.#throughRedis(async () => {
        this.#feeds.flush(key);
        for (let tries = 0; tries < REBUILDS; tries++) {
          const found = await this.#parts.windows.read(key, range);
          if (found !== undefined) return found;
          if (!(await this.#rebuilds.rebuild(key))) return undefined;
        }
        return undefined;
      });
      if (view === undefined || view === "doubt") return this.#parts.tables.read(key, range);
      const { messages, isWhole, first = Infinity } = view;
      if (isWhole) return messages;
      const limit = range.limit === undefined ? undefined : range.limit - messages.length;
      const before = Math.min(first, range.before ?? Infinity);
      return [...(await this.#parts.tables.read(key, { ...range, before, limit })), ...messages];
    });
  }

  clear(conversation: Conversation, options: CallOptions = {}): Promise<number> {
    return this.#tracked(options, async () => {
      acceptConversation(conversation);
      const { tables, windows, durability } = this.#parts;
      const key = conversationKey(conversation);
      const numbers = durability === "redis" ? await windows.numbers(key) : { last: 0, held: [] };
      // What is on its way is not stored any more from here on.
      const { removed, counted } = await tables.clear(conversation, numbers.last, numbers.held, options);
      await this.#changeWindow(key, () => windows.cleared(key, numbers.last));
      return removed + numbers.held.length - counted;
    });
  }

  forget(ownerId: string, options: CallOptions = {}): Promise<number> {
    return this.#tracked(options, async () => {
      acceptOwner(ownerId);
      const { tables, windows, streams } = this.#parts;
      // Not without Redis: what it holds would be left. By its clock, since entries are dated by it.
      const before = await streams.now();
      const waiting = await streams.ofOwner(ownerId, options);
      const { removed, gone } = await tables.forget(ownerId, before, waiting, { ...options, hasWindows: true });
      await streams.withdraw(waiting);
      // With those of a time before that was cut off after its commit: nothing else knows of them any more.
      const keys = await tables.forgottenWindows(ownerId, options);
      for (const key of keys) await windows.remove(key);
      await windows.forgetOwner(ownerId);
      await tables.windowsForgotten(ownerId, keys, options);
      // From here on what the owner says is kept again.
      while ((await streams.now()) <= before) await sleep(this.#parts.clock, 1, options);
      return removed + gone;
    });
  }

  refresh(conversation: Conversation, options: CallOptions = {}): Promise<void> {
    return this.#tracked(options, async () => {
      acceptConversation(conversation);
      const key = conversationKey(conversation);
      await this.#changeWindow(key, () => this.#parts.windows.invalidate(key));
    });
  }

  waiting(ownerId: string, options: CallOptions = {}): Promise<readonly WaitingTalk[]> {
    return this.#tracked(options, async () => {
      acceptOwner(ownerId);
      const { windows, durability } = this.#parts;
      if (durability !== "redis") return [];
      // Without Redis the tables are all that there is, as for other readers.
      const talks = (await this.#throughRedis(() => windows.waiting(ownerId))) ?? [];
      return talks.map(({ sessionId, lastSeq }) => ({
        ...{ sessionId, lastSeq },
        read: () =>
          this.#tracked(options, async () => {
            const key = conversationKey({ ownerId, sessionId });
            return (await this.#throughRedis(() => windows.undrained(key))) ?? [];
          }),
      }));
    });
  }

  drain(options: CallOptions = {}): Promise<void> {
    return this.#tracked(options, async () => {
      void this.#parts.writer?.run();
      if (this.#parts.durability === "redis") await this.#parts.streams.drain(options);
      await this.#parts.index.drain(options);
    });
  }

  async close(): Promise<void> {
    this.#closing ??= (async () => {
      this.#repairs.stop();
      // Appends under way have something to feed; feeds that fail have something to note.
      await Promise.allSettled(this.#pending);
      await this.#feeds.close();
      await Promise.allSettled([
        ...this.#pending,
        this.#parts.index.close(),
        this.#parts.writer?.close(),
        this.#repairs.settled(),
      ]);
      await this.#parts.closeConnections();
    })();
    await this.#closing;
  }

  async #appendToPostgres(
    conversation: Conversation,
    messages: readonly LogMessage[],
    { notes, signal }: AppendOptions,
  ): Promise<AppendResult> {
    const { tables, windows, index, durability } = this.#parts;
    const key = conversationKey(conversation);
    // First PostgreSQL, which takes longer; the window may be doubted as long as nobody is told of a commit.
    const appending = tables.append(conversation, messages, { key, notes, signal });
    const doubting = durability === "both" ? undefined : this.#doubt(key);
    let appended;
    try {
      appended = await appending;
    } catch (error) {
      void doubting?.then((doubt) => doubt?.abandoned());
      throw error;
    }
    const { base, seqs, added } = appended;
    index.wake([key]);
    const part = {
      base,
      last: base + messages.length,
      messages: messages.map((message, at) => ({ ...message, seq: seqs[at] as number })),
    };
    const doubt = await doubting;
    const feed = async (): Promise<void> => void (await windows.feed(key, part));
    if (durability === "both") {
      await this.#ready();
      await feed();
    } else if (doubt === undefined) await this.#changeWindow(key, feed);
    else if (doubt.isTrusted()) doubt.committed(part);
    else await this.#changeWindow(key, () => doubt.feed(part));
    return { seqs, added };
  }

  async #appendToRedis(
    conversation: Conversation,
    messages: readonly LogMessage[],
    options: AppendOptions,
  ): Promise<AppendResult> {
    const { windows, tables, index } = this.#parts;
    const { notes, signal } = options;
    const taken = await this.#throughRedis(async () => {
      let blind: number | undefined;
      for (let tries = 0; tries < REBUILDS; tries++) {
        const result = await windows.append(conversation, messages, notes, blind);
        if (result !== undefined) return result;
        if (blind !== undefined) break;
        // With PostgreSQL away, the conversation goes on all the same, if Redis has kept its data.
        if (!(await this.#rebuilds.rebuild(conversationKey(conversation)))) blind = BLIND;
      }
      throw new StrataError(
        "UNAVAILABLE",
        "Redis lost its data and PostgreSQL cannot be reached, so no message can be numbered.",
      );
    });
    if (taken !== undefined) return taken;
    const key = conversationKey(conversation);
    const floor = await this.#repairs.floor(windows.layout.talk(key).shard.stream);
    const { seqs, added } = await tables.append(conversation, messages, { key, notes, signal, floor, stale: true });
    index.wake([key]);
    this.#repairs.noted();
    return { seqs, added };
  }

  /** Changes a window, or notes that it is to be made cold: nobody is told that a message is stored before a reader finds it. */
  async #changeWindow(key: Digest, change: () => Promise<void>): Promise<void> {
    try {
      await this.#ready();
      await change();
    } catch (error) {
      await this.#giveUp(key, error);
    }
  }

  async #giveUp(key: Digest, error: unknown): Promise<void> {
    this.#tell(error);
    await this.#parts.tables.markStale([key]);
    this.#repairs.noted();
  }

  /** @returns `undefined` when Redis cannot be told */
  async #doubt(key: Digest): Promise<Doubt | undefined> {
    try {
      await this.#ready();
      return await this.#feeds.doubt(key);
    } catch (error) {
      this.#tell(error);
      return undefined;
    }
  }

  /** What fails here has left the window in doubt, which ends by itself. */
  #inBackground(work: Promise<unknown>): void {
    const running = work.catch((error: unknown) => this.#tell(error));
    this.#pending.add(running);
    void running.finally(() => this.#pending.delete(running));
  }

  /** @returns `undefined` when Redis cannot be used */
  async #throughRedis<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      await this.#ready();
      const result = await work();
      this.#isFailing = false;
      return result;
    } catch (error) {
      if (StrataError.isInstance(error) && ["QUEUE_FULL", "CLOSED"].includes(error.code)) throw error;
      if (error instanceof PostgresFailure) throw error.cause;
      this.#tell(error);
      return undefined;
    }
  }

  #ready(): Promise<void> | undefined {
    void this.#parts.writer?.run();
    return this.#repairs.done();
  }

  async #tracked<T>(options: CallOptions, work: () => Promise<T>): Promise<T> {
    options.signal?.throwIfAborted();
    if (this.#closing !== undefined) throw new StrataError("CLOSED", "The message log is closed.");
    const running = work();
    this.#pending.add(running);
    try {
      return await waitOrAbort(running, options.signal);
    } finally {
      this.#pending.delete(running);
    }
  }

  /** Once for each spell. */
  #tell(error: unknown): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    const code = StrataError.isInstance(error) ? error.code : "ENGINE";
    this.#parts.emit?.({ type: "history.fault", operation: "window", code, message: String(error) });
  }
}
