/** What the result of a retriever depends on, besides the question. */
import type { BaseRetrieverInterface } from "@langchain/core/retrievers";
import type { RunnableConfig } from "@langchain/core/runnables";
import { StrataError } from "../core/errors.ts";
import { objectId } from "../core/object-id.ts";
import { toPlain, type Json } from "../core/plain.ts";
import { retrievalIdentity } from "../core/retrieval-identity.ts";

/** The settings of LangChain's own retrievers that change what they find, and of `scoredRetriever`. */
const SETTINGS = ["k", "filter", "searchType", "searchKwargs", "scoreKey"];

export interface AskedRetriever {
  readonly retriever: BaseRetrieverInterface;
  /** What the user says that it is. */
  readonly name: string | undefined;
  /** Whether the user says what it depends on besides, so that a setting that is no data is no obstacle. */
  readonly isExplained: boolean;
  /** Of the call, as the retriever itself will see it. */
  readonly config: RunnableConfig;
}

/**
 * What tells the retriever's results from those of every other one. One of ours says itself what it searches, for whom and how. Any other
 * shows neither the index behind it nor what it was made with: unless the user names it, it is told apart from all others by the object.
 * @throws {@link StrataError} `UNSTORABLE` for a setting that is no data, such as a filter that is a function; whatever one of ours
 * throws where it would refuse the call
 */
export async function identityOf({ retriever, name, isExplained, config }: AskedRetriever): Promise<Json> {
  const own = retrievalIdentity(retriever);
  const asked = own === undefined ? settingsOf(retriever, isExplained) : own.asked(config);
  const index = name === undefined ? ["is", own === undefined ? objectId(retriever) : await own.index()] : ["named", name];
  return toPlain([retriever.getName(), index, asked], "retriever");
}

function settingsOf(retriever: BaseRetrieverInterface, isExplained: boolean): Json {
  const all = retriever as unknown as Readonly<Record<string, unknown>>;
  const settings: Json[] = [];
  for (const name of SETTINGS) {
    try {
      if (all[name] !== undefined) settings.push([name, toPlain(all[name], `retriever.${name}`)]);
    } catch (error) {
      if (!isExplained || !isUnstorable(error)) throw error;
    }
  }
  return settings;
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
