import { AIMessage, AIMessageChunk } from "@langchain/core/messages";
import type { ChatGeneration, Generation } from "@langchain/core/outputs";
import type { HitMetadata } from "../../src/cache/response-codec.ts";

/** Prints parameters as LangChain prints a model and a call for its caches. */
export function llmKey(parameters: Readonly<Record<string, unknown>> = {}): string {
  const all = { _model: "base_chat_model", _type: "deepseek", model: "deepseek-reasoner", ...parameters };
  return Object.entries(all)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}:${JSON.stringify(value)}`)
    .toSorted()
    .join(",");
}

/** The fields of a message. The types of core 1.2 allow no `usage_metadata` among them, which providers set all the same. */
export type Fields = Readonly<Record<string, unknown>>;

export function aiMessage(fields: Fields): AIMessage {
  return new AIMessage({ ...fields });
}

export function aiChunk(fields: Fields): AIMessageChunk {
  return new AIMessageChunk({ ...fields });
}

/** An answer as a chat model gives it. */
export function chatAnswer(content: string, fields: Fields = {}): ChatGeneration[] {
  return [{ text: content, message: aiMessage({ content, id: "run-1", ...fields }) }];
}

/** The message of the first candidate. */
export function messageOf(generations: readonly Generation[] | null): AIMessage {
  const message = (generations?.[0] as ChatGeneration | undefined)?.message;
  if (!AIMessage.isInstance(message)) throw new Error("There is no message.");
  return message;
}

/** The text of the first candidate; `undefined` for a miss. */
export function textOf(generations: readonly Generation[] | null): string | undefined {
  return generations?.[0]?.text;
}

/** What a hit says of itself. */
export function hitOf(message: AIMessage): HitMetadata {
  return message.response_metadata["strata"] as HitMetadata;
}
