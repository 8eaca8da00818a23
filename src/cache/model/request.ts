/**
 * The canonical form of a model call: one text, equal for two calls exactly when a model would be asked the same.
 *
 * The text is JSON with sorted keys, so every part is delimited, and no message can pose as several or as another role, which the
 * `Human: …\nAI: …` text that LangChain gives to caches allows. Left out is what the model never sees (message ids, usage, traces)
 * and what may not be looked at (credentials). What is arbitrary, but tied together inside a request, is numbered by order of
 * appearance: ids of tool calls, which are random, and the names `extract-1`, `extract-2`, … that LangChain's agents count up for
 * each structured answer. What is left out or numbered is so only in the place where it has that meaning: arguments and results of
 * tools, and schemas, are data, in which an `id`, a `cache_control` or an `authorization` is what the user says it is. Images, audio and files count by the digest of their bytes, whichever way the bytes were given.
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

/** Parameters whose elements are tools, or servers of tools. */
const TOOL_LISTS: ReadonlySet<string> = new Set(["tools", "mcp_servers"]);

/** Content blocks in which a model calls a tool: `tool_use`, `server_tool_use`, `tool_call`, `tool_call_chunk`, `function_call`, … */
const CALL_BLOCK = /(?:^|_)(?:tool_use|call|call_chunk)$/;

/** Marks what this file puts in the place of something; a key of the user's that begins so is given another. */
const MARK = "§";
const MAX_DEPTH = 128;
/** Parts of one request; more, or a cycle, cannot be told apart in reasonable time. */
const MAX_PARTS = 250_000;

/** What an object itself is, which says nothing about the objects in it. */
type Place =
  /** A block of a message's content. */
  | "block"
  /** A block of what the model said, which may be a call of a tool. */
  | "made-block"
  /** An element of {@link TOOL_LISTS}. */
  | "tool";

/** How a value is read. */
interface Rules {
  /** Ids that are known as those of tool calls are numbered. */
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
      return [
        name,
        TOOL_LISTS.has(name) ? this.#list(value, name, OF_PARAMETERS, "tool") : this.value(value, name, OF_PARAMETERS),
      ];
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
      ["content", this.#content(content, rules, type === "ai" ? "made-block" : "block")],
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

  #content(content: BaseMessage["content"], rules: Rules, place: Place): Json | undefined {
    if (typeof content === "string") return content;
    const [first, ...others] = content;
    // One block of nothing but text is the same to every provider as the text itself.
    if (others.length === 0 && first?.type === "text" && Object.keys(first).length === 2 && typeof first["text"] === "string") {
      return first["text"];
    }
    return this.#list(content, "", rules, place);
  }

  #list(value: unknown, name: string, rules: Rules, place: Place, depth = 0): Json | undefined {
    if (!Array.isArray(value)) return this.value(value, name, rules, depth);
    return value.map((item) => this.value(item, name, rules, depth + 1, place) ?? null);
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
  value(value: unknown, name: string, rules: Rules, depth = 0, place?: Place): Json | undefined {
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
    if (plain !== value) return this.value(plain, name, rules, depth + 1, place);
    return this.#object(value as Record<string, unknown>, rules, depth, place);
  }

  #string(value: string, name: string, rules: Rules): Json {
    if (rules.ids && CALL_ID_KEYS.has(name) && this.#ids.has(value)) return this.#numbered(this.#ids, value, "id");
    if (rules.names && TOOL_NAME_KEYS.has(name) && GENERATED_TOOL.test(value)) return this.#numbered(this.tools, value, "tool");
    if (!rules.bytes || name === "text") return value;
    const header = DATA_URL.exec(value);
    const base64 = header === null ? (BASE64_KEYS.has(name) ? value : "") : value.slice(header[0].length);
    if (base64 === "" || !BASE64.test(base64)) return value;
    const bytes = digestOf(Buffer.from(base64, "base64"));
    return header === null ? marked("bytes", bytes) : { ...marked("bytes", bytes), [`${MARK}type`]: header[1] ?? "" };
  }

  #object(value: Record<string, unknown>, rules: Rules, depth: number, place: Place | undefined): Json {
    const type = typeof value["type"] === "string" ? value["type"] : "";
    const isCall = place === "made-block" && CALL_BLOCK.test(type);
    // Blocks within a block.
    const isResult = (place === "block" || place === "made-block") && type === "tool_result";
    // An id that names what is stored elsewhere, such as a file.
    const inside = rules.ids && value["source_type"] === "id" ? OF_GIVEN_CONTENT : rules;
    const read = (key: string, item: unknown): Json | undefined => {
      if (isCall && CALL_ID_KEYS.has(key) && typeof item === "string") return this.#numbered(this.#ids, item, "id");
      if (isResult && key === "content") return this.#list(item, key, inside, "block", depth + 1);
      return this.value(item, key, rules.ids && ARGUMENT_KEYS.has(key) ? AS_IT_STANDS : inside, depth + 1);
    };
    const kept = Object.entries(value).filter(([key]) => place === undefined || !isLeftOut(value, key, place));
    return object(kept.map(([key, item]) => [this.#key(key, rules), read(key, item)]));
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

/** Whether a member of a block or a tool is none of the model's business: a mark for a prompt cache, or a server's credential. */
function isLeftOut(owner: Readonly<Record<string, unknown>>, key: string, place: Place): boolean {
  if (key === "cache_control") return (place === "tool" || typeof owner["type"] === "string") && isCacheMark(owner[key]);
  if (place !== "tool" || !SERVER_CREDENTIALS.has(key)) return false;
  return owner["type"] === "mcp" || "authorization_token" in owner;
}

/** As Anthropic has it (`{ type: "ephemeral", ttl? }`, or `null`), and those who took it over. */
function isCacheMark(value: unknown): boolean {
  return value === null || (typeof value === "object" && typeof (value as { type?: unknown }).type === "string");
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
