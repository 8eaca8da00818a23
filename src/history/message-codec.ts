/**
 * LangChain's messages to stored ones and back: the only file of the history that knows the inside of a `BaseMessage`.
 *
 * Written with a schema of its own, field by field, in both directions. LangChain's serializers are not used: `load()` builds
 * classes by names found in the data (CVE-2025-68665), and `toDict()` loses content blocks, fields that were set after the message
 * was made, and plain objects with an `lc` key. Here `lc` is a key like any other. A chunk is stored as the whole message of its
 * kind. What cannot be given back equal is refused (`toPlain`), naming the place.
 */
import { Document } from "@langchain/core/documents";
import {
  AIMessage,
  BaseMessage,
  ChatMessage,
  FunctionMessage,
  HumanMessage,
  SystemMessage,
  ToolMessage,
} from "@langchain/core/messages";
import { describe, StrataError } from "../core/errors.ts";
import { isJsonObject, clonePlain, toPlain, type Json } from "../core/plain.ts";
import type { LogMessage, StoredMessage } from "./message-log.ts";
import { isSealedText } from "./message-sealer.ts";

/** Raised when a payload is read in another way; older ones stay readable. */
const VERSION = 1;

type Fields = Record<string, unknown>;

/** The fields that each kind has beside those of all. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  human: [],
  ai: ["tool_calls", "invalid_tool_calls", "usage_metadata"],
  system: [],
  tool: ["tool_call_id", "status", "artifact", "metadata"],
  generic: ["role"],
  function: [],
};
const COMMON = ["name", "content", "additional_kwargs", "response_metadata"];

/**
 * Made with nothing in them and filled afterwards: the constructors rewrite what they are given, such as the content of a message
 * with `output_version: "v1"`, and print warnings about the rest. A key that is given is one that `toJSON` reads from the message.
 */
const MAKE: Readonly<Record<string, (fields: never) => BaseMessage>> = {
  human: (fields) => new HumanMessage(fields),
  ai: (fields) => new AIMessage(fields),
  system: (fields) => new SystemMessage(fields),
  tool: (fields) => new ToolMessage(fields),
  generic: (fields) => new ChatMessage(fields),
  function: (fields) => new FunctionMessage(fields),
};

const LISTS = ["tool_calls", "invalid_tool_calls"];
const RECORDS = ["additional_kwargs", "response_metadata"];
/** The speaker is noted beside the payload for search; the payload has all of it. */
const LONGEST_SPEAKER = 256;

/** The id of a message, and when it was said. */
export interface MessagePlace {
  readonly id: string;
  /** Unix ms. */
  readonly createdAt: number;
}

/**
 * Takes a message apart.
 * @throws {@link StrataError} `UNSTORABLE` for what is no message of a conversation, and for a part that would not come back equal
 */
export function encodeMessage(message: BaseMessage, { id, createdAt }: MessagePlace): LogMessage {
  if (!BaseMessage.isInstance(message)) {
    throw new StrataError("UNSTORABLE", `${describe(message)} is no message; accepted: a BaseMessage of @langchain/core.`);
  }
  const own = Object.hasOwn(FIELDS, message.type) ? FIELDS[message.type] : undefined;
  if (own === undefined) {
    throw new StrataError("UNSTORABLE", `A message of type "${String(message.type)}" is no part of a conversation.`);
  }
  const payload: Record<string, Json> = { v: VERSION, type: message.type };
  const given = message as unknown as Fields;
  for (const field of [...COMMON, ...own]) {
    const value = given[field];
    if (value === undefined || isEmpty(field, value)) continue;
    if (field === "artifact") Object.assign(payload, encodeArtifact(value));
    else payload[field] = toPlain(value, field);
  }
  const name = typeof message.name === "string" && message.name !== "" ? { name: message.name.slice(0, LONGEST_SPEAKER) } : {};
  return { id, role: message.type, ...name, createdAt, text: readableText(message), payload: JSON.stringify(payload) };
}

/** @throws {@link StrataError} `CORRUPT` when the payload is not what `encodeMessage` writes */
export function decodeMessage({ id, payload }: Pick<StoredMessage, "id" | "payload">): BaseMessage {
  const stored = parsePayload(id, payload);
  const type = stored["type"] as string;
  const own = [...COMMON, ...(FIELDS[type] as readonly string[])];
  const empty: Fields = { id, content: "" };
  for (const field of own) if (stored[field] !== undefined && field !== "content") empty[field] = emptyOf(field);
  const message = (MAKE[type] as (fields: Fields) => BaseMessage)(empty);
  const target = message as unknown as Fields;
  for (const field of own) if (stored[field] !== undefined) target[field] = stored[field];
  if (stored["documents"] !== undefined) target["artifact"] = withDocuments(stored["artifact"], stored["documents"]);
  return message;
}

