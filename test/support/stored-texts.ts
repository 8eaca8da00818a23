import type { DocumentStore } from "../../src/rag/document-store.ts";

/** The texts of documents about zebras, lions and giraffes by their ids, as a search gives them. */
export async function texts(store: DocumentStore): Promise<Record<string, string>> {
  const found = await store.search("zebra lion giraffe", { k: 50 });
  return Object.fromEntries(found.map(({ pageContent, metadata }) => [metadata.documentId, pageContent]));
}
