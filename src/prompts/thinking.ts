/**
 * What a reasoning model thought, apart from what it says. DeepSeek's own API gives both apart; servers that run R1 themselves give one
 * text, `<think>...</think>` and then the answer, in streams cut anywhere, also within a tag. Only a tag at the very beginning counts:
 * one in an answer is text, perhaps about tags.
 */
import type { BaseMessage } from "@langchain/core/messages";

/** Either may be `""`. */
export interface SplitAnswer {
  readonly reasoning: string;
  readonly text: string;
}

export interface ThinkOptions {
  /**
   * Whether the answer begins inside the thoughts. R1's chat template ends with `<think>`, so that some servers' answers have the closing
   * tag alone. Default `false`; a whole answer that has only the closing tag is read so in any case.
   */
  readonly startsInside?: boolean | undefined;
}

const OPEN = "<think>";
const CLOSE = "</think>";

/** Takes an answer apart while it comes. */
export interface ThinkSplitter {
  /** What can be told apart now; the rest, such as half a tag, comes later. */
  push(piece: string): SplitAnswer;
  /** What was held back. Thoughts that were never closed stay thoughts. */
  end(): SplitAnswer;
}

/** @example `for await (const piece of stream) { const { reasoning, text } = splitter.push(piece); }` */
export function thinkSplitter({ startsInside = false }: ThinkOptions = {}): ThinkSplitter {
  let state: "start" | "thinking" | "answer-begins" | "answer" = startsInside ? "thinking" : "start";
  let held = "";
  let isFirstThought = true;

  function step(isEnd: boolean): SplitAnswer {
    let [reasoning, text] = ["", ""];
    if (state === "start") {
      const begin = held.trimStart();
      if (begin.startsWith(OPEN)) {
        state = "thinking";
        held = begin.slice(OPEN.length);
      } else if (!isEnd && OPEN.startsWith(begin)) {
        return { reasoning, text };
      } else {
        state = "answer";
      }
    }
    if (state === "thinking") {
      const end = held.indexOf(CLOSE);
      const ready = end >= 0 ? end : held.length - (isEnd ? 0 : unsure(held));
      reasoning = held.slice(0, ready);
      if (isFirstThought) reasoning = reasoning.trimStart();
      isFirstThought &&= reasoning === "";
      held = end >= 0 ? held.slice(end + CLOSE.length) : held.slice(ready);
      if (end >= 0) state = "answer-begins";
    }
    if (state === "answer-begins") {
      // The line breaks between thoughts and answer belong to neither.
      held = held.trimStart();
      if (held !== "") state = "answer";
    }
    if (state === "answer") {
      text = held;
      held = "";
    }
    return { reasoning, text };
  }

  return {
    push(piece) {
      held += piece;
      return step(false);
    },
    end: () => step(true),
  };
}

/**
 * Takes a whole answer apart: a text, or a message, whose thoughts may also lie where LangChain's integrations put them
 * (`additional_kwargs.reasoning_content`, blocks of reasoning in its content).
 */
export function splitThinking(answer: string | BaseMessage, options: ThinkOptions = {}): SplitAnswer {
  if (typeof answer !== "string") return splitMessage(answer, options);
  const close = answer.indexOf(CLOSE);
  const open = answer.indexOf(OPEN);
  const startsInside = options.startsInside ?? (close >= 0 && (open < 0 || open > close));
  const splitter = thinkSplitter({ startsInside });
  const parts = [splitter.push(answer), splitter.end()];
  return {
    reasoning: parts
      .map((part) => part.reasoning)
      .join("")
      .trimEnd(),
    text: parts.map((part) => part.text).join(""),
  };
}

function splitMessage({ content, additional_kwargs: kwargs }: BaseMessage, options: ThinkOptions): SplitAnswer {
  const blocks = typeof content === "string" ? [{ type: "text", text: content }] : (content as readonly Block[]);
  const said = blocks.map(({ type, text }) => (type === "text" ? (text ?? "") : "")).join("");
  const thought = blocks.map(({ type, reasoning, thinking }) =>
    type === "reasoning" || type === "thinking" ? (reasoning ?? thinking ?? "") : "",
  );
  const aside: unknown = kwargs["reasoning_content"];
  const known = [thought.join(""), typeof aside === "string" ? aside : ""].find((text) => text !== "");
  if (known !== undefined) return { reasoning: known, text: said };
  return splitThinking(said, options);
}

interface Block {
  readonly type: string;
  readonly text?: string;
  readonly reasoning?: string;
  readonly thinking?: string;
}

/** How many characters at the end may be the beginning of the closing tag. */
function unsure(text: string): number {
  for (let length = Math.min(CLOSE.length - 1, text.length); length > 0; length--) {
    if (CLOSE.startsWith(text.slice(-length))) return length;
  }
  return 0;
}
