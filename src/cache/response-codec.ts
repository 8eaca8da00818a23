/**
 * Model answers to plain data and back: the only file of the cache that knows `Generation` and `AIMessage`.
 *
 * Written with a schema of its own, field by field, in both directions. LangChain's serializers are not used: `load()` builds
 * classes by names found in the data (CVE-2025-68665), and the stored form of `toDict()` loses `generationInfo`, content blocks
 * and plain objects with an `lc` key. Here `lc` is a key like any other.
 */
import {
  AIMessage,
  AIMessageChunk,
  type AIMessageChunkFields,
  type AIMessageFields,
  type UsageMetadata,
} from "@langchain/core/messages";
import type { InvalidToolCall, ToolCall, ToolCallChunk } from "@langchain/core/messages/tool";
import type { ChatGeneration, Generation } from "@langchain/core/outputs";
import { StrataError } from "../core/errors.ts";
import { clonePlain, toPlain, type Json } from "../core/plain.ts";

/** What a hit says of itself, in `response_metadata.strata` (for plain text models: in `generationInfo.strata`). */
export interface HitMetadata {
  readonly hit: true;
  /** Names this hit, for `feedback()`; also the tail of the message id. */
  readonly hitId: string;
  readonly source: "exact" | "semantic" | "adapted";
  /** The tier that had it, or `"coalesced"` for an answer awaited from another caller's model call. */
  readonly tier: string;
  readonly similarity?: number;
  readonly confidence?: number;
  /** How long the lookup took. */
  readonly ms: number;
  /** What the provider counted when the answer was made; empty when it counted nothing. */
  readonly savedUsage: Partial<UsageMetadata>;
}

/** An answer as it is stored: one element a candidate (`n`). */
export type StoredAnswer = readonly StoredGeneration[];

export interface StoredGeneration {
  /** Left out where it equals the message's text. */
  readonly text?: string;
  readonly info?: JsonObject;
  readonly message?: StoredMessage;
}

export interface StoredMessage {
  readonly content: string | readonly Json[];
  /** An `AIMessageChunk`, as streaming callers get it. */
  readonly chunk?: true;
  readonly additional_kwargs?: JsonObject;
  readonly response_metadata?: JsonObject;
  readonly tool_calls?: readonly Json[];
  readonly invalid_tool_calls?: readonly Json[];
  readonly tool_call_chunks?: readonly Json[];
  readonly usage_metadata?: JsonObject;
  readonly id?: string;
  readonly name?: string;
}

type JsonObject = { readonly [key: string]: Json };

const NO_USAGE: Readonly<UsageMetadata> = { input_tokens: 0, output_tokens: 0, total_tokens: 0 };

/** Where providers report usage beside `usage_metadata`; a hit used none of it. */
const USAGE_KEYS = ["tokenUsage", "usage", "token_usage"];

/**
 * Takes an answer apart into plain data that shares nothing with it.
 * @throws {@link StrataError} `UNSTORABLE` when some part of it would not come back equal
 */
export function encodeAnswer(generations: readonly Generation[]): StoredAnswer {
  return generations.map((generation) => {
    const message = (generation as Partial<ChatGeneration>).message;
    const info = objectOrNothing(generation.generationInfo, "generationInfo");
    if (message === undefined) return { text: requireText(generation.text), ...(info && { info }) };
    if (!isAnswer(message)) throw new StrataError("UNSTORABLE", `A message of type "${String(message.type)}" is not a model's answer.`);
    const stored = encodeMessage(message);
    const text = requireText(generation.text);
    return { ...(text !== stored.content && { text }), ...(info && { info }), message: stored };
  });
}

/**
 * Builds a fresh answer for one hit: its own objects, its own message id, no usage, and `strata` metadata that says so.
 */
export function decodeAnswer(answer: StoredAnswer, hit: Omit<HitMetadata, "savedUsage">): Generation[] {
  return answer.map((generation, index) => {
    const info = generation.info === undefined ? undefined : (clonePlain(generation.info) as Record<string, unknown>);
    if (generation.message === undefined) {
      return { text: generation.text ?? "", generationInfo: { ...info, strata: { ...hit, savedUsage: {} } satisfies HitMetadata } };
    }
    const message = decodeMessage(generation.message, hit, index);
    const content = generation.message.content;
    const text = generation.text ?? (typeof content === "string" ? content : "");
    return (info === undefined ? { text, message } : { text, message, generationInfo: info }) as ChatGeneration;
  });
}

/** The saved tokens of an answer, summed over its candidates. */
export function savedTokens(answer: StoredAnswer): number {
  let tokens = 0;
  for (const { message } of answer) {
    const total = message?.usage_metadata?.["total_tokens"];
    if (typeof total === "number") tokens += total;
  }
  return tokens;
}

/** Reads an answer from stored bytes, checking the shape that `encodeAnswer` writes. */
export function parseAnswer(json: string): StoredAnswer {
  const value: unknown = JSON.parse(json);
  if (!Array.isArray(value) || value.length === 0 || !value.every(isStoredGeneration)) {
    throw new StrataError("CORRUPT", "A stored value is not a model's answer.");
  }
  return value;
}

function isAnswer(message: unknown): message is AIMessage | AIMessageChunk {
  return AIMessage.isInstance(message) || AIMessageChunk.isInstance(message);
}

