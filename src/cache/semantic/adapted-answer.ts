/** The stored answer to another question, with another text. */
import type { UsageMetadata } from "@langchain/core/messages";
import type { Json } from "../../core/plain.ts";
import type { StoredAnswer, StoredMessage } from "../response-codec.ts";
import { REASONING_KEYS } from "../model/stream-replay.ts";
import type { AdaptedAnswer } from "./adapter.ts";

type JsonObject = { readonly [key: string]: Json };

/**
 * What the model thought about the other question goes: it is not how this answer came to be. What rewriting used is taken off what
 * the hit saved.
 */
export function adaptedAnswer(original: StoredAnswer, { text, usage }: AdaptedAnswer): StoredAnswer {
  const [first] = original;
  if (first?.message === undefined) return [{ text, ...(first?.info && { info: first.info }) }];
  const { additional_kwargs: kwargs = {}, usage_metadata: used, response_metadata, chunk, name } = first.message;
  const kept = Object.entries(kwargs).filter(([key]) => !REASONING_KEYS.includes(key) && key !== "tool_calls");
  const message: StoredMessage = {
    ...{ content: text, response_metadata },
    ...(chunk && { chunk }),
    ...(name !== undefined && { name }),
    ...(kept.length > 0 && { additional_kwargs: Object.fromEntries(kept) }),
    ...(used && { usage_metadata: less(used, usage) }),
  };
  return [{ message, ...(first.info && { info: first.info }) }];
}

const COUNTS = ["input_tokens", "output_tokens", "total_tokens"] as const;

function less(used: JsonObject, usage: Partial<UsageMetadata> | undefined): JsonObject {
  const left: Record<string, Json> = {};
  for (const name of COUNTS) {
    const count = used[name];
    if (typeof count === "number") left[name] = Math.max(0, count - (usage?.[name] ?? 0));
  }
  return left;
}
