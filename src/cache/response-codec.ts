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
import type { SavedUsage } from "../core/events.ts";
import { isJsonObject, clonePlain, toPlain, type Json } from "../core/plain.ts";

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

/** What a message says of being a hit; `undefined` when the model answered. */
export function hitOf(message: { readonly response_metadata?: Record<string, unknown> }): HitMetadata | undefined {
  const said = message.response_metadata?.["strata"] as HitMetadata | null | undefined;
  return said?.hit === true ? said : undefined;
}

/** An answer as it is stored: one element a candidate (`n`). */
export type StoredAnswer = readonly StoredGeneration[];

export interface StoredGeneration {
  /** Left out where it equals the message's text. */
  readonly text?: string;
  readonly info?: JsonObject;
  readonly message?: StoredMessage;
  /** The user's last turn, with the first candidate, where the cache stores prompts. */
  readonly asked?: string;
}

export interface StoredMessage {
  readonly content: string | readonly Json[];
  /** An `AIMessageChunk`, as streaming callers get it. */
  readonly chunk?: true;
  readonly additional_kwargs?: JsonObject;
  /** Holds `strata: null`, in whose place a hit puts what it says of itself. */
  readonly response_metadata: JsonObject;
  readonly tool_calls?: readonly Json[];
  readonly invalid_tool_calls?: readonly Json[];
  readonly tool_call_chunks?: readonly Json[];
  readonly usage_metadata?: JsonObject;
  readonly id?: string;
  readonly name?: string;
}

/** A plain JSON object, as LangChain keeps metadata. */
export type JsonObject = { readonly [key: string]: Json };

const NONE: readonly Json[] = [];
const NOTHING: Record<string, never> = {};
const NO_USAGE: UsageMetadata = { input_tokens: 0, output_tokens: 0, total_tokens: 0 };

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
    if (!isAnswer(message))
      throw new StrataError("UNSTORABLE", `A message of type "${String(message.type)}" is not a model's answer.`);
    const stored = encodeMessage(message);
    const text = requireText(generation.text);
    return { ...(text !== stored.content && { text }), ...(info && { info }), message: stored };
  });
}

/**
 * An answer made ready to be given out many times: what is the same for each hit is worked out once.
 */
export interface Replay {
  readonly answer: StoredAnswer;
  /** Total tokens as the provider counted them, summed over the candidates. */
  readonly tokens: number;
  /** The same in parts, with the model's name. */
  readonly usage: SavedUsage;
  /** Builds a fresh answer for one hit: its own objects, its own message id, no usage, and `strata` metadata that says so. */
  build(hit: Omit<HitMetadata, "savedUsage">): Generation[];
}

export function prepareReplay(answer: StoredAnswer): Replay {
  const builders = answer.map(generationBuilder);
  const only = builders.length === 1 ? builders[0] : undefined;
  const usage = usageOf(answer);
  return {
    ...{ answer, usage, tokens: usage.tokens },
    build: (hit) => (only === undefined ? builders.map((build, index) => build(hit, index)) : [only(hit, 0)]),
  };
}

/** Longer ones name no model. */
const LONGEST_MODEL_NAME = 100;

function usageOf(answer: StoredAnswer): SavedUsage {
  let [inputTokens, outputTokens, tokens] = [0, 0, 0];
  let model: string | undefined;
  for (const { message } of answer) {
    const usage = message?.usage_metadata;
    inputTokens += countIn(usage?.["input_tokens"]);
    outputTokens += countIn(usage?.["output_tokens"]);
    tokens += countIn(usage?.["total_tokens"]);
    const name = message?.response_metadata["model_name"] ?? message?.response_metadata["model"];
    if (typeof name === "string" && name.length <= LONGEST_MODEL_NAME) model ??= oneString(name);
  }
  return model === undefined ? { inputTokens, outputTokens, tokens } : { model, inputTokens, outputTokens, tokens };
}

let lastModel = "";

/**
 * The same string object for all answers of a model that come one after the other: metrics compare it at every hit, and of two strings
 * the characters would have to be fetched from wherever they lie.
 */
function oneString(model: string): string {
  if (model !== lastModel) lastModel = model;
  return lastModel;
}

function countIn(value: Json | undefined): number {
  return typeof value === "number" ? value : 0;
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
    response_metadata: { ...metadata, strata: null },
    ...(toolCalls && { tool_calls: toolCalls }),
    ...(invalidToolCalls && { invalid_tool_calls: invalidToolCalls }),
    ...(toolCallChunks && { tool_call_chunks: toolCallChunks }),
    ...(usage && { usage_metadata: usage }),
    ...(message.id !== undefined && { id: message.id }),
    ...(message.name !== undefined && { name: message.name }),
  };
}

type Hit = Omit<HitMetadata, "savedUsage">;

/*
 * Builders copy by spreading a template that has every property already and assigning what differs: V8 clones such an object in
 * one step, while a spread with properties added to it takes twenty times as long (measured on Node 20: 12 ns against 290 ns).
 */

function generationBuilder(generation: StoredGeneration): (hit: Hit, index: number) => Generation {
  const { info, message } = generation;
  if (message === undefined) {
    const copyInfo = copier({ ...(info as object | undefined), strata: null });
    return (hit) => {
      const generationInfo = copyInfo() as Record<string, unknown>;
      generationInfo["strata"] = hitMetadata(hit, {});
      return { text: generation.text ?? "", generationInfo };
    };
  }
  const buildMessage = messageBuilder(message);
  const text = generation.text ?? (typeof message.content === "string" ? message.content : "");
  if (info === undefined) return (hit, index) => ({ text, message: buildMessage(hit, index) }) as ChatGeneration;
  const copyInfo = copier(info);
  return (hit, index) => ({ text, message: buildMessage(hit, index), generationInfo: copyInfo() }) as ChatGeneration;
}

