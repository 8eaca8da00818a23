import { join } from "node:path";
import { pgClient } from "../../clients/pg.ts";
import { pgPoolClient } from "../../clients/pg-pool.ts";
import { pgliteClient } from "../../clients/pglite.ts";
import type { SqlClient } from "../../clients/sql.ts";
import type { Observer } from "../../core/events.ts";
import type { EncryptionOptions } from "../../encryption/key-ring.ts";
import { ConversationStore } from "../../history/conversation-store.ts";
import { AdaptiveMemoryRetriever } from "../../memory/memory-retriever.ts";
import { namedUnder } from "../config/named-under.ts";
import type { CheckedConfig } from "../config/read-config.ts";
import type { EmbeddingsPart } from "./embeddings.ts";

/** PostgreSQL where it is given, else PGlite in the data folder: both are opened at their first statement. */
export function sqlPart({ postgres, data }: CheckedConfig): SqlClient {
  if (typeof postgres === "string") return pgPoolClient(postgres);
  return postgres === undefined ? pgliteClient({ path: join(data, "history") }) : pgClient(postgres);
}

/** Conversations that are kept. */
export function conversationsPart(
  { history = {}, redis, clock, random }: CheckedConfig,
  sql: SqlClient,
  observer: Observer | undefined,
  encryption: EncryptionOptions | undefined,
): ConversationStore {
  const { durability, prefix } = history;
  const options = { sql, redis, durability, prefix, encryption, observer, clock, random };
  return namedUnder("history", () => new ConversationStore(options), { hybridLog: "" });
}

/** What was said is found again. */
export function memoryPart(
  { memory, clock, random }: CheckedConfig,
  store: ConversationStore,
  { embeddings, model }: EmbeddingsPart,
  observer: Observer | undefined,
): AdaptiveMemoryRetriever {
  const options = { ...memory, store, embeddings, embeddingModel: model, observer, clock, random };
  return namedUnder("memory", () => new AdaptiveMemoryRetriever(options));
}
