/** Which answers are worth keeping: a cache must not freeze an accident. */
import type { Generation } from "@langchain/core/outputs";
import type { StoredAnswer } from "./response-codec.ts";

/** Says no to an answer; it adds to the built-in rules and never replaces them. */
export type Admit = (request: { readonly generations: readonly Generation[] }, response: StoredAnswer) => boolean;

/** Finish reasons of an answer that was cut off or withheld, as the providers write them. A missing reason is not one of them. */
const CUT_OFF = new Set([
  ...["length", "max_tokens", "max_output_tokens", "model_context_window_exceeded", "MAX_TOKENS"],
  ...["content_filter", "content_filtered", "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "refusal"],
  ...["error", "ERROR", "ERROR_TOXIC", "ERROR_LIMIT", "insufficient_system_resource", "guardrail_intervened", "aborted", "OTHER"],
]);

const REASON_KEYS = ["finish_reason", "finishReason", "stop_reason", "stopReason", "done_reason"];

/** Whether every candidate of an answer may be stored: whole, not withheld, not empty. */
export function admitAnswer(answer: StoredAnswer, admit: Admit | undefined, generations: readonly Generation[]): boolean {
  if (answer.length === 0) return false;
  for (const generation of answer) {
    if (wasCutOff(generation.info) || wasCutOff(generation.message?.response_metadata) || isEmpty(generation)) return false;
  }
  return admit?.({ generations }, answer) ?? true;
}

function isEmpty({ text, message }: StoredAnswer[number]): boolean {
  if ((message?.tool_calls ?? []).length > 0) return false;
  if (text !== undefined && text.trim() !== "") return false;
  const content = message?.content ?? "";
  return typeof content === "string" ? content.trim() === "" : content.length === 0;
}

function wasCutOff(metadata: { readonly [key: string]: unknown } | undefined): boolean {
  if (metadata === undefined) return false;
  return REASON_KEYS.some((key) => typeof metadata[key] === "string" && CUT_OFF.has(metadata[key]));
}
