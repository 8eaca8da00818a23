import { Document } from "@langchain/core/documents";
import type { CallbackManagerForRetrieverRun } from "@langchain/core/callbacks/manager";
import { BaseRetriever } from "@langchain/core/retrievers";
import { StrataConfigError } from "../core/errors.ts";
import { parseCount, refuseUnknown } from "../core/options.ts";

/** What is asked of a LangChain vector store. */
export interface ScoringStore {
  similaritySearchWithScore(query: string, k?: number, filter?: never): Promise<readonly (readonly [Document, number])[]>;
}

export interface ScoredRetrieverOptions {
  /** Documents to find; default 50, for a compressor to choose from. */
  readonly k?: number | undefined;
  /** Handed to the store as it is. */
  readonly filter?: unknown;
  /** Where the score goes in the metadata; default `"score"`. */
  readonly scoreKey?: string | undefined;
}

/**
 * A retriever over a vector store that keeps what the store's own retriever drops: the scores, in `metadata.score`, similarities or
 * distances as the store gives them. The adaptive policy and `fusion: { method: "score" }` live on them.
 * @throws {@link StrataConfigError} naming the option
 */
export function scoredRetriever(store: ScoringStore, options: ScoredRetrieverOptions = {}): BaseRetriever {
  refuseUnknown("scoredRetriever", options, ["k", "filter", "scoreKey"]);
  if (typeof (store as Partial<ScoringStore> | undefined)?.similaritySearchWithScore !== "function") {
    throw new StrataConfigError("store", store, "a vector store with similaritySearchWithScore()");
  }
  const { filter, scoreKey = "score" } = options;
  if (typeof scoreKey !== "string" || scoreKey === "")
    throw new StrataConfigError("scoreKey", scoreKey, "a text that is not empty");
  return new ScoredRetriever(store, parseCount("k", options.k ?? 50), filter, scoreKey);
}

class ScoredRetriever extends BaseRetriever {
  override lc_namespace: string[] = ["langchain-strata", "rerank"];
  readonly #store: ScoringStore;
  /** Public, as on LangChain's own retrievers: what caches results reads them. */
  readonly k: number;
  readonly filter: unknown;
  readonly scoreKey: string;

  constructor(store: ScoringStore, k: number, filter: unknown, scoreKey: string) {
    super();
    this.#store = store;
    this.k = k;
    this.filter = filter;
    this.scoreKey = scoreKey;
  }

  static override lc_name(): string {
    return "ScoredRetriever";
  }

  override async _getRelevantDocuments(query: string, _run?: CallbackManagerForRetrieverRun): Promise<Document[]> {
    const found = await this.#store.similaritySearchWithScore(query, this.k, this.filter as never);
    return found.map(([{ pageContent, metadata, id }, score]) => {
      return new Document({ pageContent, metadata: { ...metadata, [this.scoreKey]: score }, ...(id !== undefined && { id }) });
    });
  }
}
