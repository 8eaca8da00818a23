/** The chat history as users hold it: conversations of many owners over one log. */
import { waitOrAbort, type CallOptions } from "../core/abort.ts";
import { systemClock, type Clock } from "../core/clock.ts";
import { StrataConfigError, StrataError } from "../core/errors.ts";
import { guardObserver, type Emit } from "../core/events.ts";
import { refuseUnknown } from "../core/options.ts";
import type { Scope } from "../core/scope.ts";
import { acceptConversation, acceptNotes, acceptOwner } from "./accept.ts";
import { HybridChatMessageHistory } from "./chat-history.ts";
import { parseWindow, type WindowOptions } from "./context-window.ts";
import {
  listConversations,
  listScopedOwners,
  listMessages,
  listTurns,
  ownerPosition,
  type ConversationFilter,
  type ConversationInfo,
  type ListedRow,
  type MessageFilter,
  type OwnerTurn,
  type Page,
  type Read,
  type StoredTurn,
  type TurnFilter,
} from "./tables/conversation-catalog.ts";
import { ownerKey } from "./conversation-key.ts";
import { embedMessages, type EmbedMessagesOptions } from "./tables/embed-messages.ts";
import { HistoryTables } from "./tables/history-tables.ts";
import { encryptedLog } from "./logs/encrypted.ts";
import { changeMessage, type MessageName } from "./tables/message-changes.ts";
import { decodeMessage } from "./message-codec.ts";
import { messageIds } from "./message-id.ts";
import type { MessageLog } from "./message-log.ts";
import { messageSealer, PLAIN, refuseEncrypted, type MessageSealer } from "./message-sealer.ts";
import { summarizeOwner, type OwnerSummary, type OwnerSummaryOptions } from "./summaries/owner-summary.ts";
import { ReplicaReads } from "./tables/replica-reads.ts";
import { acceptOptions, openLog, type ConversationStoreOptions } from "./store-options.ts";
import { Summaries } from "./summaries/summaries.ts";
import { parseSummaryModel, type SummaryModel } from "./summaries/summarizer.ts";
import {
  nearestTurns,
  searchTurns,
  sessionStates,
  type NearSearch,
  type NearTurn,
  type SessionState,
  type TurnSearch,
} from "./tables/turn-search.ts";
import { positionWith, statesWith, waitingTalks, waitingTurns, withWaiting } from "./waiting-turns.ts";
import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import type { BaseMessage } from "@langchain/core/messages";

/** Which conversation, and how it is given to a model. */
export interface HistoryOptions {
  /** Any text of 1 to 1,024 characters without NUL. */
  readonly sessionId: string;
  /** Whose conversation; two owners never share one, also not of the same session id. Default `""`, the owner without a name. */
  readonly ownerId?: string | undefined;
  /** Noted of the conversation, for listings. */
  readonly feature?: string | undefined;
  /** Noted of the conversation: a plain JSON object, merged into what was noted before. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** How much `getMessages()` and `context()` give: a number of messages, or limits. Default: everything, and 20 for `context()`. */
  readonly window?: number | WindowOptions | undefined;
  /** A chat model that keeps a summary of what has left the window, in the background. */
  readonly summarizer?: SummaryModel | undefined;
}

/** A message in a listing. */
export interface ListedMessage extends OwnerTurn {
  readonly ownerId: string;
  readonly feature?: string;
  readonly message: BaseMessage;
}

export interface ConversationPage {
  readonly conversations: readonly ConversationInfo[];
  /** For the next page; absent on the last. */
  readonly cursor?: string;
}

export interface MessagePage {
  readonly messages: readonly ListedMessage[];
  readonly cursor?: string;
}

export interface TurnPage {
  readonly turns: readonly OwnerTurn[];
  readonly cursor?: string;
}

/** Whose messages get the vectors that they lack. */
export interface OwnerEmbedding extends Pick<EmbedMessagesOptions, "embeddings" | "model" | "signal"> {
  readonly ownerId: string;
}

/** What was removed of an owner. */
export interface HistoryForgetReceipt {
  /** Messages, wherever they were: stored, archived, or on their way. */
  readonly messages: number;
  readonly conversations: number;
  readonly summaries: number;
  /** Messages that had been set aside because they could not be stored. */
  readonly deadLetters: number;
  /** When, ISO 8601. */
  readonly at: string;
}

