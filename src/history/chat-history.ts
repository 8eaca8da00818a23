import { BaseListChatMessageHistory } from "@langchain/core/chat_history";
import { BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import type { CallOptions } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import { codeOf, StrataConfigError, type StrataErrorCode } from "../core/errors.ts";
import type { Emit } from "../core/events.ts";
import { conversationKey } from "./conversation-key.ts";
import { chooseWindow, type NumberedMessage, type WindowLimits } from "./context-window.ts";
import { decodeMessage, encodeMessage } from "./message-codec.ts";
import type { Conversation, ConversationNotes, LogMessage, MessageLog } from "./message-log.ts";
import { foldSize, type Summaries } from "./summaries/summaries.ts";
import type { SummaryModel } from "./summaries/summarizer.ts";
import { quoteSummary } from "./summaries/summary-prompt.ts";
import { estimateTokens } from "./tokens.ts";

/** How messages are added. */
export interface AddOptions extends CallOptions {
  /** When they were said: of all, or of each; default now. The order of a conversation is that in which they are added. */
  readonly createdAt?: Date | readonly Date[] | undefined;
}

/** What a store hands to the histories that it makes. */
export interface HistoryParts {
  readonly conversation: Conversation;
  readonly notes: ConversationNotes | undefined;
  /** Of `getMessages()` and `context()`; `undefined` when none was asked for. */
  readonly window: WindowLimits | undefined;
  readonly summarizer: SummaryModel | undefined;
  readonly log: MessageLog;
  readonly summaries: Summaries;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly makeId: () => string;
  /** Ids of messages of which nobody knows whether they are stored: adding them again stores them once. */
  readonly unsure: WeakMap<BaseMessage, string>;
  readonly changed: () => void;
}

/** Marks the message that holds the summary in a context; never stored. */
const SUMMARY_ID = "strata-summary";
/** Beyond the window so many messages are read at first, for a group of tool calls that begins before it. */
const READ_AHEAD = 8;

/** Whether a message of `context()` is the summary. */
export function isSummaryMessage(message: BaseMessage): boolean {
  return message.id?.startsWith(`${SUMMARY_ID}-`) === true;
}

/**
 * The history of one conversation, made by `ConversationStore.history()`. Holds nothing: many may be made of one conversation, in
 * many processes.
 */
export class HybridChatMessageHistory extends BaseListChatMessageHistory {
  lc_namespace: string[] = ["langchain_strata", "history"];
  readonly #parts: HistoryParts;

  /** @internal Made by `ConversationStore.history()`. */
  constructor(parts: HistoryParts) {
    super();
    this.#parts = parts;
  }

  get sessionId(): string {
    return this.#parts.conversation.sessionId;
  }

  get ownerId(): string {
    return this.#parts.conversation.ownerId;
  }

  /**
   * The messages in order: all of them, or the newest, where `window` was given.
   * @throws {@link StrataError} `CORRUPT` when a stored message is damaged
   */
  async getMessages(options: CallOptions = {}): Promise<BaseMessage[]> {
    const { window, log, conversation } = this.#parts;
    if (window === undefined) return (await log.read(conversation, { signal: options.signal })).map(decodeMessage);
    return chooseWindow(await this.#newest(window, window.messages, options), window).map(({ message }) => message);
  }

  addMessage(message: BaseMessage): Promise<void> {
    return this.addMessages([message]);
  }

  /**
   * Stores messages together: all or none, next to each other, in one trip. A message's own id is kept, one is made otherwise; an id
   * that the conversation holds already is not stored again. When it rejects, the same message objects may be added again.
   * @throws {@link StrataError} `UNSTORABLE`, before anything is stored, for a message that cannot be given back equal
   */
  override async addMessages(messages: BaseMessage[], options: AddOptions = {}): Promise<void> {
    const { conversation, notes, log, unsure, summarizer, summaries, clock } = this.#parts;
    const encoded = this.#encode(messages, options.createdAt);
    if (encoded.length === 0) return;
    const startedAt = clock.monotonic();
    let added;
    try {
      const stored = encoded.map(([, one]) => one);
      ({ added } = await log.append(conversation, stored, { notes, signal: options.signal }));
    } catch (error) {
      for (const [message, { id }] of encoded) unsure.set(message, id);
      this.#tell(encoded.length, startedAt, codeOf(error));
      throw error;
    }
    this.#tell(encoded.length, startedAt);
    for (const [message] of encoded) unsure.delete(message);
    this.#parts.changed();
    if (summarizer !== undefined && added > 0) {
      summaries.appended({ conversation, model: summarizer, limits: this.#contextLimits() }, added);
    }
  }

  /** Removes every message, and the summary. */
  override async clear(options: CallOptions = {}): Promise<void> {
    await this.#parts.log.clear(this.#parts.conversation, options);
    this.#parts.changed();
  }

  /**
   * What to send to a model: the system messages with which the conversation begins, the summary of what has left the window, and
   * the window (`window`; default: 20 messages), tool calls and results never apart. The summary is a human message with quoted data
   * (`isSummaryMessage`), since many models take one system message only.
   */
  async context(options: CallOptions = {}): Promise<BaseMessage[]> {
    const limits = this.#contextLimits();
    const most = limits.messages + foldSize(limits);
    const { conversation, summaries, summarizer } = this.#parts;
    const [{ summary, leading }, newest] = await Promise.all([
      summaries.head(conversation, options),
      this.#newest(limits, most, options),
    ]);
    const isSummarised = summary !== undefined || summarizer !== undefined;
    const said = newest.filter(({ seq }) => !leading.some((first) => first.seq === seq));
    const chosen = chooseWindow(said, limits, { after: summary?.seq ?? 0, most: isSummarised ? most : 0 });
    const quoted =
      summary === undefined
        ? []
        : [new HumanMessage({ id: `${SUMMARY_ID}-${summary.seq}`, content: quoteSummary(summary.text) })];
    return [...leading.map(({ message }) => message), ...quoted, ...chosen.map(({ message }) => message)];
  }

  #tell(messages: number, startedAt: number, code?: StrataErrorCode | "ENGINE"): void {
    const { emit, clock, conversation } = this.#parts;
    if (emit === undefined) return;
    const failure = code === undefined ? { outcome: "ok" as const } : { outcome: "failed" as const, code };
    const ms = clock.monotonic() - startedAt;
    emit({ type: "history.append", ...failure, messages, ms, conversation: conversationKey(conversation).slice(0, 12) });
  }

  #contextLimits(): WindowLimits {
    const { window } = this.#parts;
    const { messages, tokens, countTokens } = window ?? DEFAULT_WINDOW;
    return { tokens, countTokens, messages: messages === Infinity ? DEFAULT_WINDOW.messages : messages };
  }

  /** At least the newest `count` messages; further back when only what a group of calls begins with is missing from the window. */
  async #newest(limits: WindowLimits, count: number, { signal }: CallOptions): Promise<NumberedMessage[]> {
    const { log, conversation } = this.#parts;
    if (count === Infinity) return (await log.read(conversation, { signal })).map(numbered);
    for (let limit = count + READ_AHEAD; ; limit *= 2) {
      const stored = await log.read(conversation, { limit, signal });
      const messages = stored.map(numbered);
      if (stored.length < limit || isEnough(messages, limits)) return messages;
    }
  }

  #encode(messages: readonly BaseMessage[], createdAt: AddOptions["createdAt"]): Array<readonly [BaseMessage, LogMessage]> {
    const { clock, makeId, unsure } = this.#parts;
    if (!Array.isArray(messages)) throw new StrataConfigError("messages", messages, "a list of messages");
    const isEach = Array.isArray(createdAt);
    if (isEach && createdAt.length !== messages.length) {
      throw new StrataConfigError("createdAt", createdAt, "one Date, or as many as there are messages");
    }
    const one = createdAt === undefined || isEach ? clock.now() : time(createdAt as Date);
    return (messages as BaseMessage[]).flatMap((message, index) => {
      if (BaseMessage.isInstance(message) && isSummaryMessage(message)) return [];
      const id = message?.id === undefined || message.id === "" ? (unsure.get(message) ?? makeId()) : message.id;
      return [[message, encodeMessage(message, { id, createdAt: isEach ? time(createdAt[index] as Date) : one })] as const];
    });
  }
}

/** Whether older messages could not change the window: it is full, or a group before it did not fit any more. */
function isEnough(messages: readonly NumberedMessage[], limits: WindowLimits): boolean {
  const first = messages.findIndex(({ message }) => !ToolMessage.isInstance(message));
  if (first === 0) return true;
  const chosen = chooseWindow(messages, limits);
  return chosen.length >= limits.messages || (chosen[0] !== undefined && messages.indexOf(chosen[0]) > first);
}

const DEFAULT_MESSAGES = 20;
const DEFAULT_WINDOW: WindowLimits = { messages: DEFAULT_MESSAGES, tokens: Infinity, countTokens: estimateTokens };

function numbered(stored: { readonly seq: number; readonly id: string; readonly payload: string }): NumberedMessage {
  return { seq: stored.seq, message: decodeMessage(stored) };
}

function time(date: Date): number {
  const ms = date instanceof Date ? date.getTime() : Number.NaN;
  if (Number.isNaN(ms)) throw new StrataConfigError("createdAt", date, "a Date");
  return ms;
}
