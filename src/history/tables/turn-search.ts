/** What an index of an owner's turns asks beyond their listing: how far each session has come, and a search by words. */
import type { CallOptions } from "../../core/abort.ts";
import { StrataConfigError } from "../../core/errors.ts";
import { parseCount, refuseUnknown } from "../../core/options.ts";
import type { SqlValue } from "../../clients/sql.ts";
import { acceptConversation, acceptOwner } from "../accept.ts";
import type { OwnerTurn, Read } from "./conversation-catalog.ts";
import { conversationKey, ownerKey } from "../conversation-key.ts";

/** How far a session has come. */
export interface SessionState {
  readonly sessionId: string;
  /** No turn has a higher number. */
  readonly lastSeq: number;
  /** Another text after each change that is not a new turn at the end. */
  readonly revision: string;
}

export interface TurnSearch extends CallOptions {
  readonly ownerId: string;
  /** Any of its words is enough. */
  readonly query: string;
  /** In one session only. */
  readonly sessionId?: string | undefined;
  /** Unix ms, inclusive; default from the beginning. */
  readonly from?: number | undefined;
  /** Unix ms, exclusive; default without end. */
  readonly to?: number | undefined;
  /** Turns with a word of the query; default 200. What stands within two of them comes with them. */
  readonly limit?: number | undefined;
}

/** PostgreSQL takes a longer query too, but nobody means all of its words. */
const LONGEST = 4_000;
const BESIDE = 2;

/** Of places, given as a query of conversation and number: those, and what stands beside them. */
const AROUND = (places: string): string => `SELECT DISTINCT m.conversation_id, m.seq FROM (${places}) AS p JOIN strata_messages m
      ON m.conversation_id = p.conversation_id AND m.seq BETWEEN p.seq - ${BESIDE} AND p.seq + ${BESIDE}`;

const COLUMNS = `c.session_id, m.seq, m.id, m.role, m.name, (extract(epoch FROM m.created_at) * 1000)::bigint AS created_ms, m.text`;

const TURNS_OF_PLACES = `SELECT ${COLUMNS}
  FROM places JOIN strata_messages m USING (conversation_id, seq) JOIN strata_conversations c ON c.id = m.conversation_id
  WHERE m.payload <> '' ORDER BY m.conversation_id, m.seq`;

type TurnRow = {
  session_id: string;
  seq: number;
  id: string;
  role: string;
  name: string | null;
  created_ms: number;
  text: string;
};
/** The times that a `timestamptz` holds, as far as JavaScript's dates go. */
const EARLIEST = -62_135_596_800_000;
const LATEST = 253_402_300_799_999;

/**
 * `plainto_tsquery` joins words with "and", under which four of five questions find nothing; joined with "or" the same words find
 * what BM25 finds, but for its order. A lexeme holds no blank, so the text of a query can be changed.
 */
const anyWord = (language: string, text: string): string =>
  `replace(plainto_tsquery('pg_catalog.${language}', ${text})::text, ' & ', ' | ')::tsquery`;

const SEARCH = `
  WITH asked AS (
    SELECT ${anyWord("portuguese", "$2")} || ${anyWord("english", "$2")} || ${anyWord(
      "portuguese",
      "regexp_replace(normalize($2, NFD), '[\\u0300-\\u036f]+', '', 'g')",
    )} AS words
  ), hits AS (
    SELECT w.conversation_id, w.seq FROM asked, strata_conversations c
    JOIN strata_message_words w ON w.conversation_id = c.id
    JOIN strata_messages m ON m.conversation_id = w.conversation_id AND m.seq = w.seq
    WHERE c.owner_key = $1 AND ($3::text IS NULL OR c.key = $3) AND w.words @@ asked.words
      AND m.created_at >= to_timestamp($4::double precision / 1000) AND m.created_at < to_timestamp($5::double precision / 1000)
    ORDER BY ts_rank(w.words, asked.words) DESC, m.created_at DESC LIMIT $6::bigint
  ), unread AS (
    SELECT u.conversation_id, unnest(u.seqs) AS seq FROM strata_unread_messages u JOIN strata_conversations c ON c.id = u.conversation_id
    WHERE c.owner_key = $1 AND ($3::text IS NULL OR c.key = $3) ORDER BY 1 DESC, 2 DESC LIMIT $6::bigint
  ), places AS (
    ${AROUND("SELECT * FROM hits UNION ALL SELECT * FROM unread")}
  )
  ${TURNS_OF_PLACES}`;

export async function sessionStates(read: Read, ownerId: string, options?: CallOptions): Promise<SessionState[]> {
  acceptOwner(ownerId);
  const rows = await read<{ session_id: string; last_seq: number; revision: string }>(
    `SELECT session_id, last_seq, concat_ws('.', id, cleared_seq, arrivals, revision) AS revision
     FROM strata_conversations WHERE owner_key = $1 ORDER BY id`,
    [ownerKey(ownerId)],
    options,
  );
  return rows.map(({ session_id: sessionId, last_seq: lastSeq, revision }) => ({ sessionId, lastSeq, revision }));
}

