/** How LangChain's stores filter by metadata: no two do it alike. Names in filters were checked: letters, digits, `_` and `-`. */
import type { VectorStoreInterface } from "@langchain/core/vectorstores";
import type { VectorFilter } from "../vector-index.ts";

export interface VectorStoreDialect {
  /** Whether adding replaces what has the same id; otherwise it is removed first. */
  readonly replaces?: boolean | undefined;
  /**
   * The filter, as the store's `similaritySearchVectorWithScore` takes it, for records whose metadata has `strata_partition`, one of the
   * ids as `strata_id`, and the tag in the list `strata_tags`; each as far as it is given.
   */
  filter(conditions: VectorFilter): unknown;
  /** Removes by the ids of the store, where its `delete({ ids })` does not. */
  remove?(store: VectorStoreInterface, ids: readonly string[]): Promise<void>;
}

export type VectorStoreDialectName = "memory" | "pgvector" | "qdrant";

interface MemoryRow {
  readonly id?: string;
}

interface StoredDocument {
  readonly metadata: Readonly<Record<string, unknown>>;
}

export const VECTOR_STORE_DIALECTS: Readonly<Record<VectorStoreDialectName, VectorStoreDialect>> = {
  /** MemoryVectorStore filters by a function and removes nothing; its rows are a public array. */
  memory: {
    filter:
      ({ partition, ids, tag }) =>
      ({ metadata }: StoredDocument) =>
        (partition === undefined || metadata["strata_partition"] === partition) &&
        (ids === undefined || ids.includes(metadata["strata_id"] as string)) &&
        (tag === undefined || (metadata["strata_tags"] as readonly string[] | undefined)?.includes(tag) === true),
    async remove(store, ids) {
      const gone = new Set<string | undefined>(ids);
      const held = store as unknown as { memoryVectors: MemoryRow[] };
      held.memoryVectors = held.memoryVectors.filter(({ id }) => id === undefined || !gone.has(id));
    },
  },
  /** PGVectorStore: equality, `in` and `arrayContains` on the keys of a JSON column. */
  pgvector: {
    filter: ({ partition, ids, tag }) => ({
      ...(partition !== undefined && { strata_partition: partition }),
      ...(ids !== undefined && { strata_id: { in: ids } }),
      ...(tag !== undefined && { strata_tags: { arrayContains: [tag] } }),
    }),
  },
  /** Qdrant: conditions on paths in the payload, under which LangChain keeps metadata as `metadata`; a list matches by any element. */
  qdrant: {
    replaces: true,
    filter: ({ partition, ids, tag }) => ({
      must: [
        ...(partition === undefined ? [] : [{ key: "metadata.strata_partition", match: { value: partition } }]),
        ...(ids === undefined ? [] : [{ key: "metadata.strata_id", match: { any: ids } }]),
        ...(tag === undefined ? [] : [{ key: "metadata.strata_tags", match: { value: tag } }]),
      ],
    }),
  },
};
