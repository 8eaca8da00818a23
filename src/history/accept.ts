/**
 * What a message log takes. All logs refuse the same, before anything is written: PostgreSQL knows no NUL in a text, and UTF-8 no
 * lone surrogate, so either would be stored as something else, or would fail where nobody waits for the answer any more.
 */
import { StrataConfigError, StrataError } from "../core/errors.ts";
import { toPlain } from "../core/plain.ts";
import type { Conversation, ConversationNotes, LogMessage, ReadRange } from "./message-log.ts";

const LONGEST_NAME = 1_024;
const LONGEST_ID = 256;
const LONGEST_ROLE = 64;
/** A message beyond it is no message of a conversation; a file belongs into a store of files. In UTF-16 units. */
const LONGEST_PAYLOAD = 16 * 1024 * 1024;
const LONGEST_FEATURE = 256;
/** The years 1 to 9999, which every engine can hold. */
const FIRST_MS = -62_135_596_800_000;
const LAST_MS = 253_402_300_799_999;

/** @throws {@link StrataConfigError} when it names no conversation */
export function acceptConversation({ ownerId, sessionId }: Conversation): void {
  acceptOwner(ownerId);
  if (!isName(sessionId, 1, LONGEST_NAME)) {
    throw new StrataConfigError("sessionId", sessionId, `a well-formed text of 1 to ${LONGEST_NAME} characters without NUL`);
  }
}

/** @throws {@link StrataConfigError} when it names no owner */
export function acceptOwner(ownerId: string): void {
  if (!isName(ownerId, 0, LONGEST_NAME)) {
    throw new StrataConfigError("ownerId", ownerId, `a well-formed text of up to ${LONGEST_NAME} characters without NUL`);
  }
}

/**
 * The messages as they are stored: copies of their own, texts made well-formed.
 * @throws {@link StrataError} `UNSTORABLE`, naming the first message and part that cannot be given back equal
 */
export function acceptMessages(messages: readonly LogMessage[]): LogMessage[] {
  return messages.map((message, index) => {
    const { id, role, name, createdAt, text, payload } = message;
    const refuse = (part: keyof LogMessage, accepted: string): StrataError =>
      new StrataError(
        "UNSTORABLE",
        `\`messages[${index}].${part}\` cannot be stored and given back equal; accepted: ${accepted}.`,
      );
    if (!isName(id, 1, LONGEST_ID)) throw refuse("id", `a well-formed text of 1 to ${LONGEST_ID} characters without NUL`);
    if (typeof role !== "string" || role === "" || role.length > LONGEST_ROLE) {
      throw refuse("role", `a text of 1 to ${LONGEST_ROLE} characters`);
    }
    if (name !== undefined && (typeof name !== "string" || name.length > LONGEST_ID)) {
      throw refuse("name", `a text of up to ${LONGEST_ID} characters`);
    }
    if (!Number.isSafeInteger(createdAt) || createdAt < FIRST_MS || createdAt > LAST_MS) {
      throw refuse("createdAt", "whole Unix milliseconds of the years 1 to 9999");
    }
    if (typeof text !== "string" || text.length > LONGEST_PAYLOAD) throw refuse("text", `up to ${LONGEST_PAYLOAD} characters`);
    if (!isName(payload, 1, LONGEST_PAYLOAD)) {
      throw refuse("payload", `JSON of up to ${LONGEST_PAYLOAD} characters, in which NUL and lone surrogates are escaped`);
    }
    const speaker = name === undefined ? undefined : { name: wellFormed(name) };
    return { id, role: wellFormed(role), ...speaker, createdAt, text: wellFormed(text), payload };
  });
}

/**
 * The notes as they are stored.
 * @throws {@link StrataError} `UNSTORABLE` for metadata that is no plain JSON, or a feature that is no name
 */
export function acceptNotes(notes: ConversationNotes | undefined): ConversationNotes | undefined {
  if (notes === undefined) return undefined;
  const { feature, metadata } = notes;
  if (feature !== undefined && !isName(feature, 1, LONGEST_FEATURE)) {
    throw new StrataError("UNSTORABLE", `\`notes.feature\` is no text of 1 to ${LONGEST_FEATURE} characters.`);
  }
  const plain = metadata === undefined ? undefined : toPlain(metadata, "notes.metadata");
  // PostgreSQL refuses either in JSON that it can look into.
  if (plain !== undefined && /\\u0000|\\ud[89a-f]/i.test(JSON.stringify(plain))) {
    throw new StrataError("UNSTORABLE", "`notes.metadata` holds NUL or a lone surrogate, which cannot be stored.");
  }
  return {
    ...(feature !== undefined && { feature }),
    ...(plain !== undefined && { metadata: plain as Record<string, unknown> }),
  };
}

/** @throws {@link StrataConfigError} naming the part */
export function acceptRange({ after, before, limit }: ReadRange): void {
  for (const [part, value] of Object.entries({ after, before, limit })) {
    if (value !== undefined && (!Number.isSafeInteger(value) || value < 0)) {
      throw new StrataConfigError(`range.${part}`, value, "a whole number of at least 0");
    }
  }
}

function isName(value: unknown, least: number, most: number): value is string {
  return (
    typeof value === "string" && value.length >= least && value.length <= most && !value.includes("\0") && value.isWellFormed()
  );
}

function wellFormed(text: string): string {
  return text.includes("\0") || !text.isWellFormed() ? text.replaceAll("\0", "\u{fffd}").toWellFormed() : text;
}
