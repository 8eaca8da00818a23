/**
 * The user's last turn out of the one text that LangChain hands a `BaseCache`: `System: …\nHuman: …\nAI: …\nHuman: …`.
 *
 * In it, a message that contains `\nHuman: ` reads like two, and nothing can tell them apart. The reading taken here is safe
 * whichever is true: only what follows the last `Human: ` may be worded differently, everything before it must be equal to the
 * letter, and a text in which any line behind that point could be another message is not read at all.
 */
import type { ReadTurn } from "./turn.ts";

const MARK = "Human: ";
/** As LangChain begins the messages of its own classes. */
const BEGINS_MESSAGE = /^(?:System|Human|AI|Tool): /;
/** A line that could begin a message of any role. */
const COULD_BEGIN = /\n[A-Za-z][\w-]{0,31}: /;
const COULD_BE_FIRST = /^[A-Za-z][\w-]{0,31}: /;

/** @param isStructured whether the model is asked for JSON, and such answers are left out */
export function turnOfPrompt(prompt: string, isStructured: boolean): ReadTurn {
  if (isStructured) return "structured-output";
  if (!BEGINS_MESSAGE.test(prompt)) {
    // The prompt of a model that completes texts, which has no roles; or one with roles that LangChain does not know.
    return COULD_BE_FIRST.test(prompt) || COULD_BEGIN.test(prompt) ? "unclear-roles" : { text: prompt, context: "text" };
  }
  const mark = prompt.lastIndexOf(`\n${MARK}`);
  if (mark === -1 && !prompt.startsWith(MARK)) return "no-question";
  const from = mark === -1 ? MARK.length : mark + 1 + MARK.length;
  const text = prompt.slice(from);
  const unclear = COULD_BEGIN.exec(text)?.[0];
  if (unclear !== undefined) return unclear === "\nTool: " ? "tool-result" : "unclear-roles";
  return { text, context: `chat ${prompt.slice(0, from)}` };
}
