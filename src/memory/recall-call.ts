import type { CallbackManagerForRetrieverRun } from "@langchain/core/callbacks/manager";
import type { Document } from "@langchain/core/documents";
import { BaseRetriever } from "@langchain/core/retrievers";
import type { MemoryMetadata, Recall } from "./recall.ts";

/** One call of `invoke`, so that LangChain's callbacks see a retriever and the scope stays with the call. */
export class RecallCall extends BaseRetriever<MemoryMetadata> {
  static override lc_name(): string {
    return "AdaptiveMemoryRetriever";
  }

  override lc_namespace: string[] = ["langchain_strata", "memory"];
  readonly #find: (query: string) => Promise<Recall>;

  constructor(find: (query: string) => Promise<Recall>, retriever: BaseRetriever<MemoryMetadata>) {
    const { callbacks, tags, metadata, verbose } = retriever;
    super({
      ...(callbacks !== undefined && { callbacks }),
      ...(tags !== undefined && { tags }),
      ...(metadata !== undefined && { metadata }),
      ...(verbose !== undefined && { verbose }),
    });
    this.#find = find;
  }

  override async _getRelevantDocuments(
    query: string,
    _run?: CallbackManagerForRetrieverRun,
  ): Promise<Document<MemoryMetadata>[]> {
    return (await this.#find(query)).documents;
  }
}
