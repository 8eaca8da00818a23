/**
 * Fills `strata_message_embeddings` with what is missing of one model: the first time everything, later what came since, and after a
 * change of the model everything anew. Never part of an append.
 *
 * One pass in the order of the primary key. A vector is stored only if the message still has the text that it was made of, so that a
 * correction or removal meanwhile wins; it goes with its message, whoever removes that.
 */
import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import { waitOrAbort, type CallOptions } from "../../core/abort.ts";
import { StrataConfigError, StrataError } from "../../core/errors.ts";
import { parseCount, refuseUnknown } from "../../core/options.ts";
import { migrate } from "../../clients/migrate.ts";
import type { SqlClient } from "../../clients/sql.ts";
import type { Digest } from "../../core/key.ts";
import { acceptOwner } from "../accept.ts";
import { ownerKey } from "../conversation-key.ts";
import { historyTables, type HistoryTables, type HistoryTablesOptions } from "./history-tables.ts";
import { EMBEDDING_MIGRATIONS } from "./schema.ts";

export interface EmbedMessagesOptions extends Pick<HistoryTablesOptions, "sql">, CallOptions {
  readonly embeddings: EmbeddingsInterface;
  /** Tells vectors of different models apart: vectors of another one are never taken for this one's. */
  readonly model: string;
  /** Only messages of this owner; default of all. */
  readonly ownerId?: string | undefined;
  /** Removes the vectors of all other models when every message has one of this; default `false`. */
  readonly replace?: boolean | undefined;
  /** Messages that are embedded and stored at once; default 64. */
  readonly batch?: number | undefined;
  /** Told after each batch, with the number of vectors stored so far. */
  readonly onProgress?: ((stored: number) => void) | undefined;
}

const BATCH = 64;
/** What a model reads of a text; most read less. */
const LONGEST = 8_192;

const missing = (condition: string): string => `
  SELECT m.conversation_id, m.seq, left(m.text, ${LONGEST}) AS text FROM strata_messages m
  WHERE (m.conversation_id, m.seq) > ($2::bigint, $3::bigint) AND m.text <> '' AND NOT EXISTS (
    SELECT FROM strata_message_embeddings e WHERE e.conversation_id = m.conversation_id AND e.seq = m.seq AND e.model = $1)
    ${condition}
  ORDER BY m.conversation_id, m.seq LIMIT $4::bigint`;

const SOME = (condition: string): string =>
  `AND m.conversation_id = any(array(SELECT id FROM strata_conversations WHERE ${condition}))`;
const MISSING = {
  all: missing(""),
  owner: missing(SOME("owner_key = $5")),
  conversations: missing(SOME("key = any($5::text[])")),
};

const STORE = `
  WITH added AS (
    INSERT INTO strata_message_embeddings (conversation_id, seq, model, owner_key, embedding)
    SELECT m.conversation_id, m.seq, $1, c.owner_key, v.embedding::vector
    FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[]) AS v (conversation_id, seq, text, embedding)
      JOIN strata_messages m USING (conversation_id, seq) JOIN strata_conversations c ON c.id = m.conversation_id
    WHERE left(m.text, ${LONGEST}) = v.text
    FOR KEY SHARE OF m
    ON CONFLICT DO NOTHING RETURNING 1
  )
  SELECT count(*) AS added FROM added`;

/**
 * Embeds the messages that have no vector of the model.
 * @returns how many vectors were stored
 * @throws {@link StrataConfigError} naming the option; {@link StrataError} `UNAVAILABLE` where the extension `vector` is missing;
 * what the embeddings throw, after whole batches: another call goes on from there
 * @example
 * ```ts
 * await embedMessages({ sql: pgClient(pool), embeddings, model: "text-embedding-3-small" });
 * ```
 */