function messageBuilder(stored: StoredMessage): (hit: Hit, index: number) => AIMessage | AIMessageChunk {
  const metadata = withoutUsage(stored.response_metadata);
  const copyContent = copier(stored.content);
  const copyMetadata = copier(metadata);
  // Anthropic reports usage here as well.
  const copyKwargs = copier(withoutUsage(stored.additional_kwargs ?? NOTHING));
  const copyUsage = copier(stored.usage_metadata ?? NOTHING);
  const copyToolCalls = copier(stored.tool_calls ?? NONE);
  const copyInvalidToolCalls = copier(stored.invalid_tool_calls ?? NONE);
  const template: MessageFields = {
    content: "",
    additional_kwargs: NOTHING,
    response_metadata: NOTHING,
    tool_calls: [],
    invalid_tool_calls: [],
    usage_metadata: NO_USAGE,
    id: "",
  };
  if (stored.name !== undefined) template.name = stored.name;
  const fields = (hit: Hit, index: number): MessageFields => {
    const made = { ...template };
    const response_metadata = copyMetadata() as Record<string, unknown>;
    response_metadata["strata"] = hitMetadata(hit, copyUsage() as Partial<UsageMetadata>);
    made.content = copyContent() as string;
    made.additional_kwargs = copyKwargs() as Record<string, unknown>;
    made.response_metadata = response_metadata;
    made.tool_calls = copyToolCalls() as unknown as ToolCall[];
    made.invalid_tool_calls = copyInvalidToolCalls() as unknown as InvalidToolCall[];
    made.usage_metadata = { input_tokens: 0, output_tokens: 0, total_tokens: 0 };
    made.id = index === 0 ? `strata-${hit.hitId}` : `strata-${hit.hitId}-${index}`;
    return made;
  };
  if (stored.chunk === undefined) return (hit, index) => new AIMessage(fields(hit, index) as AIMessageFields);
  const copyToolCallChunks = copier(stored.tool_call_chunks ?? NONE);
  return (hit, index) => {
    const given = fields(hit, index);
    const tool_call_chunks = copyToolCallChunks() as unknown as ToolCallChunk[];
    const chunk = new AIMessageChunk({ ...given, tool_call_chunks } as AIMessageChunkFields);
    // The constructor derives the parsed calls from the chunks, which is not always what the provider's parser had.
    chunk.tool_calls = given.tool_calls;
    chunk.invalid_tool_calls = given.invalid_tool_calls;
    return chunk;
  };
}

interface MessageFields {
  content: string;
  additional_kwargs: Record<string, unknown>;
  response_metadata: Record<string, unknown>;
  tool_calls: ToolCall[];
  invalid_tool_calls: InvalidToolCall[];
  usage_metadata: UsageMetadata;
  id: string;
  name?: string;
}

function hitMetadata(hit: Hit, savedUsage: Partial<UsageMetadata>): HitMetadata {
  const { hitId, source, tier, ms, similarity, confidence } = hit;
  const metadata: HitMetadata = { hit: true, hitId, source, tier, ms, savedUsage };
  if (similarity === undefined && confidence === undefined) return metadata;
  return { ...metadata, ...(similarity !== undefined && { similarity }), ...(confidence !== undefined && { confidence }) };
}

/** Copies one value many times; flat objects, which most of an answer is, by a spread, which engines do in one step. */
function copier(value: Json): () => Json {
  if (typeof value !== "object" || value === null) return () => value;
  if (Array.isArray(value)) return value.length === 0 ? () => [] : () => clonePlain(value);
  const object = value as JsonObject;
  for (const key in object) {
    const item = object[key];
    if (typeof item === "object" && item !== null) return () => clonePlain(object);
  }
  return () => ({ ...object });
}

/** Metadata in which the provider's own counts, where there are any, are at zero. */
function withoutUsage(metadata: JsonObject): JsonObject {
  let copy: Record<string, Json> | undefined;
  for (const key of USAGE_KEYS) {
    const counts = metadata[key];
    if (counts !== undefined) (copy ??= { ...metadata })[key] = withoutCounts(counts);
  }
  return copy ?? metadata;
}

/** The same shape with every number at zero. */
function withoutCounts(value: Json): Json {
  if (typeof value === "number") return 0;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutCounts);
  // Written over in the copy: what is read from Redis is built once, and lists of entries cost it microseconds.
  const copy: Record<string, Json> = { ...(value as JsonObject) };
  for (const key in copy) copy[key] = withoutCounts(copy[key] as Json);
  return copy;
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
  if (!isJsonObject(value)) return false;
  if (value["text"] !== undefined && typeof value["text"] !== "string") return false;
  if (value["info"] !== undefined && !isJsonObject(value["info"])) return false;
  return value["message"] === undefined ? typeof value["text"] === "string" : isStoredMessage(value["message"]);
}

function isStoredMessage(value: unknown): boolean {
  if (!isJsonObject(value)) return false;
  if (typeof value["content"] !== "string" && !Array.isArray(value["content"])) return false;
  for (const key of ["tool_calls", "invalid_tool_calls", "tool_call_chunks"]) {
    if (value[key] !== undefined && !Array.isArray(value[key])) return false;
  }
  if (!isJsonObject(value["response_metadata"]) || value["response_metadata"]["strata"] !== null) return false;
  for (const key of ["additional_kwargs", "usage_metadata"]) {
    if (value[key] !== undefined && !isJsonObject(value[key])) return false;
  }
  for (const key of ["id", "name"]) {
    if (value[key] !== undefined && typeof value[key] !== "string") return false;
  }
  return true;
}
