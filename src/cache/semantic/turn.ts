/**
 * A call taken apart for the semantic step: the user's last turn, which another wording may stand for, and everything around it
 * (system prompt, earlier turns, tools, response format, parameters, documents), which must be the same to the letter.
 *
 * Two questions are compared only under an equal context, so "how much does it cost?" in two conversations are strangers.
 */
import { HumanMessage, type BaseMessage, type ChatMessage } from "@langchain/core/messages";
import { canonicalRequest } from "../model/request.ts";
import { asksForStructure } from "../model/structured-output.ts";

export interface SemanticTurn {
  /** What is embedded and compared. */
  readonly text: string;
  /** Everything else that the answer depends on, as a text that is equal for equal surroundings. */
  readonly context: string;
}

/** Why a call has no turn that may be compared by meaning. */
export type SkipReason =
  /** The last message is not a text of the user's. */
  | "no-question"
  /** The text is empty. */
  | "empty"
  /** The text is longer than `maxQuestion`. */
  | "too-long"
  /** The last message is what a tool gave. */
  | "tool-result"
  /** The model is asked for JSON. */
  | "structured-output"
  /** The flattened prompt of a `BaseCache` can be read in several ways. */
  | "unclear-roles";

export type ReadTurn = SemanticTurn | SkipReason;

/** What is left out by default, and may be asked for. */
export type SemanticExtra = "tool-results" | "structured-output" | "tool-calls";

/**
 * Reads the turn from the messages.
 * @param parameters everything that the model is asked with besides the messages
 * @throws {@link StrataError} `UNSTORABLE` when the request cannot be compared
 */
export function turnOf(
  messages: readonly BaseMessage[],
  parameters: Readonly<Record<string, unknown>>,
  extras: ReadonlySet<SemanticExtra>,
): ReadTurn {
  if (!extras.has("structured-output") && Object.entries(parameters).some(([name, value]) => asksForStructure(name, value))) {
    return "structured-output";
  }
  let at = messages.length - 1;
  if (messages[at]?.type === "tool") {
    if (!extras.has("tool-results")) return "tool-result";
    at = messages.findLastIndex(isFromUser);
  }
  const message = messages[at];
  if (message === undefined || !isFromUser(message)) return "no-question";
  const text = plainText(message);
  if (text === undefined) return "no-question";
  const { name, additional_kwargs } = message;
  const blank = new HumanMessage({ content: "", additional_kwargs, ...(name !== undefined && { name }) });
  return { text, context: canonicalRequest(messages.with(at, blank), parameters).text };
}

function isFromUser(message: BaseMessage): boolean {
  return message.type === "human" || (message.type === "generic" && /^(?:user|human)$/i.test((message as ChatMessage).role));
}

/** The text of a message that is nothing but text. */
function plainText({ content }: BaseMessage): string | undefined {
  if (typeof content === "string") return content;
  const texts = content.map((block) => (block.type === "text" && typeof block["text"] === "string" ? block["text"] : undefined));
  return texts.length === 0 || texts.includes(undefined) ? undefined : texts.join("\n");
}
