/**
 * The canonical form of a model call: one text, equal for two calls exactly when a model would be asked the same.
 *
 * The text is JSON with sorted keys, so every part is delimited, and no message can pose as several or as another role, which the
 * `Human: …\nAI: …` text that LangChain gives to caches allows. Left out is what the model never sees (message ids, usage, traces)
 * and what may not be looked at (credentials). What is arbitrary, but tied together inside a request, is numbered by order of
 * appearance: ids of tool calls, which are random, and the names `extract-1`, `extract-2`, … that LangChain's agents count up for
 * each structured answer. Images, audio and files count by the digest of their bytes, whichever way the bytes were given.
 */
import { hash } from "node:crypto";
import type { AIMessage, BaseMessage, ChatMessage, ToolMessage } from "@langchain/core/messages";
import { convertToOpenAITool, isLangChainTool } from "@langchain/core/utils/function_calling";
import { toJsonSchema } from "@langchain/core/utils/json_schema";
import { isSerializableSchema } from "@langchain/core/utils/standard_schema";
import { isInteropZodSchema } from "@langchain/core/utils/types";
import { StrataError } from "../../core/errors.ts";
import type { Json } from "../../core/plain.ts";
import { isSecret, isVolatile } from "./model-parameters.ts";

export interface CanonicalRequest {
  readonly text: string;
  /** The names of generated tools, in the order of their numbers in `text`. */
  readonly generatedTools: readonly string[];
  /** The ids of the tool calls in the messages. */
  readonly toolCallIds: ReadonlySet<string>;
}

/** How LangChain's agents name the tool that a structured answer is given through (`langchain` 1.x, `ToolStrategy`). */
export const GENERATED_TOOL: RegExp = /^extract-\d+$/;

/** Under these keys lies what tools are called with: data of the user's, taken as it stands. */
export const ARGUMENT_KEYS: ReadonlySet<string> = new Set(["args", "input", "arguments"]);

/** Under these keys messages refer to tool calls. */
export const CALL_ID_KEYS: ReadonlySet<string> = new Set([
  ...["id", "tool_call_id", "tool_use_id", "toolUseId", "call_id", "callId"],
]);

/** Under these keys tools are named. */
export const TOOL_NAME_KEYS: ReadonlySet<string> = new Set([
  ...["name", "toolName", "tool_choice", "toolChoice", "allowedFunctionNames", "allowed_function_names"],
]);

/** What providers note in `additional_kwargs` about an answer, and do not send back. */
const BOOKKEEPING = new Set(["id", "model", "role", "type", "usage", "stop_reason", "stop_sequence", "stop_details"]);

const FORMAT_KEYS = ["output_version", "model_provider"];

/** Under these keys content blocks hold bytes in base64. */
const BASE64_KEYS = new Set(["data", "file_data", "bytes"]);
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const DATA_URL = /^data:([^,]{0,200});base64,/;

/** What a model is given to reach a tool server (MCP) with. */
const SERVER_CREDENTIALS = new Set(["authorization", "authorization_token", "headers"]);

/** Marks what this file puts in the place of something; a key of the user's that begins so is given another. */
const MARK = "§";
const MAX_DEPTH = 128;
/** Parts of one request; more, or a cycle, cannot be told apart in reasonable time. */
const MAX_PARTS = 250_000;

/** How a value is read. */
interface Rules {
  /** Ids of tool calls are numbered. */
  readonly ids?: true;
  /** Bytes count by their digest. */
  readonly bytes?: true;
  /** Names of generated tools are numbered. */
  readonly names?: true;
}

const AS_IT_STANDS: Rules = {};
const OF_PARAMETERS: Rules = { names: true };
/** In messages of the user's, an `id` may be that of a file. */
const OF_GIVEN_CONTENT: Rules = { bytes: true };
const OF_MADE_CONTENT: Rules = { bytes: true, ids: true, names: true };

/**
 * Reads a call.
 * @param parameters everything that the model is asked with besides the messages: options, tools, response format
 * @throws {@link StrataError} `UNSTORABLE` when a part of it cannot be compared
 */
export function canonicalRequest(
  messages: readonly BaseMessage[],
  parameters: Readonly<Record<string, unknown>>,
): CanonicalRequest {
  const reader = new Reader();
  const text = JSON.stringify([reader.parameters(parameters), messages.map((message) => reader.message(message))]);
  return { text, generatedTools: [...reader.tools.keys()], toolCallIds: reader.callIds };
}

