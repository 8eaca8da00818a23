/**
 * The form in which LangChain's own histories store messages (`mapChatMessagesToStoredMessages`), read field by field. What its own
 * reader loses is still in those bytes and is found here: content blocks, and plain objects with an `lc` key.
 */
import { isJsonObject } from "../../core/plain.ts";
import type { BaseMessage } from "@langchain/core/messages";
import { StrataError } from "../../core/errors.ts";
import { decodeMessage } from "../message-codec.ts";

/** Message fields; anything else in a stored message is what LangChain's serializer needed. */
const KEPT = [
  ...["name", "additional_kwargs", "response_metadata", "tool_calls", "invalid_tool_calls", "usage_metadata"],
  ...["tool_call_id", "status", "artifact", "metadata", "role"],
];
/** LangChain's serializer puts this around a plain object that could be taken for one of its own. */
const ESCAPE = "__lc_escaped__";

/** A message as it was, and the id that it had. */
export interface FormerMessage {
  readonly id: string | undefined;
  build(id: string): BaseMessage;
}

/**
 * @param stored `{ type, data }`, as Redis histories have it, or `{ type, ...data }`, as PostgreSQL histories do
 * @throws {@link StrataError} `CORRUPT` when it is no message
 */
export function readLangChainForm(stored: unknown): FormerMessage {
  if (!isJsonObject(stored)) throw noMessage();
  const { type, data = stored } = stored;
  if (typeof type !== "string" || !isJsonObject(data)) throw noMessage();
  const payload: Record<string, unknown> = { v: 1, type: type === "chat" ? "generic" : type };
  for (const field of KEPT) {
    const value = unescape(data[field]);
    if (value !== undefined && value !== null) payload[field] = value;
  }
  const blocks = unescape(data["content_blocks"] ?? data["contentBlocks"]);
  const content = unescape(data["content"] ?? data["text"]);
  if (Array.isArray(blocks) && (content === undefined || (Array.isArray(content) && content.length === 0))) {
    payload["content"] = blocks;
    payload["response_metadata"] = { output_version: "v1", ...(payload["response_metadata"] as object | undefined) };
  } else {
    payload["content"] = content ?? "";
  }
  const json = JSON.stringify(payload);
  const id = typeof data["id"] === "string" && data["id"] !== "" ? data["id"] : undefined;
  // Checked here, so that a message that cannot be read is known before any of its batch is stored.
  decodeMessage({ id: "checked", payload: json });
  return { id, build: (given) => decodeMessage({ id: given, payload: json }) };
}

function unescape(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unescape);
  if (!isJsonObject(value)) return value;
  const keys = Object.keys(value);
  if (keys.length === 1 && keys[0] === ESCAPE) return unescapeKeys(value[ESCAPE]);
  return unescapeKeys(value);
}

function unescapeKeys(value: unknown): unknown {
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unescape(item)]));
}

function noMessage(): StrataError {
  return new StrataError("CORRUPT", "This is no message that LangChain stored.");
}
