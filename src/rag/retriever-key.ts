/** What the result of a retriever depends on, besides the question. */
import type { BaseRetrieverInterface } from "@langchain/core/retrievers";
import type { RunnableConfig } from "@langchain/core/runnables";
import { StrataError } from "../core/errors.ts";
import { toPlain, type Json } from "../core/plain.ts";

/** The settings of LangChain's own retrievers that change what they find. */
const SETTINGS = ["k", "filter", "searchType", "searchKwargs"];

/**
 * The settings of a retriever, as data.
 * @throws {@link StrataError} `UNSTORABLE` for a setting that is none, such as a filter that is a function
 */
export function settingsOf(retriever: BaseRetrieverInterface): Json {
  const all = retriever as unknown as Readonly<Record<string, unknown>>;
  const settings = SETTINGS.filter((name) => all[name] !== undefined).map((name) => [name, all[name]]);
  return toPlain([retriever.getName(), settings], "retriever");
}

/**
 * What the caller's configuration says that a retriever could read: a user, a tenant, a filter. The bookkeeping of graphs is left
 * out, which is another in every call; a thread is not: memory is read by it.
 * @throws {@link StrataError} `UNSTORABLE` for what is no data, so that nothing is known of what the result depends on
 */
export function configurableOf(config: RunnableConfig): Json {
  const entries = Object.entries(config.configurable ?? {}).filter(
    ([name, value]) => value !== undefined && name !== "strata" && !name.startsWith("__") && !name.startsWith("checkpoint_"),
  );
  return toPlain(
    entries.toSorted(([a], [b]) => (a < b ? -1 : 1)),
    "configurable",
  );
}

/** Whether something cannot be written down, as opposed to having gone wrong. */
export function isUnstorable(error: unknown): boolean {
  return StrataError.isInstance(error) && error.code === "UNSTORABLE";
}
