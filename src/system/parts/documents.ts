import { join } from "node:path";
import type { SqlClient } from "../../clients/sql.ts";
import type { Observer } from "../../core/events.ts";
import { DocumentStore } from "../../rag/document-store.ts";
import { pgvectorIndex } from "../../vectors/indexes/pgvector.ts";
import type { CheckedConfig } from "../config/read-config.ts";
import type { EmbeddingsPart } from "./embeddings.ts";

/** Documents in PostgreSQL with pgvector where it is given, for all processes; else in the data folder. */
export function documentsPart(
  { data, clock, random }: CheckedConfig,
  { embeddings, model }: EmbeddingsPart,
  sql: SqlClient | undefined,
  observer: Observer | undefined,
): DocumentStore {
  const place =
    sql === undefined
      ? { path: join(data, "documents") }
      : { sql, index: pgvectorIndex({ sql, table: "strata_document_vectors" }) };
  return new DocumentStore({ ...place, embeddings, model, observer, clock, random });
}
