import { contentWords, detectLanguage, type Language } from "./language.ts";
import { digest, textOf, type ChatMessage, type ChatRequest } from "./protocol.ts";

/**
 * What an answer depends on: the last user message, the user message before it, and what tools said since. Neither the system
 * prompt nor any sampling parameter is in it, so that a cache that ignored one of them would still be caught by its record of
 * the request, and one that mixed up two questions, images or conversations by the answer.
 */
export interface Question {
  readonly text: string;
  /** The user message before; `""` at the start of a conversation. */
  readonly previous: string;
  /** Of everything the answer depends on. */
  readonly fingerprint: string;
  readonly language: Language;
  /** What the question is about, in its own words; never empty. */
  readonly subject: string;
  readonly toolResults: readonly ToolResult[];
}

export interface ToolResult {
  readonly name: string;
  readonly content: string;
}

export function readQuestion(request: ChatRequest): Question {
  const { messages } = request;
  const at = messages.findLastIndex((message) => message.role === "user");
  const text = textAt(messages, at);
  const previous = textAt(
    messages,
    messages.slice(0, Math.max(0, at)).findLastIndex((message) => message.role === "user"),
  );
  const toolResults = readToolResults(messages.slice(at + 1));
  const language = detectLanguage(text);
  return {
    text,
    previous,
    fingerprint: digest(JSON.stringify([text, previous, toolResults])),
    language,
    subject: contentWords(text).slice(0, 3).join(" ") || (language === "pt" ? "este assunto" : "this subject"),
    toolResults,
  };
}

function textAt(messages: readonly ChatMessage[], at: number): string {
  const message = messages[at];
  return message === undefined ? "" : textOf(message).trim();
}

function readToolResults(turn: readonly ChatMessage[]): ToolResult[] {
  const names = new Map(turn.flatMap((message) => message.tool_calls ?? []).map((call) => [call.id, call.function.name]));
  return turn
    .filter((message) => message.role === "tool")
    .map((message) => ({ name: names.get(message.tool_call_id ?? "") ?? "tool", content: textOf(message).trim() }));
}
