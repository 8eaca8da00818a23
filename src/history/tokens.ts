import type { BaseMessage } from "@langchain/core/messages";

/** How many tokens a message takes. */
export type CountTokens = (message: BaseMessage) => number;

/** The rule of thumb of OpenAI's documentation for English; other languages take more. */
const CHARACTERS_A_TOKEN = 4;
/** Role and separators, as OpenAI's cookbook counts them. */
const TOKENS_A_MESSAGE = 4;
/** A block of data (an image, a file) is counted as this at most: what it costs does not depend on its bytes. */
const MOST_OF_A_BLOCK = 4_000;

/** An estimate from the number of characters: text, tool calls, and what else is sent to a model. */
export const estimateTokens: CountTokens = (message) => {
  let characters = message.name?.length ?? 0;
  const { content } = message;
  if (typeof content === "string") characters += content.length;
  else for (const block of content) characters += blockLength(block);
  const { tool_calls: calls } = message as { tool_calls?: readonly unknown[] };
  if (calls !== undefined && calls.length > 0) characters += JSON.stringify(calls).length;
  return TOKENS_A_MESSAGE + Math.ceil(characters / CHARACTERS_A_TOKEN);
};

function blockLength(block: object): number {
  const { text } = block as { text?: unknown };
  return typeof text === "string" ? text.length : Math.min(MOST_OF_A_BLOCK, JSON.stringify(block).length);
}
