import type { CallbackManagerForRetrieverRun } from "@langchain/core/callbacks/manager";
import type { Document } from "@langchain/core/documents";
import { BaseRetriever } from "@langchain/core/retrievers";
import { ensureConfig, type RunnableConfig } from "@langchain/core/runnables";
import { offerIdentity, type RetrievalIdentity } from "../core/retrieval-identity.ts";

/** Finds documents for one call, which knows its configuration. */
export type FindDocuments<M extends Record<string, unknown>> = (query: string, config: RunnableConfig) => Promise<Document<M>[]>;

/**
 * A retriever whose search sees the call's configuration, which LangChain does not hand to retrievers: whose documents, which signal.
 * @param identity all that its results depend on besides the question, for whoever keeps them
 */
export function documentRetriever<M extends Record<string, unknown>>(
  find: FindDocuments<M>,
  identity: RetrievalIdentity,
): BaseRetriever<M> {
  const retriever = new DocumentRetriever(find);
  offerIdentity(retriever, identity);
  return retriever;
}

class DocumentRetriever<M extends Record<string, unknown>> extends BaseRetriever<M> {
  static override lc_name(): string {
    return "DocumentRetriever";
  }

  override lc_namespace: string[] = ["langchain_strata", "rag"];
  readonly #find: FindDocuments<M>;

  constructor(find: FindDocuments<M>) {
    super();
    this.#find = find;
  }

  override async invoke(input: string, options?: Partial<RunnableConfig>): Promise<Document<M>[]> {
    const config = ensureConfig(options);
    // One call's own retriever, so that LangChain's callbacks see it and calls that overlap share no field.
    return new OneCall(this, (query) => this.#find(query, config)).invoke(input, options);
  }

  override _getRelevantDocuments(query: string): Promise<Document<M>[]> {
    return this.#find(query, {});
  }
}

type BoundFind<M extends Record<string, unknown>> = (
  query: string,
  run?: CallbackManagerForRetrieverRun,
) => Promise<Document<M>[]>;

/** One call of `invoke`: the plain `invoke` of LangChain, with its callbacks, over a search that is bound to its configuration. */
export class OneCall<M extends Record<string, unknown>> extends BaseRetriever<M> {
  override lc_namespace: string[];
  readonly #name: string;
  readonly #find: BoundFind<M>;

  constructor(of: BaseRetriever<M>, find: BoundFind<M>) {
    const { callbacks, tags, metadata, verbose } = of;
    super({
      ...(callbacks !== undefined && { callbacks }),
      ...(tags !== undefined && { tags }),
      ...(metadata !== undefined && { metadata }),
      ...(verbose !== undefined && { verbose }),
    });
    this.lc_namespace = of.lc_namespace;
    this.#name = of.getName();
    this.#find = find;
  }

  override getName(): string {
    return this.#name;
  }

  override _getRelevantDocuments(query: string, run?: CallbackManagerForRetrieverRun): Promise<Document<M>[]> {
    return this.#find(query, run);
  }
}