function encodeMessage(message: AIMessage | AIMessageChunk): StoredMessage {
  const chunk = AIMessageChunk.isInstance(message);
  const content = toPlain(message.content, "content") as string | readonly Json[];
  const kwargs = objectOrNothing(message.additional_kwargs, "additional_kwargs");
  const metadata = objectOrNothing(message.response_metadata, "response_metadata");
  const usage = objectOrNothing(message.usage_metadata, "usage_metadata");
  const toolCalls = listOrNothing(message.tool_calls, "tool_calls");
  const invalidToolCalls = listOrNothing(message.invalid_tool_calls, "invalid_tool_calls");
  const toolCallChunks = chunk ? listOrNothing(message.tool_call_chunks, "tool_call_chunks") : undefined;
  return {
    content,
    ...(chunk && { chunk }),
    ...(kwargs && { additional_kwargs: kwargs }),
    ...(metadata && { response_metadata: metadata }),
    ...(toolCalls && { tool_calls: toolCalls }),
    ...(invalidToolCalls && { invalid_tool_calls: invalidToolCalls }),
    ...(toolCallChunks && { tool_call_chunks: toolCallChunks }),
    ...(usage && { usage_metadata: usage }),
    ...(message.id !== undefined && { id: message.id }),
    ...(message.name !== undefined && { name: message.name }),
  };
}

function decodeMessage(stored: StoredMessage, hit: Omit<HitMetadata, "savedUsage">, index: number): AIMessage | AIMessageChunk {
  const metadata: Record<string, unknown> =
    stored.response_metadata === undefined ? {} : (clonePlain(stored.response_metadata) as Record<string, unknown>);
  for (const key of USAGE_KEYS) {
    if (metadata[key] !== undefined) metadata[key] = withoutCounts(metadata[key] as Json);
  }
  const savedUsage = (stored.usage_metadata === undefined ? {} : clonePlain(stored.usage_metadata)) as Partial<UsageMetadata>;
  metadata["strata"] = { ...hit, savedUsage } satisfies HitMetadata;
  const fields = {
    content: clonePlain(stored.content as Json) as string,
    additional_kwargs: stored.additional_kwargs === undefined ? {} : (clonePlain(stored.additional_kwargs) as Record<string, unknown>),
    response_metadata: metadata,
    tool_calls: copyList(stored.tool_calls) as unknown as ToolCall[],
    invalid_tool_calls: copyList(stored.invalid_tool_calls) as unknown as InvalidToolCall[],
    usage_metadata: { ...NO_USAGE },
    id: index === 0 ? `strata-${hit.hitId}` : `strata-${hit.hitId}-${index}`,
    ...(stored.name !== undefined && { name: stored.name }),
  };
  if (stored.chunk === undefined) return new AIMessage(fields as AIMessageFields);
  const tool_call_chunks = copyList(stored.tool_call_chunks) as unknown as ToolCallChunk[];
  const chunk = new AIMessageChunk({ ...fields, tool_call_chunks } as AIMessageChunkFields);
  // The constructor derives the parsed calls from the chunks, which is not always what the provider's parser had.
  chunk.tool_calls = fields.tool_calls;
  chunk.invalid_tool_calls = fields.invalid_tool_calls;
  return chunk;
}

function copyList(list: readonly Json[] | undefined): Json[] {
  return list === undefined ? [] : list.map(clonePlain);
}

/** The same shape with every number at zero. */
function withoutCounts(value: Json): Json {
  if (typeof value === "number") return 0;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutCounts);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutCounts(item)]));
}

function requireText(text: unknown): string {
  if (typeof text !== "string") throw new StrataError("UNSTORABLE", "A generation has no text.");
  return text;
}

function objectOrNothing(value: object | undefined, name: string): JsonObject | undefined {
  if (value === undefined || value === null) return undefined;
  const plain = toPlain(value, name) as JsonObject;
  for (const _key in plain) return plain;
  return undefined;
}

function listOrNothing(value: readonly unknown[] | undefined, name: string): readonly Json[] | undefined {
  if (value === undefined || value.length === 0) return undefined;
  return toPlain(value, name) as readonly Json[];
}

function isStoredGeneration(value: unknown): value is StoredGeneration {
  if (!isObject(value)) return false;
  if (value["text"] !== undefined && typeof value["text"] !== "string") return false;
  if (value["info"] !== undefined && !isObject(value["info"])) return false;
  return value["message"] === undefined ? typeof value["text"] === "string" : isStoredMessage(value["message"]);
}

function isStoredMessage(value: unknown): boolean {
  if (!isObject(value)) return false;
  if (typeof value["content"] !== "string" && !Array.isArray(value["content"])) return false;
  for (const key of ["tool_calls", "invalid_tool_calls", "tool_call_chunks"]) {
    if (value[key] !== undefined && !Array.isArray(value[key])) return false;
  }
  for (const key of ["additional_kwargs", "response_metadata", "usage_metadata"]) {
    if (value[key] !== undefined && !isObject(value[key])) return false;
  }
  for (const key of ["id", "name"]) {
    if (value[key] !== undefined && typeof value[key] !== "string") return false;
  }
  return true;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