/**
 * The payload with another text; everything else stays as it is, and where there are content blocks, those that are not text.
 * @throws {@link StrataError} `CORRUPT`
 */
export function withText({ id, payload }: Pick<StoredMessage, "id" | "payload">, text: string): string {
  const stored = parsePayload(id, payload);
  const { content } = stored;
  if (!Array.isArray(content)) return JSON.stringify({ ...stored, content: text });
  const first = content.findIndex(isText);
  const rest = content.filter((block) => !isText(block));
  const blocks = rest.toSpliced(first === -1 ? rest.length : first, 0, { type: "text", text });
  return JSON.stringify({ ...stored, content: blocks });
}

/** What search reads: what was said, without reasoning, tool arguments and data. */
export function readableText({ content, type }: Pick<BaseMessage, "content" | "type">): string {
  const text = typeof content === "string" ? content : textsOf(content).join("\n");
  // What reasoning models write before they answer, where the provider's class leaves it in the text.
  return type === "ai" ? text.replace(/^\s*<think>[^]*?<\/think>\s*/, "") : text;
}

function textsOf(content: unknown): string[] {
  if (!Array.isArray(content)) return [];
  return content.filter(isText).flatMap(({ text }: { text?: unknown }) => (typeof text === "string" ? [text] : []));
}

function isText(block: unknown): boolean {
  return typeof block === "object" && block !== null && (block as Fields)["type"] === "text";
}

function isEmpty(field: string, value: unknown): boolean {
  if (LISTS.includes(field)) return Array.isArray(value) && value.length === 0;
  return RECORDS.includes(field) && typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

function emptyOf(field: string): unknown {
  if (LISTS.includes(field)) return [];
  return RECORDS.includes(field) ? {} : undefined;
}

/** Retrievers as tools give documents as their artifact: the one class that is common in a message. */
function encodeArtifact(artifact: unknown): Record<string, Json> {
  if (artifact instanceof Document) return { artifact: plainDocument(artifact, "artifact"), documents: true };
  if (!Array.isArray(artifact) || !artifact.some((item) => item instanceof Document)) {
    return { artifact: toPlain(artifact, "artifact") };
  }
  return {
    artifact: artifact.map((item: unknown, index) => {
      const place = `artifact[${index}]`;
      return item instanceof Document ? plainDocument(item, place) : toPlain(item, place);
    }),
    documents: artifact.flatMap((item, index) => (item instanceof Document ? [index] : [])),
  };
}

function plainDocument({ pageContent, metadata, id }: Document, place: string): Json {
  return toPlain({ pageContent, metadata, id }, place);
}

function withDocuments(artifact: unknown, which: unknown): unknown {
  if (which === true) return documentOf(artifact);
  if (!Array.isArray(artifact) || !Array.isArray(which)) return artifact;
  return artifact.map((item: unknown, index) => (which.includes(index) ? documentOf(item) : item));
}

function documentOf(stored: unknown): unknown {
  if (!isJsonObject(stored)) return stored;
  const { pageContent, metadata, id } = stored;
  return new Document({
    pageContent: String(pageContent),
    metadata: isJsonObject(metadata) ? metadata : {},
    ...(typeof id === "string" && { id }),
  });
}

function parsePayload(id: string, payload: string): Fields {
  const corrupt = (cause?: unknown): StrataError =>
    new StrataError("CORRUPT", `The stored message ${describe(id)} is damaged, or of another release.`, { cause });
  if (isSealedText(payload)) {
    throw new StrataError("CORRUPT", `The stored message ${describe(id)} is encrypted, and no \`encryption\` was given.`);
  }
  let stored: unknown;
  try {
    stored = JSON.parse(payload);
  } catch (cause) {
    throw corrupt(cause);
  }
  if (!isJsonObject(stored) || stored["v"] !== VERSION || !isMessage(stored)) throw corrupt();
  // Nothing that is written here has such a key; to copy an object that has one would set its prototype.
  return payload.includes("__proto__") ? (clonePlain(stored as Json) as Fields) : stored;
}

function isMessage(stored: Fields): boolean {
  const { type, content, name } = stored;
  if (typeof type !== "string" || !Object.hasOwn(FIELDS, type)) return false;
  if (typeof content !== "string" && !Array.isArray(content)) return false;
  if (name !== undefined && typeof name !== "string") return false;
  return (
    LISTS.every((field) => stored[field] === undefined || Array.isArray(stored[field])) &&
    [...RECORDS, "usage_metadata"].every((field) => stored[field] === undefined || isJsonObject(stored[field]))
  );
}
