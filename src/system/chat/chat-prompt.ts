/**
 * The messages of one question. What changes least comes first, so that the provider's own prompt cache has the longest common
 * beginning: the system text, the conversation, then what was recalled and found, and the question.
 */
import { createHash } from "node:crypto";
import type { DocumentInterface } from "@langchain/core/documents";
import { HumanMessage, SystemMessage, type BaseMessage } from "@langchain/core/messages";
import { quoteRecalled } from "../../memory/quoting.ts";

export interface PromptParts {
  readonly system: string | undefined;
  readonly conversation: readonly BaseMessage[];
  readonly recalled: readonly DocumentInterface[];
  /** Documents as one text; `""` = none. */
  readonly context: string;
  readonly question: string;
}

export function buildPrompt(parts: PromptParts): BaseMessage[] {
  const { system, conversation, question } = parts;
  const leading = system === undefined ? [] : [new SystemMessage(system)];
  return [...leading, ...conversation, ...beforeQuestion(parts), new HumanMessage(question)];
}

/** What was recalled and found, as quoted data. */
export function beforeQuestion({ recalled, context }: Pick<PromptParts, "recalled" | "context">): BaseMessage[] {
  const quoted = quoteRecalled(recalled, { random: steadyRandom(recalled) });
  return [quoted, context].filter((text) => text !== "").map((text) => new HumanMessage(text));
}

/**
 * The delimiter of what is quoted must be one that the quoted text cannot know, and the same each time, or no prompt with memory
 * would ever be asked twice. A digest of the whole is both: a text that holds the digest of a whole that it is part of is 104 bits away.
 */
function steadyRandom(documents: readonly DocumentInterface[]): () => number {
  const hash = createHash("sha256").update(
    JSON.stringify(documents.map(({ pageContent, metadata }) => [pageContent, metadata["messageId"]])),
  );
  const bytes = hash.digest();
  let offset = 0;
  return () => {
    const value = bytes.readUIntBE(offset % 24, 6) / 2 ** 48;
    offset += 6;
    return value;
  };
}