export async function embedMessages(options: EmbedMessagesOptions): Promise<number> {
  refuseUnknown("embedMessages", options, ["sql", "embeddings", "model", "ownerId", "replace", "batch", "signal", "onProgress"]);
  const { embeddings, model, ownerId, replace = false, signal, onProgress } = options;
  if (typeof embeddings?.embedDocuments !== "function") {
    throw new StrataConfigError("embedMessages.embeddings", embeddings, "embeddings of LangChain");
  }
  if (typeof model !== "string" || model === "") throw new StrataConfigError("embedMessages.model", model, "a name");
  if (ownerId !== undefined) acceptOwner(ownerId);
  if (ownerId !== undefined && replace)
    throw new StrataConfigError("embedMessages.replace", replace, "nothing, with an `ownerId`");
  const batch = parseCount("embedMessages.batch", options.batch ?? BATCH);
  const tables = historyTables("embedMessages", { sql: options.sql });
  const of: Embedded = ownerId === undefined ? { kind: "all" } : { kind: "owner", ownerId };
  const stored = await embedMissing(tables, { embeddings, model, batch, of, signal, onProgress });
  if (replace) await tables.query("DELETE FROM strata_message_embeddings WHERE model <> $1", [model], { signal });
  return stored;
}

/** Whose messages. */
export type Embedded =
  | { readonly kind: "all" }
  | { readonly kind: "owner"; readonly ownerId: string }
  | { readonly kind: "conversations"; readonly keys: readonly Digest[] };

/** How one pass is made. */
export interface EmbeddingPass extends CallOptions {
  readonly embeddings: EmbeddingsInterface;
  readonly model: string;
  readonly batch?: number | undefined;
  readonly of: Embedded;
  readonly onProgress?: ((stored: number) => void) | undefined;
}

/** @returns how many vectors were stored */
export async function embedMissing(
  tables: HistoryTables,
  { embeddings, model, batch = BATCH, of, signal, onProgress }: EmbeddingPass,
): Promise<number> {
  await prepareVectors(tables);
  let stored = 0;
  let last = [0, 0];
  for (;;) {
    signal?.throwIfAborted();
    const found = await tables.query<{ conversation_id: number; seq: number; text: string }>(
      MISSING[of.kind],
      [model, ...last, batch, ...(of.kind === "owner" ? [ownerKey(of.ownerId)] : of.kind === "conversations" ? [of.keys] : [])],
      { signal },
    );
    const newest = found.at(-1);
    if (newest === undefined) return stored;
    const texts = found.map(({ text }) => text);
    const vectors = await waitOrAbort(embeddings.embedDocuments(texts), signal);
    if (vectors.length !== texts.length) {
      throw new StrataError("CORRUPT", `The embeddings gave ${vectors.length} vectors for ${texts.length} texts.`);
    }
    const [outcome] = await tables.query<{ added: number }>(STORE, [
      model,
      found.map((row) => row.conversation_id),
      found.map((row) => row.seq),
      texts,
      vectors.map((vector) => JSON.stringify(vector)),
    ]);
    stored += outcome?.added ?? 0;
    last = [newest.conversation_id, newest.seq];
    onProgress?.(stored);
  }
}

/** Once for each client: the tables of vectors are there. */
const prepared = new WeakSet<SqlClient>();

async function prepareVectors(tables: HistoryTables): Promise<void> {
  if (prepared.has(tables.sql)) return;
  await tables.ready();
  await migrate(tables.sql, "history:embeddings", EMBEDDING_MIGRATIONS).catch((cause: unknown) => {
    const [text, code] = [String(cause), (cause as { code?: unknown } | undefined)?.code];
    // Undefined file, feature not supported, insufficient privilege: there is no such extension, or it may not be created.
    if (!["58P01", "0A000", "42501"].includes(String(code))) throw cause;
    const advice = "install pgvector (Debian: postgresql-17-pgvector), then run CREATE EXTENSION vector in the database";
    throw new StrataError("UNAVAILABLE", `Vectors of messages need the extension vector: ${advice}. (${text})`, { cause });
  });
  prepared.add(tables.sql);
}