/** What an import works with. */
export interface StoreParts {
  readonly log: MessageLog;
  readonly tables: HistoryTables;
  /** Where messages are encrypted. */
  readonly sealer?: MessageSealer | undefined;
}

/** Kept beside the stores and not on them: it is no part of their public interface. */
const partsOfStores = new WeakMap<object, StoreParts>();

/** @throws {@link StrataConfigError} for what is no store of this copy of the package */
export function partsOf(store: ConversationStore): StoreParts {
  const parts = partsOfStores.get(store);
  if (parts === undefined) throw new StrataConfigError("store", store, "a ConversationStore");
  return parts;
}

const OWNED = `
  SELECT count(*) AS conversations, count(s.conversation_id) AS summaries,
    (SELECT count(*) FROM strata_dead_letters WHERE owner_key = $1) AS dead_letters
  FROM strata_conversations c LEFT JOIN strata_summaries s ON s.conversation_id = c.id WHERE c.owner_key = $1`;

/**
 * Conversations in PostgreSQL or PGlite, with their newest messages in Redis where there is one.
 * @throws {@link StrataConfigError} naming the option
 * @example
 * ```ts
 * const store = new ConversationStore({ sql: pgliteClient({ path: ".strata/history" }) });
 * const history = store.history({ sessionId: "chat-1", ownerId: "ada" });
 * await history.addMessages([new HumanMessage("Hello"), new AIMessage("Hello, Ada")]);
 * ```
 */
export class ConversationStore {
  /** As given to the constructor. */
  readonly embeddings: EmbeddingsInterface | undefined;
  readonly #log: MessageLog;
  readonly #tables: HistoryTables;
  readonly #summaries: Summaries;
  readonly #replica: ReplicaReads;
  readonly #clock: Clock;
  readonly #emit: Emit;
  readonly #makeId: () => string;
  /** Whether messages may be in Redis that are not in the tables yet. */
  readonly #isWrittenLater: boolean;
  readonly #unsure = new WeakMap<BaseMessage, string>();
  readonly #sealer: MessageSealer | undefined;
  #closing: Promise<void> | undefined;