/**
 * The canonical text of any value, as it stands.
 * @throws {@link StrataError} `UNSTORABLE` when a part of it cannot be compared
 */
export function canonicalText(value: unknown): string {
  return JSON.stringify(new Reader().value(value, "", AS_IT_STANDS)) ?? "";
}

class Reader {
  readonly tools = new Map<string, number>();
  readonly callIds = new Set<string>();
  readonly #ids = new Map<string, number>();
  #parts = 0;

  parameters(parameters: Readonly<Record<string, unknown>>): Json {
    const kept = Object.entries(parameters).filter(([name, value]) => !isVolatile(name, value) && !isSecret(name, value));
    const read = kept.map(([name, value]): [string, Json | undefined] => {
      return [name, this.value(value, name, OF_PARAMETERS)];
    });
    return object(read);
  }

  message(message: BaseMessage): Json {
    const { type, name, content } = message;
    const made = type === "ai" || type === "tool";
    const rules = made ? OF_MADE_CONTENT : OF_GIVEN_CONTENT;
    const { tool_calls: calls = [], invalid_tool_calls: invalid = [] } = message as AIMessage;
    const { tool_call_id: callId, status } = message as ToolMessage;
    // Before the content, which may refer to them.
    const toolCalls = calls.map(({ id, name, args }) => this.#toolCall(id, name, args));
    const invalidToolCalls = invalid.map(({ id, name, args }) => this.#toolCall(id, name, args));
    return object([
      ["role", type === "generic" ? [type, (message as ChatMessage).role] : type],
      ["name", name === undefined ? undefined : this.value(name, "name", rules)],
      ["calls", toolCalls.length > 0 ? toolCalls : undefined],
      ["invalid", invalidToolCalls.length > 0 ? invalidToolCalls : undefined],
      ["answers", callId === undefined ? undefined : this.#callId(callId)],
      ["failed", status === "error" ? true : undefined],
      ["content", this.#content(content, rules)],
      ["format", typeof content === "string" ? undefined : this.#format(message)],
      ["more", this.#kwargs(message.additional_kwargs, calls.length > 0, rules)],
    ]);
  }

  #toolCall(id: string | undefined, name: string | undefined, args: unknown): Json {
    return object([
      ["id", id === undefined ? undefined : this.#callId(id)],
      ["name", this.value(name, "name", OF_MADE_CONTENT)],
      ["args", this.value(args, "args", AS_IT_STANDS)],
    ]);
  }

  #callId(id: string): Json {
    this.callIds.add(id);
    return this.#numbered(this.#ids, id, "id");
  }

  #content(content: BaseMessage["content"], rules: Rules): Json {
    if (typeof content === "string") return content;
    const [first, ...others] = content;
    // One block of nothing but text is the same to every provider as the text itself.
    if (others.length === 0 && first?.type === "text" && Object.keys(first).length === 2 && typeof first["text"] === "string") {
      return first["text"];
    }
    return content.map((block) => this.value(block, "", rules) ?? null);
  }

  /** Blocks are read by the rules of the provider that made them, or by the standard ones. */
  #format({ response_metadata: metadata }: BaseMessage): Json | undefined {
    const known = FORMAT_KEYS.map((key) => (metadata as Record<string, unknown>)[key]);
    return known.some((value) => typeof value === "string")
      ? known.map((value) => (typeof value === "string" ? value : null))
      : undefined;
  }

  #kwargs(kwargs: Readonly<Record<string, unknown>> | undefined, hasToolCalls: boolean, rules: Rules): Json | undefined {
    const kept = Object.entries(kwargs ?? {}).filter(([name, value]) => {
      // `tool_calls` is the provider's form of the same calls.
      return value !== undefined && !BOOKKEEPING.has(name) && !(name === "tool_calls" && hasToolCalls);
    });
    if (kept.length === 0) return undefined;
    return this.value(Object.fromEntries(kept), "", rules);
  }

  /** A value as plain JSON; `undefined` for what JSON leaves out. */
  value(value: unknown, name: string, rules: Rules, depth = 0): Json | undefined {
    if (++this.#parts > MAX_PARTS || depth > MAX_DEPTH) {
      throw new StrataError("UNSTORABLE", "The request is nested too deeply, has too many parts or holds a cycle.");
    }
    if (typeof value === "string") return this.#string(value, name, rules);
    if (typeof value === "number") return Number.isFinite(value) ? value : marked("number", String(value));
    if (typeof value === "bigint") return marked("bigint", String(value));
    if (typeof value === "boolean" || value === null) return value;
    if (typeof value !== "object") return undefined;
    if (Array.isArray(value)) return value.map((item) => this.value(item, name, rules, depth + 1) ?? null);
    if (value instanceof Uint8Array) return marked("bytes", digestOf(value));
    if (value instanceof ArrayBuffer) return marked("bytes", digestOf(new Uint8Array(value)));
    const plain = asPlain(value);
    if (plain !== value) return this.value(plain, name, rules, depth + 1);
    return this.#object(value as Record<string, unknown>, rules, depth);
  }

  #string(value: string, name: string, rules: Rules): Json {
    if (rules.ids && CALL_ID_KEYS.has(name)) return this.#numbered(this.#ids, value, "id");
    if (rules.names && TOOL_NAME_KEYS.has(name) && GENERATED_TOOL.test(value)) return this.#numbered(this.tools, value, "tool");
    if (!rules.bytes || name === "text") return value;
    const header = DATA_URL.exec(value);
    const base64 = header === null ? (BASE64_KEYS.has(name) ? value : "") : value.slice(header[0].length);
    if (base64 === "" || !BASE64.test(base64)) return value;
    const bytes = digestOf(Buffer.from(base64, "base64"));
    return header === null ? marked("bytes", bytes) : { ...marked("bytes", bytes), [`${MARK}type`]: header[1] ?? "" };
  }

  #object(value: Record<string, unknown>, rules: Rules, depth: number): Json {
    const isServer = value["type"] === "mcp" || "authorization_token" in value;
    // An id that names what is stored elsewhere, such as a file.
    const inside = rules.ids && value["source_type"] === "id" ? OF_GIVEN_CONTENT : rules;
    const read: [string, Json | undefined][] = [];
    for (const [key, item] of Object.entries(value)) {
      if (key === "cache_control" || (isServer && SERVER_CREDENTIALS.has(key))) continue;
      const rulesBelow = rules.ids && ARGUMENT_KEYS.has(key) ? AS_IT_STANDS : inside;
      read.push([this.#key(key, rules), this.value(item, key, rulesBelow, depth + 1)]);
    }
    return object(read);
  }

  /** Some providers keep what belongs to a tool call under its id. */
  #key(key: string, rules: Rules): string {
    const number = rules.ids ? this.#ids.get(key) : undefined;
    if (number !== undefined) return `${MARK}id ${number}`;
    return key.startsWith(MARK) ? MARK + key : key;
  }

  #numbered(numbers: Map<string, number>, value: string, what: string): Json {
    const number = numbers.get(value) ?? numbers.size;
    numbers.set(value, number);
    return marked(what, number);
  }
}

/** Tools and schemas as the JSON that providers are sent; other instances as they show themselves to JSON. */
function asPlain(value: object): unknown {
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain = prototype === Object.prototype || prototype === null;
  // JSON schemas made by LangChain carry the mark of a schema library, too, out of sight.
  if (isPlain && !Object.prototype.propertyIsEnumerable.call(value, "~standard")) return value;
  if (isLangChainTool(value)) return convertToOpenAITool(value);
  if (isInteropZodSchema(value) || isSerializableSchema(value)) return toJsonSchema(value);
  if (value instanceof Map) return [...value];
  if (value instanceof Set) return [...value];
  const { toJSON } = value as { toJSON?: unknown };
  return typeof toJSON === "function" ? (toJSON.call(value) as unknown) : value;
}

/** An object with its keys in order, without those that have no value. */
function object(entries: readonly (readonly [string, Json | undefined])[]): Json {
  const kept = entries.filter((entry): entry is readonly [string, Json] => entry[1] !== undefined);
  return Object.fromEntries(kept.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

function marked(what: string, value: Json): { readonly [key: string]: Json } {
  return { [MARK + what]: value };
}

function digestOf(bytes: Uint8Array): string {
  return hash("sha256", bytes, "base64url");
}
