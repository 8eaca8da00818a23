import type { AIMessageChunk } from "@langchain/core/messages";
import { splitThinking, thinkSplitter } from "../../prompts/thinking.ts";
import type { ChatEvent } from "./chat-result.ts";

/** Takes a stream apart into thoughts and text, wherever the provider puts the thoughts: aside, in blocks, or in tags. */
export class AnswerPieces {
  readonly #splitter = thinkSplitter();

  *push(chunk: AIMessageChunk): Generator<ChatEvent> {
    // Of a piece, only what lies apart from the text can be told at once; its text may be half a tag.
    const aside =
      typeof chunk.content === "string" && chunk.additional_kwargs["reasoning_content"] === undefined
        ? ""
        : splitThinking(chunk).reasoning;
    if (aside !== "") yield { type: "reasoning", text: aside };
    if (chunk.text !== "") yield* events(this.#splitter.push(chunk.text));
  }

  *end(): Generator<ChatEvent> {
    yield* events(this.#splitter.end());
  }
}

function* events({ reasoning, text }: { readonly reasoning: string; readonly text: string }): Generator<ChatEvent> {
  if (reasoning !== "") yield { type: "reasoning", text: reasoning };
  if (text !== "") yield { type: "text", text };
}
