import { createMiddleware } from "langchain";
import { AIMessage, type BaseMessage } from "@langchain/core/messages";
import { runnableCacher, type CacheModelOptions } from "../cache/model/cached-model.ts";
import type { PlainMiddleware } from "./plain-middleware.ts";

/** The options of `cacheModel`. */
export type ResponseCacheOptions = CacheModelOptions;

/**
 * Caches the model calls of an agent made with `createAgent`.
 *
 * The agent's model is swapped for a cached one, call by call, and everything else is left to the agent: tracing, streamed tokens
 * and reasoning, structured responses, tools. Inside an agent a cache in the model's own `cache` field is of little use:
 * LangGraph puts what differs from call to call among the options that LangChain makes the key of.
 *
 * Put it last among the middlewares that change the request (prompts, summaries, models), so that it sees what the model is asked.
 * @throws {@link StrataConfigError} naming the option, the value and what is accepted
 * @example
 * ```ts
 * const agent = createAgent({ model, tools, middleware: [responseCacheMiddleware({ cache })] });
 * ```
 */
export function responseCacheMiddleware(options: ResponseCacheOptions): PlainMiddleware {
  const cache = runnableCacher(options);
  return createMiddleware({
    name: "ResponseCacheMiddleware",
    // All messages of the thread count, also those that another middleware has left out of the request: the agent takes a tool
    // call for carried out when some message of the thread answers its id.
    wrapModelCall: (request, handler) =>
      handler({ ...request, model: cache(request.model, toolCallIds(request.state.messages)) }),
  });
}

function toolCallIds(messages: readonly BaseMessage[]): ReadonlySet<string> {
  const calls = messages.flatMap((message) => (AIMessage.isInstance(message) ? (message.tool_calls ?? []) : []));
  return new Set(calls.flatMap(({ id }) => id ?? []));
}