/** @throws {@link StrataConfigError} naming the part */
export async function searchTurns(read: Read, search: TurnSearch): Promise<OwnerTurn[]> {
  refuseUnknown("search", search, ["ownerId", "query", "sessionId", "from", "to", "limit", "signal"]);
  const { ownerId, query, sessionId, from = EARLIEST, to = LATEST, limit, signal } = search;
  acceptOwner(ownerId);
  if (sessionId !== undefined) acceptConversation({ ownerId, sessionId });
  const parameters: SqlValue[] = [
    ownerKey(ownerId),
    query.slice(0, LONGEST).replaceAll("\0", " ").toWellFormed(),
    sessionId === undefined ? null : conversationKey({ ownerId, sessionId }),
    Math.max(EARLIEST, from),
    Math.min(LATEST, to),
    parseCount("search.limit", limit ?? 200),
  ];
  return (await read<TurnRow>(SEARCH, parameters, { signal })).map(turnOf);
}

/** Which turns of an owner are near a vector. */
export interface NearSearch extends CallOptions {
  readonly ownerId: string;
  /** Of the query, made by the model. */
  readonly vector: readonly number[];
  /** As given to `embedMessages`. */
  readonly model: string;
  readonly sessionId?: string | undefined;
  /** Unix ms, inclusive; default from the beginning. */
  readonly from?: number | undefined;
  /** Unix ms, exclusive; default without end. */
  readonly to?: number | undefined;
  /** How many near turns; default 200. What stands within two of them comes with them. */
  readonly limit?: number | undefined;
}

export interface NearTurn extends OwnerTurn {
  /** Cosine; absent where there is no vector. */
  readonly similarity?: number;
}

/**
 * Every vector of the owner is compared, found by the index on owner and model: HNSW with a filter as narrow as one owner misses a
 * third of the nearest (`docs/concepts/memory.md`).
 */
const NEAREST = `
  WITH hits AS (
    SELECT e.conversation_id, e.seq FROM strata_message_embeddings e
    JOIN strata_conversations c ON c.id = e.conversation_id
    JOIN strata_messages m ON m.conversation_id = e.conversation_id AND m.seq = e.seq
    WHERE e.owner_key = $1 AND e.model = $2 AND vector_dims(e.embedding) = vector_dims($3::vector)
      AND ($4::text IS NULL OR c.key = $4)
      AND ($5::double precision IS NULL OR m.created_at >= to_timestamp($5::double precision / 1000))
      AND ($6::double precision IS NULL OR m.created_at < to_timestamp($6::double precision / 1000))
    ORDER BY e.embedding <=> $3::vector LIMIT $7::bigint
  ), places AS (
    ${AROUND("SELECT * FROM hits")}
  )
  SELECT ${COLUMNS}, 1 - (e.embedding <=> $3::vector) AS similarity
  FROM places JOIN strata_messages m USING (conversation_id, seq) JOIN strata_conversations c ON c.id = m.conversation_id
    LEFT JOIN strata_message_embeddings e
      ON e.conversation_id = m.conversation_id AND e.seq = m.seq AND e.model = $2 AND vector_dims(e.embedding) = vector_dims($3::vector)
  WHERE m.payload <> '' ORDER BY m.conversation_id, m.seq`;

/** Before anything was embedded there are none. @throws {@link StrataConfigError} naming the part */
export async function nearestTurns(read: Read, search: NearSearch): Promise<NearTurn[]> {
  refuseUnknown("nearest", search, ["ownerId", "vector", "model", "sessionId", "from", "to", "limit", "signal"]);
  const { ownerId, vector, model, sessionId, from, to, limit, signal } = search;
  acceptOwner(ownerId);
  if (sessionId !== undefined) acceptConversation({ ownerId, sessionId });
  if (vector.length === 0 || !vector.every(Number.isFinite))
    throw new StrataConfigError("nearest.vector", vector, "finite numbers");
  const rows = await read<TurnRow & { similarity: number | null }>(
    NEAREST,
    [
      ownerKey(ownerId),
      model,
      JSON.stringify(vector),
      sessionId === undefined ? null : conversationKey({ ownerId, sessionId }),
      from === undefined ? null : Math.max(EARLIEST, from),
      to === undefined ? null : Math.min(LATEST, to),
      parseCount("nearest.limit", limit ?? 200),
    ],
    { signal },
  ).catch((error: unknown) => {
    // Undefined table, undefined object (the type `vector`): both are made with the first vectors.
    if (["42P01", "42704"].includes(String((error as { code?: unknown }).code))) return [];
    throw error;
  });
  return rows.map(({ similarity, ...row }) => ({ ...turnOf(row), ...(similarity !== null && { similarity }) }));
}

function turnOf({ session_id: sessionId, created_ms: createdAt, name, ...row }: TurnRow): OwnerTurn {
  return { ...row, sessionId, createdAt, ...(name !== null && { name }) };
}
