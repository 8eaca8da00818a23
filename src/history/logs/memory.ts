/** A message log in the memory of the process: for tests, and for conversations that need not outlive it. */
import type { CallOptions } from "../../core/abort.ts";
import { StrataError } from "../../core/errors.ts";
import { acceptConversation, acceptMessages, acceptNotes, acceptOwner, acceptRange } from "../accept.ts";
import type {
  AppendOptions,
  AppendResult,
  Conversation,
  LogMessage,
  MessageLog,
  ReadRange,
  StoredMessage,
} from "../message-log.ts";

interface Shelf {
  readonly messages: StoredMessage[];
  readonly seqs: Map<string, number>;
  last: number;
}

/** Keeps messages until `close()`. Notes are checked, and not kept: nothing here asks for them. */
export function memoryLog(): MessageLog {
  return new MemoryLog();
}

class MemoryLog implements MessageLog {
  readonly name = "memory";
  readonly #owners = new Map<string, Map<string, Shelf>>();
  #closed = false;

  async append(conversation: Conversation, messages: readonly LogMessage[], options: AppendOptions = {}): Promise<AppendResult> {
    this.#begin(options);
    acceptConversation(conversation);
    acceptNotes(options.notes);
    const accepted = acceptMessages(messages);
    if (accepted.length === 0) return { seqs: [], added: 0 };
    const shelf = this.#open(conversation);
    let added = 0;
    const seqs = accepted.map((message) => {
      const known = shelf.seqs.get(message.id);
      if (known !== undefined) return known;
      const seq = ++shelf.last;
      shelf.messages.push({ ...message, seq });
      shelf.seqs.set(message.id, seq);
      added++;
      return seq;
    });
    return { seqs, added };
  }

  async read(conversation: Conversation, range: ReadRange = {}): Promise<readonly StoredMessage[]> {
    this.#begin(range);
    acceptConversation(conversation);
    acceptRange(range);
    const { after = 0, before = Infinity, limit = Infinity } = range;
    const messages = this.#find(conversation)?.messages ?? [];
    const found = messages.filter(({ seq }) => seq > after && seq < before);
    return found.slice(Math.max(0, found.length - limit)).map((message) => ({ ...message }));
  }

  async clear(conversation: Conversation, options?: CallOptions): Promise<number> {
    this.#begin(options);
    acceptConversation(conversation);
    const shelf = this.#find(conversation);
    shelf?.seqs.clear();
    return shelf?.messages.splice(0).length ?? 0;
  }

  async forget(ownerId: string, options?: CallOptions): Promise<number> {
    this.#begin(options);
    acceptOwner(ownerId);
    let removed = 0;
    for (const { messages } of this.#owners.get(ownerId)?.values() ?? []) removed += messages.length;
    this.#owners.delete(ownerId);
    return removed;
  }

  async drain(options?: CallOptions): Promise<void> {
    this.#begin(options);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#owners.clear();
  }

  #begin(options: CallOptions | undefined): void {
    options?.signal?.throwIfAborted();
    if (this.#closed) throw new StrataError("CLOSED", "The message log is closed.");
  }

  #find({ ownerId, sessionId }: Conversation): Shelf | undefined {
    return this.#owners.get(ownerId)?.get(sessionId);
  }

  #open({ ownerId, sessionId }: Conversation): Shelf {
    const sessions = this.#owners.get(ownerId) ?? new Map<string, Shelf>();
    this.#owners.set(ownerId, sessions);
    const shelf = sessions.get(sessionId) ?? { messages: [], seqs: new Map<string, number>(), last: 0 };
    sessions.set(sessionId, shelf);
    return shelf;
  }
}
