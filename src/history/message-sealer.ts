/**
 * Messages and summaries encrypted, with the key of their owner. Of a message the speaker, the text and the payload are encrypted
 * together and stand where the payload stood; its text is empty then. What stays readable is what stores must order and find by: owner,
 * session, id, number, role and time.
 *
 * So PostgreSQL has no words to index and no text to embed: search by `search()` and `nearest()` is not there, and recall goes by the
 * index of each owner that it builds in the process from `turns()`, as it does anyway for owners who are not very large.
 */
import { StrataError } from "../core/errors.ts";
import type { Emit } from "../core/events.ts";
import { parseEncryption, type EncryptionOptions } from "../encryption/key-ring.ts";
import { isSealed, readSealedHeader } from "../encryption/sealed.ts";
import { REFUSALS, Sealer, type Opened } from "../encryption/sealer.ts";
import { conversationKey, ownerKey } from "./conversation-key.ts";
import type { Conversation, LogMessage } from "./message-log.ts";

/** Begins what is encrypted; no payload begins so, which is a JSON object. */
const MARK = "strata-sealed:";

/** Stands for the payload of a message that is not encrypted, where only its text was read. */
export const PLAIN = "{}";

/** What of a message is encrypted. */
export interface SealedParts {
  readonly id: string;
  readonly name?: string | undefined;
  readonly text: string;
  readonly payload: string;
}

export function isSealedText(text: string): boolean {
  return text.startsWith(MARK);
}

export class MessageSealer {
  readonly #sealer: Sealer;
  readonly #emit: Emit;

  constructor(encryption: EncryptionOptions, emit: Emit) {
    this.#sealer = new Sealer(encryption);
    this.#emit = emit;
  }

  /** The messages must have been accepted (`accept.ts`). @throws what the ring throws when there is no key to be had */
  async seal(conversation: Conversation, messages: readonly LogMessage[]): Promise<LogMessage[]> {
    return Promise.all(
      messages.map(async ({ name, text, payload, ...message }) => {
        const plain = `${JSON.stringify([name ?? null, text])}\n${payload}`;
        return { ...message, text: "", payload: await this.#seal(conversation, placeOf(conversation, message.id), plain) };
      }),
    );
  }

  /** The payload of one message, given another one. */
  async sealOne(conversation: Conversation, message: LogMessage): Promise<LogMessage> {
    return (await this.seal(conversation, [message]))[0] as LogMessage;
  }

  /** The messages that can be read; of the others an event tells. */
  async open<T extends SealedParts>(messages: readonly T[], whose: (message: T) => Conversation): Promise<T[]> {
    const opened = await Promise.all(messages.map((message) => this.#openOne(message, whose(message))));
    return opened.filter((message) => message !== undefined);
  }

  sealSummary(conversation: Conversation, text: string): Promise<string> {
    return this.#seal(conversation, summaryOf(conversation), text);
  }

  /** `undefined` when it cannot be read. */
  openSummary(conversation: Conversation, text: string): Promise<string | undefined> {
    return this.#open(conversation, summaryOf(conversation), text);
  }

  /** Whether something stored is plain, or under another key than the current one. */
  async isOutdated(ownerId: string, stored: string): Promise<boolean> {
    const scope = ownerKey(ownerId);
    const header = isSealedText(stored) ? readSealedHeader(Buffer.from(stored.slice(MARK.length), "base64url")) : undefined;
    if (header === undefined) return true;
    // Only where its key is there: asking for the current one of a scope without a key would make one.
    if ((await this.#sealer.keys.byId(header.keyId, scope)) === undefined) return false;
    return (await this.#sealer.keys.current({ scope })).id !== header.keyId;
  }

  /** Destroys the owner's key, where owners have one. */
  async drop(ownerId: string): Promise<void> {
    await this.#sealer.keys.drop(ownerKey(ownerId));
  }

  async #openOne<T extends SealedParts>(message: T, conversation: Conversation): Promise<T | undefined> {
    // Removed: nothing is left of it, and what stands there in clear all the same is not the owner's.
    if (message.payload === "") return { ...message, text: "", name: undefined };
    const plain = await this.#open(conversation, placeOf(conversation, message.id), message.payload);
    if (plain === undefined || plain === message.payload) return plain === undefined ? undefined : message;
    const end = plain.indexOf("\n");
    const [name, text] = JSON.parse(plain.slice(0, end)) as [string | null, string];
    return { ...message, ...(name !== null && { name }), text, payload: plain.slice(end + 1) };
  }

  async #seal({ ownerId }: Conversation, place: string, plain: string): Promise<string> {
    const sealed = await this.#sealer.seal({ scope: ownerKey(ownerId) }, place, Buffer.from(plain));
    return MARK + sealed.toString("base64url");
  }

  async #open({ ownerId }: Conversation, place: string, text: string): Promise<string | undefined> {
    const bytes = isSealedText(text) ? Buffer.from(text.slice(MARK.length), "base64url") : undefined;
    const value = bytes !== undefined && isSealed(bytes) ? bytes : Buffer.from(text);
    const opened: Opened = await this.#sealer.open(place, value, ownerKey(ownerId));
    if (!("refused" in opened)) return opened.keyId === undefined ? text : Buffer.from(opened.plain).toString("utf8");
    this.#emit?.({ type: "history.fault", operation: "decrypt", code: "CORRUPT", message: REFUSALS[opened.refused] });
    return undefined;
  }
}

/** @throws {@link StrataConfigError} naming the option */
export function messageSealer(owner: string, encryption: EncryptionOptions | undefined, emit: Emit): MessageSealer | undefined {
  return encryption && new MessageSealer(parseEncryption(`${owner}.encryption`, encryption), emit);
}

/** What needs the text of messages in the database cannot be done where it is encrypted. */
export function refuseEncrypted(sealer: MessageSealer | undefined, what: string): void {
  if (sealer === undefined) return;
  throw new StrataError("UNAVAILABLE", `${what} needs the text of messages in the database, where it is encrypted.`);
}

function placeOf(conversation: Conversation, id: string): string {
  return `message ${conversationKey(conversation)} ${id}`;
}

function summaryOf(conversation: Conversation): string {
  return `summary ${conversationKey(conversation)}`;
}
