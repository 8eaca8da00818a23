/** What an index of an owner's turns asks beyond their listing: how far each session has come, and a search by words. */
import type { CallOptions } from "../core/abort.ts";
import { parseCount, refuseUnknown } from "../core/options.ts";
import type { SqlValue } from "../clients/sql.ts";
import { acceptConversation, acceptOwner } from "./accept.ts";
import type { OwnerTurn, Read } from "./conversation-catalog.ts";
import { conversationKey, ownerKey } from "./conversation-key.ts";

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
  ), places AS (
    SELECT DISTINCT m.conversation_id, m.seq FROM hits JOIN strata_messages m
      ON m.conversation_id = hits.conversation_id AND m.seq BETWEEN hits.seq - ${BESIDE} AND hits.seq + ${BESIDE}
  )
  SELECT c.session_id, m.seq, m.id, m.role, m.name, (extract(epoch FROM m.created_at) * 1000)::bigint AS created_ms, m.text
  FROM places JOIN strata_messages m USING (conversation_id, seq) JOIN strata_conversations c ON c.id = m.conversation_id
  WHERE m.payload <> '' ORDER BY m.conversation_id, m.seq`;

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
  const rows = await read<{
    session_id: string;
    seq: number;
    id: string;
    role: string;
    name: string | null;
    created_ms: number;
    text: string;
  }>(SEARCH, parameters, { signal });
  return rows.map(({ session_id, created_ms, name, ...row }) => ({
    ...row,
    sessionId: session_id,
    createdAt: created_ms,
    ...(name !== null && { name }),
  }));
}
