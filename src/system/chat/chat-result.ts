/** What one call of `chat()` gives, and how it comes in pieces. */
import type { DocumentInterface } from "@langchain/core/documents";
import type { AIMessage } from "@langchain/core/messages";
import type { HitMetadata } from "../../cache/response-codec.ts";

export interface ChatResult {
  readonly text: string;
  /** What a reasoning model thought, where it told; `""` otherwise. */
  readonly reasoning: string;
  /** Whether the answer came from the cache: the chat model was not asked. An adapted one was rewritten by the `adapt` of the config. */
  readonly cached: boolean;
  /** Who answered: the model, or which kind of hit. */
  readonly source: "model" | HitMetadata["source"];
  readonly timings: ChatTimings;
  readonly savings: ChatSavings;
  /** What was found and given to the model, with `useContext`. */
  readonly documents?: readonly DocumentInterface[];
  /** Of a hit, for `strata.cache.feedback()`. */
  readonly hitId?: string;
  /** The tier that had the answer. */
  readonly tier?: string;
  /**
   * What failed and was passed over: the conversation did not go along (`"load"`) or was not added to (`"save"`), nothing was recalled
   * (`"recall"`). An event tells why.
   */
  readonly degraded?: readonly ChatFailure[];
  /** The model's message itself. */
  readonly message: AIMessage;
}

export type ChatFailure = "load" | "save" | "recall";

/** Milliseconds. */
export interface ChatTimings {
  /** The whole call. */
  readonly total: number;
  /** Finding and fitting documents. */
  readonly context: number;
  /** Reading the conversation and recalling. */
  readonly memory: number;
  /** The answer: the lookup, and the model where it was asked. */
  readonly answer: number;
  /** Keeping question and answer. */
  readonly store: number;
}

/** What a hit saved, as the provider counted when the answer was made, less what adapting used; zeros when the model was asked. */
export interface ChatSavings {
  readonly tokens: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export type ChatEvent =
  | { readonly type: "reasoning"; readonly text: string }
  | { readonly type: "text"; readonly text: string }
  /** The last one. */
  | { readonly type: "end"; readonly result: ChatResult };

export const NO_SAVINGS: ChatSavings = { tokens: 0, inputTokens: 0, outputTokens: 0 };

export function savingsOf({ savedUsage }: HitMetadata): ChatSavings {
  const { total_tokens: tokens = 0, input_tokens: inputTokens = 0, output_tokens: outputTokens = 0 } = savedUsage;
  return { tokens, inputTokens, outputTokens };
}
