/**
 * A message log: the messages of conversations, in order, nothing lost. It knows nothing of LangChain; a message is an id, a time
 * and bytes of JSON that `message-codec.ts` makes.
 *
 * - `append` is atomic and idempotent: the messages of one call are contiguous and in order; an id that the conversation already
 *   holds is not stored again, and keeps its place. When it resolves, the messages have reached what the log's durability says.
 * - Sequence numbers of one conversation start at 1 and grow; gaps may occur (a cleared conversation goes on where it was), a
 *   number is never given twice.
 * - A reader sees what the same process appended before ("read your writes"), and what others were told is stored.
 * - What cannot be given back equal is refused with the whole batch (`accept.ts`); in `text`, `role` and `name`, which only describe
 *   the payload, NUL and lone surrogates become U+FFFD.
 * - Two conversations never see each other's messages: a conversation is owner and session, both, whatever characters they hold.
 */
import type { CallOptions } from "../core/abort.ts";

/**
 * Whose conversation, and which: any well-formed text of up to 1,024 characters without NUL. The owner `""` is the one without a
 * name; a session has at least one character.
 */
export interface Conversation {
  readonly ownerId: string;
  readonly sessionId: string;
}

/** A message as it is stored. */
export interface LogMessage {
  /** Unique within its conversation; any well-formed text of 1 to 256 characters without NUL. */
  readonly id: string;
  /** `"human"`, `"ai"`, `"system"`, `"tool"`, …: for search and for tool pairs; the payload has everything. 1 to 64 characters. */
  readonly role: string;
  /** The speaker, where one is named; up to 256 characters. */
  readonly name?: string | undefined;
  /** Unix ms, whole, of the years 1 to 9999. */
  readonly createdAt: number;
  /** What search reads: the text without reasoning, tool arguments and data. May be empty. */
  readonly text: string;
  /** JSON of the whole message. `JSON.stringify` escapes what cannot stand in it: NUL and lone surrogates. */
  readonly payload: string;
}

export interface StoredMessage extends LogMessage {
  readonly seq: number;
}

/** What to note of a conversation beside its messages; given with an append. */
export interface ConversationNotes {
  readonly feature?: string | undefined;
  /** JSON object; merged into what was noted before. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

export interface AppendResult {
  /** In the order given; of an id that was there already, the number it has. */
  readonly seqs: readonly number[];
  /** How many were new. */
  readonly added: number;
}

/** Which messages; the newest ones of those when there are more than `limit`. Always given oldest first. */
export interface ReadRange extends CallOptions {
  /** Only numbers above this. */
  readonly after?: number | undefined;
  /** Only numbers below this. */
  readonly before?: number | undefined;
  /** At most so many; default all. */
  readonly limit?: number | undefined;
}

/** How an append is made. */
export interface AppendOptions extends CallOptions {
  readonly notes?: ConversationNotes | undefined;
}

/** A conversation with messages that are on their way to the tables. */
export interface WaitingTalk {
  readonly sessionId: string;
  /** The highest number among them. */
  readonly lastSeq: number;
  /** Those messages, oldest first, some of which may have arrived; none when all have. */
  readonly read: () => Promise<readonly StoredMessage[]>;
}

export interface MessageLog {
  readonly name: string;
  /**
   * Rejects when nothing can say that the messages are stored; they may be, all the same (a reply was lost): the caller may append
   * them again under the same ids.
   */
  append(conversation: Conversation, messages: readonly LogMessage[], options?: AppendOptions): Promise<AppendResult>;
  read(conversation: Conversation, range?: ReadRange): Promise<readonly StoredMessage[]>;
  /** Removes every message of the conversation; gives how many. Late deliveries of removed messages do not bring them back. */
  clear(conversation: Conversation, options?: CallOptions): Promise<number>;
  /**
   * Removes everything of an owner: messages, notes, what is on its way, what was set aside; gives the number of messages. Late
   * deliveries do not bring anything back.
   */
  forget(ownerId: string, options?: CallOptions): Promise<number>;
  /**
   * Says that messages of the conversation were changed in the tables beneath the log: what it keeps of them elsewhere is no longer
   * used when this resolves. Only logs have it that keep something elsewhere.
   */
  refresh?(conversation: Conversation, options?: CallOptions): Promise<void>;
  /**
   * What is acknowledged and not in the tables yet: who reads the tables after this misses nothing that was acknowledged before.
   * Only logs have it that acknowledge before a commit.
   */
  waiting?(ownerId: string, options?: CallOptions): Promise<readonly WaitingTalk[]>;
  /** Everything that was accepted before the call is where the log keeps things for good. */
  drain(options?: CallOptions): Promise<void>;
  close(): Promise<void>;
}
