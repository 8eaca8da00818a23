/**
 * A message log: the messages of conversations, in order, nothing lost. It knows nothing of LangChain; a message is an id, a time
 * and bytes of JSON that `message-codec.ts` makes.
 *
 * - `append` is atomic and idempotent: the messages of one call are contiguous and in order; an id that the conversation already
 *   holds is not stored again, and keeps its place. When it resolves, the messages have reached what the log's durability says.
 * - Sequence numbers of one conversation start at 1 and grow; gaps may occur (a cleared conversation goes on where it was), a
 *   number is never given twice.
 * - A reader sees what the same process appended before ("read your writes"), and what others were told is stored.
 * - Two conversations never see each other's messages: a conversation is owner and session, both, whatever characters they hold.
 */
import type { CallOptions } from "../core/abort.ts";

/** Whose conversation, and which. Any text up to 1,024 characters without NUL; the owner `""` is the one without a name. */
export interface Conversation {
  readonly ownerId: string;
  readonly sessionId: string;
}

/** A message as it is stored. */
export interface LogMessage {
  /** Unique within its conversation; any text of 1 to 256 characters without NUL. */
  readonly id: string;
  /** `"human"`, `"ai"`, `"system"`, `"tool"`, …: for search and for tool pairs; the payload has everything. */
  readonly role: string;
  /** The speaker, where one is named. */
  readonly name?: string | undefined;
  /** Unix ms. */
  readonly createdAt: number;
  /** What search reads: the text without reasoning, tool arguments and data. May be empty. */
  readonly text: string;
  /** JSON of the whole message. */
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

export interface MessageLog {
  readonly name: string;
  append(
    conversation: Conversation,
    messages: readonly LogMessage[],
    options?: CallOptions & { readonly notes?: ConversationNotes | undefined },
  ): Promise<AppendResult>;
  read(conversation: Conversation, range?: ReadRange): Promise<readonly StoredMessage[]>;
  /** Removes every message of the conversation; gives how many. Late deliveries of removed messages do not bring them back. */
  clear(conversation: Conversation, options?: CallOptions): Promise<number>;
  /** Everything that was accepted before the call is where the log keeps things for good. */
  drain(options?: CallOptions): Promise<void>;
  close(): Promise<void>;
}