  constructor(options: ConversationStoreOptions) {
    const model = acceptOptions(options);
    const { sql, readReplica, clock = systemClock, random = Math.random } = options;
    this.embeddings = options.embeddings;
    const emit = guardObserver(options.observer);
    this.#emit = emit;
    this.#clock = clock;
    this.#makeId = messageIds(clock, random);
    this.#tables = new HistoryTables(sql, clock);
    const sealer = messageSealer("ConversationStore", options.encryption, emit);
    this.#sealer = sealer;
    const log = openLog(options, this.#tables, clock, model);
    this.#log = sealer === undefined ? log : encryptedLog(log, sealer);
    this.#isWrittenLater = options.redis !== undefined && options.durability === "redis";
    this.#summaries = new Summaries({ tables: this.#tables, log: this.#log, clock, emit, sealer });
    this.#replica = new ReplicaReads(this.#tables, readReplica);
    partsOfStores.set(this, { log: this.#log, tables: this.#tables, sealer });
  }

  /** Whether the database can search: not where messages are encrypted. */
  get isSearchable(): boolean {
    return this.#sealer === undefined;
  }

  /**
   * The history of one conversation, as LangChain takes it. Costs nothing, asks nothing.
   * @throws {@link StrataConfigError} naming the option
   */
  history(options: HistoryOptions): HybridChatMessageHistory {
    refuseUnknown("history", options, ["sessionId", "ownerId", "feature", "metadata", "window", "summarizer"]);
    const { sessionId, ownerId = "", feature, metadata, window, summarizer } = options;
    const conversation = { ownerId, sessionId };
    acceptConversation(conversation);
    const notes = feature === undefined && metadata === undefined ? undefined : acceptNotes({ feature, metadata });
    return new HybridChatMessageHistory({
      conversation,
      notes,
      window: window === undefined ? undefined : parseWindow("history.window", window),
      summarizer: summarizer === undefined ? undefined : parseSummaryModel("history.summarizer", summarizer),
      log: this.#log,
      summaries: this.#summaries,
      clock: this.#clock,
      emit: this.#emit,
      makeId: this.#makeId,
      unsure: this.#unsure,
      changed: () => this.#replica.wrote(),
    });
  }

  /** A page of conversations, the last used first. @throws {@link StrataConfigError} naming the part */
  async conversations(filter: ConversationFilter = {}): Promise<ConversationPage> {
    this.#refuseWhenClosed();
    const { items, ...rest } = await listConversations(this.#replica.read, filter);
    return { conversations: items, ...rest };
  }

  /** A page of messages across sessions, the newest first by their times. @throws {@link StrataConfigError} naming the part */
  async messages(filter: MessageFilter = {}): Promise<MessagePage> {
    this.#refuseWhenClosed();
    const { items, ...rest }: Page<ListedRow> = await listMessages(this.#replica.read, filter);
    const readable = this.#sealer === undefined ? items : await this.#sealer.open(items, (row) => row);
    return {
      messages: readable.map(({ payload, ...row }) => ({ ...row, message: decodeMessage({ id: row.id, payload }) })),
      ...rest,
    };
  }

  /**
   * A page of an owner's turns, each once: session by session in the order in which they began to be stored, oldest first. For an index
   * of what the owner said; `position()` tells when it is out of date. With durability `"redis"` what is on its way to the tables comes with
   * the first page, beyond its limit, and may come once more with a later one.
   */
  async turns(filter: TurnFilter): Promise<TurnPage> {
    this.#refuseWhenClosed();
    const waiting = filter.cursor === undefined ? await waitingTurns(this.#log, filter) : [];
    const { items, ...rest } = await listTurns(this.#read, filter);
    return { turns: withWaiting(await this.#readable(filter.ownerId, items), waiting), ...rest };
  }

  /**
   * A text that changes with every message of an owner that is stored, corrected or removed: equal positions, equal turns. One small
   * query; with durability `"redis"` one of Redis before it, so that what is acknowledged counts, stored or not.
   */
  async position(ownerId: string, options: CallOptions = {}): Promise<string> {
    this.#refuseWhenClosed();
    const waiting = await waitingTalks(this.#log, ownerId, options);
    return positionWith(await ownerPosition(this.#read, ownerId, options), waiting);
  }

  /** How far each session of an owner has come, in the order in which they began: which turns to read anew. */
  async sessions(ownerId: string, options: CallOptions = {}): Promise<readonly SessionState[]> {
    this.#refuseWhenClosed();
    const waiting = await waitingTalks(this.#log, ownerId, options);
    return statesWith(await sessionStates(this.#read, ownerId, options), waiting);
  }

  /**
   * Turns with any of a query's words and what stands beside them, in the order of the sessions, by the index of words, and what that has
   * not read yet; for owners with more turns than fit into memory. @throws {@link StrataConfigError} naming the part
   */
  async search(search: TurnSearch): Promise<readonly OwnerTurn[]> {
    this.#refuseWhenClosed();
    refuseEncrypted(this.#sealer, "search()");
    const waiting = await waitingTurns(this.#log, search);
    return withWaiting(await searchTurns(this.#read, search), waiting);
  }

  /**
   * Turns whose vectors are nearest to a query's and what stands beside them, in the order of the sessions; of the vectors that
   * `embed()` or `embedMessages()` has stored. For owners with more turns than fit into memory.
   * @throws {@link StrataConfigError} naming the part
   */
  async nearest(search: NearSearch): Promise<readonly NearTurn[]> {
    this.#refuseWhenClosed();
    refuseEncrypted(this.#sealer, "nearest()");
    return nearestTurns(this.#read, search);
  }

  /** Stores the vectors that messages of an owner lack. @returns how many; as `embedMessages()`, for one owner */
  async embed(options: OwnerEmbedding): Promise<number> {
    this.#refuseWhenClosed();
    refuseEncrypted(this.#sealer, "embed()");
    refuseUnknown("embed", options, ["ownerId", "embeddings", "model", "signal"]);
    acceptOwner(options.ownerId);
    return embedMessages({ sql: this.#tables.sql, ...options });
  }

  /**
   * Gives a message another text. What search knows of it is made anew; summaries that cover it are dropped.
   * @returns whether there was such a message
   * @throws {@link StrataConfigError} when the owner has messages of this id in several sessions and `sessionId` is missing
   */
  async correct(name: MessageName, text: string): Promise<boolean> {
    if (typeof text !== "string") throw new StrataConfigError("text", text, "a text");
    return this.#change(name, text);
  }

  /** Removes one message for good: who adds its id again does not bring it back. Else as `correct`. */
  remove(name: MessageName): Promise<boolean> {
    return this.#change(name, undefined);
  }

  /** What an owner talked about lately, across sessions. */
  async summary(options: OwnerSummaryOptions = {}): Promise<OwnerSummary> {
    this.#refuseWhenClosed();
    return summarizeOwner(this.#replica.read, this.#clock, options, this.#sealer);
  }

  /**
   * Removes everything of an owner: messages, also those on their way and those set aside, notes, summaries, vectors. What arrives
   * late does not bring anything back.
   */
  async forget({ ownerId, signal }: { readonly ownerId: string } & CallOptions): Promise<HistoryForgetReceipt> {
    this.#refuseWhenClosed();
    acceptOwner(ownerId);
    const [owned] = await this.#tables.query<{ conversations: number; summaries: number; dead_letters: number }>(
      OWNED,
      [ownerKey(ownerId)],
      { signal },
    );
    const messages = await this.#log.forget(ownerId, { signal });
    this.#replica.wrote();
    const { conversations = 0, summaries = 0, dead_letters: deadLetters = 0 } = owned ?? {};
    return { messages, conversations, summaries, deadLetters, at: new Date(this.#clock.now()).toISOString() };
  }

  /**
   * The owners within a scope, by the names that `scopedOwner` gave them: all owners of a tenant, one owner in all tenants. With durability
   * `"redis"` what is on its way is written first, since only the tables can be asked for them.
   */
  async scopedOwners(scope: Scope, options: CallOptions = {}): Promise<readonly string[]> {
    this.#refuseWhenClosed();
    if (this.#isWrittenLater) await this.#log.drain(options);
    return listScopedOwners(this.#read, scope, options);
  }

  /**
   * Everything that was accepted before the call is committed, searchable, embedded where there is an `embeddingModel`, and summarised
   * where a summary was due. @throws what the embeddings throw; what they did not come to is embedded later
   */
  async drain(options: CallOptions = {}): Promise<void> {
    this.#refuseWhenClosed();
    await this.#log.drain(options);
    await waitOrAbort(this.#summaries.drain(), options.signal);
    this.#replica.wrote();
  }

  /** Ends what is under way in the background. Clients stay the caller's. May be called twice. */
  close(): Promise<void> {
    this.#closing ??= this.#summaries.close().then(() => this.#log.close());
    return this.#closing;
  }

  readonly #read: Read = (text, parameters, options) => this.#tables.query(text, parameters, options);

  async #change(name: MessageName, text: string | undefined): Promise<boolean> {
    this.#refuseWhenClosed();
    refuseUnknown(text === undefined ? "remove" : "correct", name, ["ownerId", "messageId", "sessionId", "signal"]);
    if (this.#isWrittenLater) await this.#log.drain({ signal: name.signal });
    const conversation = await changeMessage(this.#tables, name, text, {
      sealer: this.#sealer,
      hasWindows: this.#log.refresh !== undefined,
    });
    if (conversation === undefined) return false;
    await this.#log.refresh?.(conversation);
    this.#replica.wrote();
    return true;
  }

  async #readable(ownerId: string, turns: readonly StoredTurn[]): Promise<readonly OwnerTurn[]> {
    if (this.#sealer === undefined) return turns;
    const stored = turns.map(({ sealed = PLAIN, ...turn }) => ({ ...turn, payload: sealed }));
    const opened = await this.#sealer.open(stored, ({ sessionId }) => ({ ownerId, sessionId }));
    return opened.map(({ payload: _payload, ...turn }) => turn);
  }

  #refuseWhenClosed(): void {
    if (this.#closing !== undefined) throw new StrataError("CLOSED", "The conversation store is closed.");
  }
}
