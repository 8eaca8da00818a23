import type { ChatRequest, ChatUsage, FinishReason } from "./protocol.ts";
import type { StandInReply } from "./reply.ts";
import { tokenize } from "./tokens.ts";

/**
 * A completion is a list of tokens and a reason why it ended. All the rest is a reading of that list: the message folds it, the
 * stream sends it one by one, usage counts it, and `max_tokens` or a scripted failure cuts it.
 */
export interface Completion {
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  readonly model: string;
  readonly thinks: boolean;
  readonly tokens: readonly Token[];
  readonly finish: FinishReason;
  readonly usage: ChatUsage;
}

export type Token =
  | { readonly kind: "reasoning" | "content"; readonly text: string }
  | { readonly kind: "call"; readonly index: number; readonly id: string; readonly name: string }
  | { readonly kind: "arguments"; readonly index: number; readonly text: string };

/** Says openly whose answer it is; the API names the build of its backend here. */
const SYSTEM_FINGERPRINT = "fp_local_stand_in";

/** Cuts a reply into tokens, within the limits that the request sets. */
export function tokenizeReply(
  reply: StandInReply,
  request: ChatRequest,
  thinks: boolean,
  callId: (index: number) => string,
): { tokens: Token[]; finish: FinishReason } {
  const tokens: Token[] = [];
  if (thinks) tokens.push(...tokenize(reply.reasoning ?? "").map((text) => ({ kind: "reasoning", text }) as const));
  tokens.push(...tokenize(stopAt(reply.content ?? "", request.stop)).map((text) => ({ kind: "content", text }) as const));
  const calls = reply.toolCalls ?? [];
  calls.forEach((call, index) => {
    const json = typeof call.arguments === "string" ? call.arguments : JSON.stringify(call.arguments);
    tokens.push({ kind: "call", index, id: callId(index), name: call.name });
    tokens.push(...tokenize(json).map((text) => ({ kind: "arguments", index, text }) as const));
  });
  const finish = reply.finish ?? (calls.length > 0 ? "tool_calls" : "stop");
  // Reasoning counts against the limit too, so a small limit can leave no answer at all, as on the live API.
  const limit = request.max_tokens ?? Infinity;
  return tokens.length > limit ? { tokens: tokens.slice(0, limit), finish: "length" } : { tokens, finish };
}

export function usageOf(promptTokens: number, cachedTokens: number, tokens: readonly Token[], thinks: boolean): ChatUsage {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: tokens.length,
    total_tokens: promptTokens + tokens.length,
    prompt_tokens_details: { cached_tokens: cachedTokens },
    ...(thinks && { completion_tokens_details: { reasoning_tokens: tokens.filter(({ kind }) => kind === "reasoning").length } }),
    prompt_cache_hit_tokens: cachedTokens,
    prompt_cache_miss_tokens: promptTokens - cachedTokens,
  };
}

/** The body of an answer that is not streamed. */
export function completionBody(completion: Completion): string {
  const text = (kind: "reasoning" | "content"): string =>
    completion.tokens.map((token) => (token.kind === kind ? token.text : "")).join("");
  const calls = completion.tokens.flatMap((token) => (token.kind === "call" ? [token] : []));
  const message = {
    role: "assistant",
    content: text("content"),
    ...(completion.thinks && { reasoning_content: text("reasoning") }),
    ...(calls.length > 0 && {
      tool_calls: calls.map(({ index, id, name }) => {
        const json = completion.tokens
          .map((token) => (token.kind === "arguments" && token.index === index ? token.text : ""))
          .join("");
        return { index, id, type: "function", function: { name, arguments: json } };
      }),
    }),
  };
  return JSON.stringify({
    id: completion.id,
    object: "chat.completion",
    created: completion.created,
    model: completion.model,
    choices: [{ index: 0, message, logprobs: null, finish_reason: completion.finish }],
    usage: completion.usage,
    system_fingerprint: SYSTEM_FINGERPRINT,
  });
}

/** Where a stream carries its usage: in its last chunk, as the live API has it, or in a chunk of its own, as the reference says. */
export type UsageChunk = "last" | "separate";

/**
 * The chunks of a streamed answer, as JSON: one that opens, one a token, one that closes.
 *
 * Usage comes only when the request sets `stream_options.include_usage`. The reference promises it in a chunk of its own, without
 * choices; the live API sends it in the chunk that carries the finish reason (captures of August 2026). `"last"` does as the
 * live API, `"separate"` as the reference and OpenAI.
 */
export function* streamChunks(completion: Completion, request: ChatRequest, usageChunk: UsageChunk): Generator<string> {
  const withUsage = request.stream_options?.include_usage === true;
  const chunk = (choices: unknown[], usage: ChatUsage | null = null): string =>
    JSON.stringify({
      id: completion.id,
      object: "chat.completion.chunk",
      created: completion.created,
      model: completion.model,
      system_fingerprint: SYSTEM_FINGERPRINT,
      choices,
      ...(withUsage && { usage }),
    });
  const choice = (delta: object, finish: FinishReason | null = null): unknown[] => [
    { index: 0, delta, logprobs: null, finish_reason: finish },
  ];
  const thought = completion.thinks ? { reasoning_content: null } : {};

  yield chunk(
    choice(completion.thinks ? { role: "assistant", content: null, reasoning_content: "" } : { role: "assistant", content: "" }),
  );
  for (const token of completion.tokens) yield chunk(choice(deltaOf(token, thought)));
  const last = choice({ content: "", ...thought }, completion.finish);
  if (usageChunk === "last") {
    yield chunk(last, completion.usage);
    return;
  }
  yield chunk(last);
  if (withUsage) yield chunk([], completion.usage);
}

function deltaOf(token: Token, thought: object): object {
  switch (token.kind) {
    case "reasoning":
      return { content: null, reasoning_content: token.text };
    case "content":
      return { content: token.text, ...thought };
    case "call":
      return {
        tool_calls: [{ index: token.index, id: token.id, type: "function", function: { name: token.name, arguments: "" } }],
      };
    case "arguments":
      return { tool_calls: [{ index: token.index, function: { arguments: token.text } }] };
  }
}

function stopAt(text: string, stop: ChatRequest["stop"]): string {
  const marks = typeof stop === "string" ? [stop] : (stop ?? []);
  const ends = marks.map((mark) => (mark === "" ? -1 : text.indexOf(mark))).filter((at) => at >= 0);
  return ends.length === 0 ? text : text.slice(0, Math.min(...ends));
}
