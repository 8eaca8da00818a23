/** Warming up: asking a model ahead of time what people are going to ask, through the cache. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { Runnable, RunnableLambda } from "@langchain/core/runnables";
import { AsyncLocalStorageProviderSingleton } from "@langchain/core/singletons";
import { StrataConfigError } from "../core/errors.ts";
import { parseFunction, parseCount, refuseUnknown } from "../core/options.ts";
import { runnableCacher } from "./model/cached-model.ts";
import { hitOf } from "./response-codec.ts";
import type { TieredCache } from "./tiered-cache.ts";

export interface WarmOptions {
  /**
   * What the questions are put to, as people's questions will be: the model that has this cache in its `cache` field, the one from
   * `cacheModel`, or a chain with either inside. A model without a cache is given this one, as by `cacheModel`.
   */
  readonly model: BaseChatModel | Runnable<string>;
  /** Asks also what the cache has an answer to, and stores the new one: before the old one runs out. Default `false`. */
  readonly refresh?: boolean | undefined;
  /** Questions under way at the same time; default 4. */
  readonly concurrency?: number | undefined;
  /** Stops the work; what is done stays, and the report says so. */
  readonly signal?: AbortSignal | undefined;
  /** Told after each question. */
  readonly onProgress?: ((progress: WarmProgress) => void) | undefined;
}

export interface WarmProgress {
  /** Questions done, failed ones included. */
  readonly done: number;
  /** How many there are in all; `undefined` when they come from a stream. */
  readonly total: number | undefined;
  /** Answers that the cache had. */
  readonly hits: number;
  /** Answers that the model gave, and that are in the cache now if they were worth keeping. */
  readonly filled: number;
  /** Questions that failed. */
  readonly failed: number;
}

export interface WarmReport extends Omit<WarmProgress, "failed" | "total"> {
  /** What failed, and why. */
  readonly failed: readonly { readonly query: string; readonly error: unknown }[];
  /** Whether the signal ended it before the last question. */
  readonly stopped: boolean;
  readonly ms: number;
}

/** The work of `TieredCache.warm`. @param now monotonic milliseconds */
export async function warmCache(
  cache: TieredCache,
  queries: Iterable<string> | AsyncIterable<string>,
  options: WarmOptions,
  now: () => number,
): Promise<WarmReport> {
  refuseUnknown("warm", options, ["model", "refresh", "concurrency", "signal", "onProgress"]);
  const { signal } = options;
  const isMany =
    typeof queries === "object" && queries !== null && (Symbol.asyncIterator in queries || Symbol.iterator in queries);
  // A text alone is a list of its letters, each of which would be asked and paid.
  if (!isMany) throw new StrataConfigError("warm.queries", queries, "a list or a stream of questions");
  if (!Runnable.isRunnable(options.model)) throw new StrataConfigError("warm.model", options.model, "a chat model or a chain");
  const onProgress = parseFunction("warm.onProgress", options.onProgress);
  const concurrency = parseCount("warm.concurrency", options.concurrency ?? 4);
  const model = options.refresh === true ? refreshing(withCache(options.model, cache)) : withCache(options.model, cache);
  const startedAt = now();
  const total = Array.isArray(queries) ? queries.length : undefined;
  const failed: { query: string; error: unknown }[] = [];
  let [hits, filled] = [0, 0];

  async function ask(query: string): Promise<void> {
    try {
      const answer = (await model.invoke(query, signal === undefined ? {} : { signal })) as Parameters<typeof hitOf>[0];
      if (hitOf(answer) === undefined) filled++;
      else hits++;
    } catch (error) {
      if (signal?.aborted === true) return;
      failed.push({ query, error });
    }
    onProgress?.({ done: hits + filled + failed.length, total, hits, filled, failed: failed.length });
  }

  // One iterator, from which every worker takes the next question when it is free: a stream of them is never read ahead.
  const questions = Symbol.asyncIterator in queries ? queries[Symbol.asyncIterator]() : queries[Symbol.iterator]();
  let taking: Promise<unknown> = Promise.resolve();
  let ended = false;
  async function take(): Promise<string | undefined> {
    const next = taking.then(async () => (ended || signal?.aborted === true ? undefined : questions.next()));
    taking = next.catch(() => undefined);
    const result = await next;
    if (result === undefined || result.done === true) {
      ended ||= result !== undefined;
      return undefined;
    }
    return result.value;
  }
  async function work(): Promise<void> {
    try {
      for (let query = await take(); query !== undefined; query = await take()) await ask(query);
    } catch (error) {
      // The caller is told of the end, so nobody goes on asking behind its back.
      ended = true;
      throw error;
    }
  }
  await Promise.all(Array.from({ length: concurrency }, work));
  if (!ended) await questions.return?.();
  return { done: hits + filled + failed.length, hits, filled, failed, stopped: !ended, ms: now() - startedAt };
}

/** A model that this cache already serves is asked as it is, so that its questions and people's have the same keys. */
function withCache(model: WarmOptions["model"], cache: TieredCache): Runnable {
  if ((model as { cache?: unknown }).cache === cache) return model as Runnable;
  return runnableCacher({ cache })(model, new Set()) as Runnable;
}

/** A bare model hands its configuration to no cache; what is run within a lambda has it known (see `call-control.ts`). */
function refreshing(model: Runnable): Runnable {
  AsyncLocalStorageProviderSingleton.initializeGlobalInstance(new AsyncLocalStorage());
  return RunnableLambda.from((query: string, config) => model.invoke(query, config)).withConfig({
    configurable: { strata: { refresh: true } },
  });
}
