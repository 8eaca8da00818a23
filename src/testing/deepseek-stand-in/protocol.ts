import { createHash } from "node:crypto";

/**
 * The part of the chat completions protocol that the stand-in speaks, by the field names of the wire.
 *
 * Sources: the API reference at https://api-docs.deepseek.com/api/create-chat-completion, and, where the live API does something
 * else, replies that users of it captured between 2025 and 2026. Each such place says so.
 */

/** A request body, after it passed the checks of the API. Parameters that the stand-in does not read are kept as they came. */
export interface ChatRequest {
  readonly model: string;
  readonly messages: readonly ChatMessage[];
  readonly stream?: boolean | null;
  readonly stream_options?: { readonly include_usage?: boolean } | null;
  readonly tools?: readonly ChatTool[] | null;
  readonly tool_choice?: ToolChoice | null;
  readonly parallel_tool_calls?: boolean | null;
  readonly response_format?: { readonly type: string } | null;
  readonly max_tokens?: number | null;
  readonly stop?: string | readonly string[] | null;
  readonly thinking?: { readonly type: string } | null;
  readonly reasoning_effort?: string | null;
  readonly [parameter: string]: unknown;
}

export interface ChatMessage {
  readonly role: "system" | "user" | "assistant" | "tool";
  readonly content?: string | readonly ContentPart[] | null;
  readonly reasoning_content?: string | null;
  readonly tool_calls?: readonly ChatToolCall[] | null;
  readonly tool_call_id?: string;
  readonly name?: string;
}

export interface ContentPart {
  readonly type: string;
  readonly text?: string;
  readonly [field: string]: unknown;
}

export interface ChatTool {
  readonly type: "function";
  readonly function: { readonly name: string; readonly description?: string; readonly parameters?: JsonSchema };
}

export type ToolChoice =
  | "none"
  | "auto"
  | "required"
  | { readonly type: "function"; readonly function: { readonly name: string } };

export interface ChatToolCall {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; readonly arguments: string };
}

/** A JSON Schema as a tool carries it: read field by field, never trusted. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/** `insufficient_system_resource` is DeepSeek's own: the answer was broken off because the machines were needed elsewhere. */
export type FinishReason = "stop" | "length" | "content_filter" | "tool_calls" | "insufficient_system_resource";

export interface ChatUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  /** Not in the reference, always on the wire: the OpenAI name of `prompt_cache_hit_tokens`, which LangChain reads. */
  readonly prompt_tokens_details: { readonly cached_tokens: number };
  /** Only of an answer that was thought about. */
  readonly completion_tokens_details?: { readonly reasoning_tokens: number };
  readonly prompt_cache_hit_tokens: number;
  readonly prompt_cache_miss_tokens: number;
}

/** The text of a message; a part that is no text (an image, say) stands as its type and digest, so that two images differ. */
export function textOf(message: ChatMessage): string {
  if (message.content === undefined || message.content === null) return "";
  if (typeof message.content === "string") return message.content;
  return message.content
    .map((part) => (part.type === "text" ? (part.text ?? "") : `[${part.type} ${digest(JSON.stringify(part))}]`))
    .join("");
}

/** The first 8 hexadecimal digits of the SHA-256. */
export function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}
