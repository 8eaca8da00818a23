/**
 * Single messages corrected or removed. What was made from a message goes with it: its words are read anew, its vectors and the
 * summaries that cover it are dropped, and the revision of its conversation grows, by which an index of the owner's messages sees
 * that it is out of date.
 */
import type { CallOptions } from "../../core/abort.ts";
import { StrataConfigError, StrataError } from "../../core/errors.ts";
import type { Sql } from "../../clients/sql.ts";
import { acceptConversation, acceptOwner } from "../accept.ts";
import { conversationKey, ownerKey } from "../conversation-key.ts";
import type { HistoryTables } from "./history-tables.ts";
import { MARK_STALE } from "./statements.ts";
import { withText } from "../message-codec.ts";
import type { Conversation } from "../message-log.ts";
import type { MessageSealer } from "../message-sealer.ts";

/** One message of an owner. */
export interface MessageName extends CallOptions {
  readonly ownerId: string;
  readonly messageId: string;
  /** Needed where the owner has messages of this id in several sessions. */
  readonly sessionId?: string | undefined;
}

type Found = {
  conversation_id: number;
  session_id: string;
  seq: number;
  payload: string;
  is_archived: boolean;
  has_vectors: boolean;
};

const FIND = [
  ["strata_messages", "false"],
  ["strata_archived_messages", "true"],
]
  .map(
    ([table, isArchived]) => `
  SELECT m.conversation_id, c.session_id, m.seq, m.payload, ${isArchived} AS is_archived,
    to_regclass('strata_message_embeddings') IS NOT NULL AS has_vectors
  FROM strata_conversations c JOIN ${table} m ON m.conversation_id = c.id
  WHERE c.owner_key = $1 AND m.id = $2 AND ($3::text IS NULL OR c.key = $3) AND m.payload <> ''`,
  )
  .join(" UNION ALL ");

/**
 * Gives a message another text, or with `undefined` removes it: its id and number stay taken, so that nobody brings it back.
 * @returns its conversation; `undefined` when the owner has no such message
 * @throws {@link StrataConfigError} when several sessions have one
 */
export async function changeMessage(
  tables: HistoryTables,
  { ownerId, messageId, sessionId, signal }: MessageName,
  text: string | undefined,
  { sealer, hasWindows }: { readonly sealer?: MessageSealer | undefined; readonly hasWindows: boolean },
): Promise<Conversation | undefined> {
  acceptOwner(ownerId);
  if (typeof messageId !== "string") throw new StrataConfigError("messageId", messageId, "the id of a message");
  if (sessionId !== undefined) acceptConversation({ ownerId, sessionId });
  if (messageId.includes("\0")) return undefined;
  const key = sessionId === undefined ? null : conversationKey({ ownerId, sessionId });
  await tables.ready();
  return tables.sql.transaction(
    async (sql) => {
      for (;;) {
        const found = await sql.query<Found>(FIND, [ownerKey(ownerId), messageId, key]);
        const [message, other] = found;
        if (message === undefined) return undefined;
        if (other !== undefined) {
          throw new StrataConfigError("sessionId", sessionId, `the session, since ${found.length} have a message of this id`);
        }
        const conversation = { ownerId, sessionId: message.session_id };
        const corrected = text === undefined ? undefined : await correctedText(conversation, messageId, message, text, sealer);
        if (!(await change(sql, message, corrected))) continue;
        // Whoever makes the change may not come to tell Redis of it.
        if (hasWindows) await sql.query(MARK_STALE, [[conversationKey(conversation)]]);
        return conversation;
      }
    },
    { signal },
  );
}

/** What is stored of a message with another text. */
interface Corrected {
  readonly text: string;
  readonly payload: string;
}

async function correctedText(
  conversation: Conversation,
  id: string,
  { payload }: Found,
  given: string,
  sealer: MessageSealer | undefined,
): Promise<Corrected> {
  const text = given.replaceAll("\0", "\u{fffd}").toWellFormed();
  if (sealer === undefined) return { text, payload: withText({ id, payload }, given) };
  const [plain] = await sealer.open([{ id, text: "", payload }], () => conversation);
  if (plain === undefined) throw new StrataError("CORRUPT", "The message cannot be decrypted; it can only be removed.");
  const changed = { ...plain, text, payload: withText(plain, given) };
  return sealer.sealOne(conversation, { ...changed, role: "", createdAt: 0 });
}

/** @returns `false` when somebody else changed it meanwhile */
async function change(sql: Sql, found: Found, corrected: Corrected | undefined): Promise<boolean> {
  const { conversation_id, seq, payload, is_archived, has_vectors } = found;
  const table = is_archived ? "strata_archived_messages" : "strata_messages";
  const place = [conversation_id, seq];
  const changed =
    corrected === undefined
      ? await sql.query(
          `UPDATE ${table} SET text = '', payload = '', name = NULL, role = 'removed'
           WHERE conversation_id = $1 AND seq = $2 AND payload = $3 RETURNING seq`,
          [...place, payload],
        )
      : await sql.query(
          `UPDATE ${table} SET text = $4, payload = $5 WHERE conversation_id = $1 AND seq = $2 AND payload = $3 RETURNING seq`,
          [...place, payload, corrected.text, corrected.payload],
        );
  if (changed.length === 0) return false;
  await sql.query("DELETE FROM strata_message_words WHERE conversation_id = $1 AND seq = $2", place);
  if (has_vectors) await sql.query("DELETE FROM strata_message_embeddings WHERE conversation_id = $1 AND seq = $2", place);
  if (corrected !== undefined && !is_archived) {
    await sql.query("INSERT INTO strata_unread_messages (conversation_id, seqs) VALUES ($1, ARRAY[$2::bigint])", place);
  }
  await sql.query("DELETE FROM strata_summaries WHERE conversation_id = $1 AND seq >= $2", place);
  await sql.query("UPDATE strata_conversations SET revision = revision + 1 WHERE id = $1", [conversation_id]);
  return true;
}
