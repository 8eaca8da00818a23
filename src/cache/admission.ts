/** Which answers are worth keeping: a cache must not freeze an accident. */
import type { Generation } from "@langchain/core/outputs";
import { letGo } from "../core/abort.ts";
import type { Json } from "../core/plain.ts";
import type { StoredAnswer } from "./response-codec.ts";

/** Says yes, with `true`, or no to an answer, at once; it adds to the built-in rules and never replaces them. */
export type Admit = (request: { readonly generations: readonly Generation[] }, response: StoredAnswer) => boolean;

/** Finish reasons of an answer that was cut off or withheld, in small letters. A missing reason is not one of them. */
const CUT_OFF = new Set([
  ...["length", "max_tokens", "max_output_tokens", "model_length", "token_limit", "time_limit", "model_context_window_exceeded"],
  ...["content_filter", "content_filtered", "safety", "image_safety", "recitation", "language", "blocklist", "spii"],
  ...["prohibited_content", "guardrail_intervened", "refusal", "malformed_function_call", "unexpected_tool_call", "other"],
  ...["error", "error_toxic", "error_limit", "insufficient_system_resource", "aborted", "pause_turn"],
  ...["incomplete", "failed", "cancelled", "in_progress", "false"],
]);

/** `status` is that of OpenAI's Responses API, `done` that of Ollama, which has no other sign of an answer that broke off. */
const REASON_KEYS = ["finish_reason", "finishReason", "stop_reason", "stopReason", "done_reason", "status", "done"];

/** Whether every candidate of an answer may be stored: whole, not withheld, not empty. */
export function admitAnswer(answer: StoredAnswer, admit: Admit | undefined, generations: readonly Generation[]): boolean {
  if (answer.length === 0) return false;
  for (const generation of answer) {
    const { info, message } = generation;
    // Streamed by Anthropic, the reason is among the `additional_kwargs`.
    if ([info, message?.response_metadata, message?.additional_kwargs].some(wasCutOff) || isEmpty(generation)) return false;
  }
  if (admit === undefined) return true;
  const said: unknown = admit({ generations }, answer);
  letGo(said);
  // Nothing else: a promise, which an `async` function gives, is no yes, and neither is a forgotten `return`.
  return said === true;
}

/** The first finish reason in what a provider says of an answer; `undefined` when it gives none. */
export function finishReason(...said: readonly (Said | undefined)[]): string | undefined {
  return said.flatMap(reasonsOf)[0];
}

type Said = Readonly<Record<string, unknown>>;

function reasonsOf(said: Said | undefined): string[] {
  if (said === undefined) return [];
  // Bedrock wraps the reason of a stream in the event that brings it.
  const reasons = REASON_KEYS.map((key) => said[key] ?? (said["messageStop"] as Said | undefined)?.[key]);
  return reasons.filter((reason) => typeof reason === "string" || typeof reason === "boolean").map(String);
}

function isEmpty({ text, message }: StoredAnswer[number]): boolean {
  if ((message?.tool_calls ?? []).length > 0) return false;
  if (text !== undefined && text.trim() !== "") return false;
  const content = message?.content ?? "";
  return typeof content === "string" ? content.trim() === "" : content.every(saysNothing);
}

/** Text without letters, or thoughts that lead to no answer. */
function saysNothing(block: Json): boolean {
  if (typeof block !== "object" || block === null) return String(block ?? "").trim() === "";
  const { type, text } = block as { readonly [key: string]: Json };
  if (type === "text" || type === "output_text") return typeof text !== "string" || text.trim() === "";
  return type === "reasoning" || type === "thinking" || type === "redacted_thinking";
}

function wasCutOff(said: Said | undefined): boolean {
  return reasonsOf(said).some((reason) => CUT_OFF.has(reason.toLowerCase()));
}
