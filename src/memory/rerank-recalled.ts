/** The order that a compressor gives to what was found; one that fails or is too slow leaves it as it was. */
import { Document } from "@langchain/core/documents";
import type { BaseDocumentCompressor } from "@langchain/core/retrievers/document_compressors";
import type { Guard } from "../core/guard.ts";
import type { Degradation, MemoryMetadata } from "./recall.ts";

export interface RerankRequest {
  readonly query: string;
  readonly signal?: AbortSignal | undefined;
  readonly onError: (error: unknown) => void;
}

export interface Reranked {
  readonly documents: Document<MemoryMetadata>[];
  readonly degraded: readonly Degradation[];
}

/** Rejects only when the caller's signal aborts. */
export async function rerankRecalled(
  documents: Document<MemoryMetadata>[],
  compressor: BaseDocumentCompressor | undefined,
  guard: Guard,
  { query, signal, onError }: RerankRequest,
): Promise<Reranked> {
  if (compressor === undefined || documents.length < 2 || query.trim() === "") return { documents, degraded: [] };
  try {
    const given = documents.map(copyOf);
    const ordered = await guard.run(() => compressor.compressDocuments(given, query), { signal });
    return { documents: ordered as Document<MemoryMetadata>[], degraded: [] };
  } catch (error) {
    signal?.throwIfAborted();
    onError(error);
    return { documents, degraded: ["rerank"] };
  }
}

/** So that nobody changes what is kept for the next one. */
export function copyOf({ id, pageContent, metadata }: Document<MemoryMetadata>): Document<MemoryMetadata> {
  return new Document({ ...(id !== undefined && { id }), pageContent, metadata: structuredClone(metadata) });
}
