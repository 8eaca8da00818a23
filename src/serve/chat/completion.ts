/**
 * Chat completions of OpenAI's protocol, as DeepSeek, vLLM, Ollama and others speak it: as one answer, and as the chunks of a stream
 * (https://platform.openai.com/docs/api-reference/chat, https://api-docs.deepseek.com). Fields that are not known here are kept as
 * they came.
 */
import { isJsonObject, type Json, toPlain } from "../../core/plain.ts";
import type { StoredAnswer, StoredGeneration } from "../../cache/response-codec.ts";

type JsonObject = { readonly [key: string]: Json };

/** A whole answer: `object: "chat.completion"`. */
export interface Completion extends JsonObject {
  readonly choices: readonly JsonObject[];
}

/** @returns `undefined` for what is no answer with a choice */
export function readCompletion(value: unknown): Completion | undefined {
  if (!isJsonObject(value)) return undefined;
  const { choices } = value;
  const isAnswer =
    Array.isArray(choices) && choices.length > 0 && choices.every((one) => isJsonObject(one) && isJsonObject(one["message"]));
  return isAnswer ? (toPlain(value) as Completion) : undefined;
}

/**
 * As the cache stores answers, so that its rules of admission, its statistics and its semantic step read them as they read
 * LangChain's. What the protocol has beside is kept under one key.
 */
export function toStored(completion: Completion): StoredAnswer {
  const { choices, usage, ...envelope } = completion;
  return choices.map((choice, index): StoredGeneration => {
    const { message, ...rest } = choice as JsonObject & { readonly message: JsonObject };
    const { content, reasoning_content: reasoning, tool_calls: calls, ...others } = message;
    const openai = {
      ...{
        choice: rest,
        message: { ...others, ...(content === null && { content }), ...(calls !== undefined && { tool_calls: calls }) },
      },
      ...(index === 0 && { envelope, ...(usage !== undefined && { usage }) }),
    };
    return {
      message: {
        content: typeof content === "string" || Array.isArray(content) ? (content as string | readonly Json[]) : "",
        ...(reasoning !== undefined && { additional_kwargs: { reasoning_content: reasoning } }),
        response_metadata: { strata: null, finish_reason: rest["finish_reason"] ?? null, openai },
        // Read by the rules of admission: an answer without text that calls a tool is not empty.
        ...(Array.isArray(calls) && calls.length > 0 && { tool_calls: calls.map(toolCall) }),
        ...(index === 0 && isJsonObject(usage) && { usage_metadata: usageMetadata(usage) }),
      },
    };
  });
}

/** What is different for each who is answered from the cache. */
export interface Stamp {
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
}

/** What is said where an answer was stored without. */
export const NO_USAGE: Json = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };

/** @returns `undefined` for an answer that no proxy stored; with a usage, all of it zero, also where none was stored */
export function fromStored(answer: StoredAnswer, { id, created }: Stamp): Completion | undefined {
  const first = openaiOf(answer[0]);
  if (first === undefined) return undefined;
  const choices = answer.flatMap((generation): JsonObject[] => {
    const kept = openaiOf(generation);
    if (kept === undefined || generation.message === undefined) return [];
    const { content, additional_kwargs: kwargs = {} } = generation.message;
    const message = kept["message"] as JsonObject;
    const reasoning = kwargs["reasoning_content"];
    return [
      {
        ...(kept["choice"] as JsonObject),
        message: {
          role: "assistant",
          content: message["content"] === null && content === "" ? null : content,
          ...(reasoning !== undefined && { reasoning_content: reasoning }),
          ...message,
          ...(content !== "" && { content }),
        },
      },
    ];
  });
  return {
    ...(first["envelope"] as JsonObject),
    id,
    created,
    choices,
    usage: withoutCounts(first["usage"] ?? NO_USAGE),
  };
}

function openaiOf(generation: StoredGeneration | undefined): JsonObject | undefined {
  const kept = generation?.message?.response_metadata["openai"];
  return isJsonObject(kept) && isJsonObject(kept["choice"]) && isJsonObject(kept["message"]) ? kept : undefined;
}

function toolCall(call: Json): Json {
  const { id, function: called }: JsonObject = isJsonObject(call) ? call : {};
  return {
    type: "tool_call",
    id: id ?? "",
    name: (isJsonObject(called) ? called["name"] : undefined) ?? "",
    args: {},
  };
}

function usageMetadata(usage: Readonly<Record<string, unknown>>): JsonObject {
  const count = (name: string): number => (typeof usage[name] === "number" ? usage[name] : 0);
  return {
    input_tokens: count("prompt_tokens"),
    output_tokens: count("completion_tokens"),
    total_tokens: count("total_tokens"),
  };
}

/** The same shape with every number at zero: a hit used nothing. */
function withoutCounts(value: Json): Json {
  if (typeof value === "number") return 0;
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutCounts);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withoutCounts(item)]));
}
