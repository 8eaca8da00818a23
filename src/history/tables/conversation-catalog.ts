/** Listings over conversations: pages by keyset, so that a page costs the same however far it is, and none is given twice. */
import type { CallOptions } from "../../core/abort.ts";
import { StrataConfigError } from "../../core/errors.ts";
import { parseCount, refuseUnknown } from "../../core/options.ts";
import { toPlain } from "../../core/plain.ts";
import type { SqlRow, SqlValue } from "../../clients/sql.ts";
import { scopeDigest, type Scope } from "../../core/scope.ts";
import { acceptConversation, acceptOwner } from "../accept.ts";
import { conversationKey, ownerKey } from "../conversation-key.ts";
import { isSealedText } from "../message-sealer.ts";
import { SCOPED_OWNER, scopeOfOwner } from "../scoped-owner.ts";
import { packCursor, parseCursor } from "./page-cursor.ts";

/** Which conversations; every part that is given narrows. */
export interface ConversationFilter extends CallOptions {
  /** Whose; default `""`, as in `history()`. */
  readonly ownerId?: string | undefined;
  /** `"all"` in place of `ownerId`: of every owner. For operators; never what a user's request decides. */
  readonly owners?: "all" | undefined;
  readonly feature?: string | undefined;
  /** What the metadata must contain. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
  /** From this moment on: of the last message, or, in listings of messages, of the message. */
  readonly after?: Date | undefined;
  /** Before this moment. */
  readonly before?: Date | undefined;
  /** Of one page; default 50, at most 1,000. */
  readonly limit?: number | undefined;
  /** The `cursor` of the page before. */
  readonly cursor?: string | undefined;
}

export interface MessageFilter extends ConversationFilter {
  /** In one session only. */
  readonly sessionId?: string | undefined;
  /** `"human"`, `"ai"`, …; default all. */
  readonly roles?: readonly string[] | undefined;
}

/** Which turns; for whoever keeps an index of them. */
export interface TurnFilter extends CallOptions {
  readonly ownerId: string;
  /** Of one session only. */
  readonly sessionId?: string | undefined;
  /** Only numbers above this; together with `sessionId`. */
  readonly afterSeq?: number | undefined;
  /** Of one page; default 1,000, at most 10,000. */
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

export interface ConversationInfo {
  readonly ownerId: string;
  readonly sessionId: string;
  readonly feature?: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** How many messages there are. */
  readonly messages: number;
  readonly createdAt: Date;
  /** Of the last append. */
  readonly updatedAt: Date;
  readonly archivedAt?: Date;
}

/** One message of an owner, as search and memory see it. */
export interface OwnerTurn {
  readonly id: string;
  readonly sessionId: string;
  /** Orders the turns of a session. */
  readonly seq: number;
  readonly role: string;
  readonly name?: string;
  /** Unix ms. */
  readonly createdAt: number;
  readonly text: string;
}

/** A turn as it is stored: without its text where that is encrypted. */
export interface StoredTurn extends OwnerTurn {
  /** The encrypted message. */
  readonly sealed?: string;
}

export interface ListedRow extends OwnerTurn {
  readonly ownerId: string;
  readonly feature?: string;
  readonly payload: string;
}

/** Of something that is read page by page; without a cursor it was the last. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly cursor?: string;
}

/** Reads rows. */
export type Read = <R extends SqlRow>(text: string, parameters: readonly SqlValue[], options?: CallOptions) => Promise<R[]>;

const FILTERS = ["ownerId", "owners", "feature", "metadata", "after", "before", "limit", "cursor", "signal"];
const LONGEST_PAGE = 1_000;
const LONGEST_TURNS = 10_000;

const MS = (column: string): string => `(extract(epoch FROM ${column}) * 1000)::bigint`;

/** Both tables as one; a message that was removed has no payload. */
const ALL_MESSAGES = ["strata_messages", "strata_archived_messages"]
  .map((table) => `SELECT conversation_id, seq, id, role, name, created_at, text, payload FROM ${table} WHERE payload <> ''`)
  .join(" UNION ALL ");

type ConversationRow = {
  id: number;
  owner_id: string;
  session_id: string;
  feature: string | null;
  metadata: Record<string, unknown>;
  created_at: Date;
  updated_at: Date;
  archived_at: Date | null;
  updated_ms: number;
  messages: number;
};

type MessageRow = {
  conversation_id: number;
  owner_id: string;
  session_id: string;
  feature: string | null;
  seq: number;
  id: string;
  role: string;
  name: string | null;
  created_ms: number;
  text: string;
  payload: string;
};

/** The last used first. @throws {@link StrataConfigError} naming the part */
export async function listConversations(read: Read, filter: ConversationFilter): Promise<Page<ConversationInfo>> {
  refuseUnknown("conversations", filter, FILTERS);
  const limit = parseLimit("conversations.limit", filter.limit, 50, LONGEST_PAGE);
  const where = new Conditions();
  narrowConversations("conversations", where, filter);
  narrowTime("conversations", where, "c.updated_at", filter);
  const last = parseCursor("conversations.cursor", filter.cursor, 2);
  if (last !== undefined) where.add("(c.updated_at, c.id) < (", moment(last[0]), ", ", last[1] as number, "::bigint)");
  const rows = await read<ConversationRow>(
    `SELECT p.*, ${MS("p.updated_at")} AS updated_ms, (SELECT count(*) FROM (${ALL_MESSAGES}) AS m WHERE m.conversation_id = p.id) AS messages
     FROM (SELECT id, owner_id, session_id, feature, metadata, created_at, updated_at, archived_at FROM strata_conversations c
       WHERE ${where.text} ORDER BY updated_at DESC, id DESC LIMIT ${limit}) AS p
     ORDER BY p.updated_at DESC, p.id DESC`,
    where.parameters,
    filter,
  );
  return page(rows, limit, conversationOf, (row) => [row.updated_ms, row.id]);
}

/** The newest first, whatever their session. @throws {@link StrataConfigError} naming the part */
export async function listMessages(read: Read, filter: MessageFilter): Promise<Page<ListedRow>> {
  refuseUnknown("messages", filter, [...FILTERS, "sessionId", "roles"]);
  const limit = parseLimit("messages.limit", filter.limit, 50, LONGEST_PAGE);
  const where = new Conditions();
  narrowConversations("messages", where, filter);
  if (filter.sessionId !== undefined) {
    const conversation = { ownerId: filter.ownerId ?? "", sessionId: filter.sessionId };
    acceptConversation(conversation);
    if (filter.owners === "all") where.add("c.session_id = ", filter.sessionId);
    else where.add("c.key = ", conversationKey(conversation));
  }
  narrowTime("messages", where, "m.created_at", filter);
  if (filter.roles !== undefined) {
    if (!Array.isArray(filter.roles) || !filter.roles.every((role) => typeof role === "string")) {
      throw new StrataConfigError("messages.roles", filter.roles, 'a list of roles, such as ["human", "ai"]');
    }
    where.add("m.role = any(", filter.roles, ")");
  }
  const last = parseCursor("messages.cursor", filter.cursor, 3);
  if (last !== undefined) {
    const [at, conversation, seq] = last as [number, number, number];
    where.add("(m.created_at, m.conversation_id, m.seq) < (", moment(at), ", ", conversation, "::bigint, ", seq, "::bigint)");
  }
  const rows = await read<MessageRow>(
    `SELECT c.owner_id, c.session_id, c.feature, m.conversation_id, m.seq, m.id, m.role, m.name, ${MS("m.created_at")} AS created_ms,
       m.text, m.payload
     FROM strata_conversations c JOIN (${ALL_MESSAGES}) AS m ON m.conversation_id = c.id
     WHERE ${where.text} ORDER BY m.created_at DESC, m.conversation_id DESC, m.seq DESC LIMIT ${limit}`,
    where.parameters,
    filter,
  );
  return page(rows, limit, listedOf, (row) => [row.created_ms, row.conversation_id, row.seq]);
}

/**
 * Every turn of an owner once, session by session in the order in which they began, each in its order.
 *
 * Both tables are asked conversation by conversation, each by its primary key and no further than the page needs: joined as one, they
 * are read whole, everybody's, for each page of one owner.
 */
export async function listTurns(read: Read, filter: TurnFilter): Promise<Page<StoredTurn>> {
  refuseUnknown("turns", filter, ["ownerId", "sessionId", "afterSeq", "limit", "cursor", "signal"]);
  const { ownerId, sessionId, afterSeq } = filter;
  const limit = parseLimit("turns.limit", filter.limit, 1_000, LONGEST_TURNS);
  acceptOwner(ownerId);
  const where = new Conditions();
  where.add("owner_key = ", ownerKey(ownerId));
  const ofTurns = ["conversation_id = c.id", "payload <> ''"];
  if (sessionId !== undefined) {
    acceptConversation({ ownerId, sessionId });
    where.add("key = ", conversationKey({ ownerId, sessionId }));
    if (afterSeq !== undefined) ofTurns.push(`seq > ${where.bind(parseCount("turns.afterSeq", afterSeq, 0))}::bigint`);
  } else if (afterSeq !== undefined) {
    throw new StrataConfigError("turns.afterSeq", afterSeq, "nothing, unless `sessionId` is given");
  }
  const last = parseCursor("turns.cursor", filter.cursor, 2);
  if (last !== undefined) {
    const [conversation, seq] = [where.bind(last[0] as number), where.bind(last[1] as number)];
    where.add(`id >= ${conversation}::bigint`);
    ofTurns.push(`(c.id > ${conversation}::bigint OR seq > ${seq}::bigint)`);
  }
  const turns = ["strata_messages", "strata_archived_messages"].map(
    (table) =>
      `(SELECT seq, id, role, name, created_at, text, CASE WHEN text = '' THEN payload ELSE '' END AS payload FROM ${table} WHERE ${ofTurns.join(" AND ")} ORDER BY seq LIMIT ${limit})`,
  );
  const rows = await read<MessageRow>(
    `SELECT c.session_id, c.id AS conversation_id, m.seq, m.id, m.role, m.name, ${MS("m.created_at")} AS created_ms, m.text, m.payload
     FROM (SELECT id, session_id FROM strata_conversations WHERE ${where.text} ORDER BY id) AS c
       CROSS JOIN LATERAL (${turns.join(" UNION ALL ")}) AS m
     ORDER BY c.id, m.seq LIMIT ${limit}`,
    where.parameters,
    filter,
  );
  return page(rows, limit, storedTurnOf, (row) => [row.conversation_id, row.seq]);
}

/**
 * A text that is another one after each message that was stored, corrected or removed. Conversations are only ever added, until all
 * of an owner are forgotten; their numbers and revisions only grow.
 */
export async function ownerPosition(read: Read, ownerId: string, options?: CallOptions): Promise<string> {
  acceptOwner(ownerId);
  const [row] = await read<{ position: string }>(
    `SELECT concat_ws('.', coalesce(max(id), 0), coalesce(sum(last_seq), 0), coalesce(sum(cleared_seq), 0),
       coalesce(sum(arrivals), 0), coalesce(sum(revision), 0)) AS position
     FROM strata_conversations WHERE owner_key = $1`,
    [ownerKey(ownerId)],
    options,
  );
  return (row as { position: string }).position;
}

/** Owners that are kept under names of scopes, within this one. @throws {@link StrataConfigError} for a scope that is none */
export async function listScopedOwners(read: Read, scope: Scope, options?: CallOptions): Promise<readonly string[]> {
  scopeDigest(scope);
  const rows = await read<{ owner_id: string }>(
    "SELECT DISTINCT owner_id FROM strata_conversations WHERE starts_with(owner_id, $1)",
    [SCOPED_OWNER],
    options,
  );
  return rows
    .map((row) => row.owner_id)
    .filter((name) => {
      const { tenant, user, feature } = scopeOfOwner(name);
      const isWithin = (wanted: string | undefined, part: string | undefined): boolean => wanted === undefined || wanted === part;
      return isWithin(scope.tenant, tenant) && isWithin(scope.user, user) && isWithin(scope.feature, feature);
    });
}

/** A time among the values of a condition. */
class Moment {
  readonly ms: number;

  constructor(ms: number) {
    this.ms = ms;
  }
}

function moment(ms: number | undefined): Moment {
  return new Moment(ms as number);
}

/** Conditions with their parameters: texts at even places are SQL of this file, what stands between them is bound. */
class Conditions {
  readonly parameters: SqlValue[] = [];
  readonly #parts: string[] = [];

  get text(): string {
    return this.#parts.length === 0 ? "true" : this.#parts.join(" AND ");
  }

  add(...pieces: ReadonlyArray<SqlValue | Moment>): void {
    const text = pieces.map((piece, index) => (index % 2 === 0 ? (piece as string) : this.bind(piece)));
    this.#parts.push(text.join(""));
  }

  /** Gives the name of a parameter of that value. */
  bind(value: SqlValue | Moment): string {
    this.parameters.push(value instanceof Moment ? value.ms : value);
    const place = `$${this.parameters.length}`;
    return value instanceof Moment ? `to_timestamp(${place}::double precision / 1000)` : place;
  }
}

function narrowConversations(call: string, where: Conditions, filter: ConversationFilter): void {
  const { ownerId = "", owners, feature, metadata } = filter;
  if (owners !== undefined && owners !== "all") throw new StrataConfigError(`${call}.owners`, owners, '"all"');
  if (owners === "all" && filter.ownerId !== undefined) {
    throw new StrataConfigError(`${call}.owners`, owners, "either `owners` or `ownerId`");
  }
  if (owners === undefined) {
    acceptOwner(ownerId);
    where.add("c.owner_key = ", ownerKey(ownerId));
  }
  if (feature !== undefined) {
    if (typeof feature !== "string") throw new StrataConfigError(`${call}.feature`, feature, "a text");
    where.add("c.feature = ", feature.replaceAll("\0", "\u{fffd}"));
  }
  if (metadata !== undefined) {
    const json = JSON.stringify(toPlain(metadata, `${call}.metadata`));
    // Such metadata cannot be stored, and PostgreSQL does not take it as a question.
    if (/\\u0000|\\ud[89a-f]/i.test(json)) where.add("false");
    else where.add("c.metadata @> ", json, "::jsonb");
  }
}

function narrowTime(call: string, where: Conditions, column: string, { after, before }: ConversationFilter): void {
  for (const [name, value] of Object.entries({ after, before })) {
    if (value === undefined) continue;
    if (!(value instanceof Date) || Number.isNaN(value.getTime()))
      throw new StrataConfigError(`${call}.${name}`, value, "a Date");
    where.add(`${column} ${name === "after" ? ">=" : "<"} `, moment(value.getTime()));
  }
}

function parseLimit(option: string, limit: number | undefined, preset: number, most: number): number {
  return Math.min(parseCount(option, limit ?? preset), most);
}

function page<R, T>(rows: readonly R[], limit: number, read: (row: R) => T, place: (row: R) => readonly number[]): Page<T> {
  const last = rows.at(-1);
  const items = rows.map(read);
  return rows.length < limit || last === undefined ? { items } : { items, cursor: packCursor(place(last)) };
}

function conversationOf(row: ConversationRow): ConversationInfo {
  return {
    ownerId: row.owner_id,
    sessionId: row.session_id,
    ...(row.feature !== null && { feature: row.feature }),
    metadata: row.metadata,
    messages: row.messages,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    ...(row.archived_at !== null && { archivedAt: row.archived_at }),
  };
}

function turnOf({ id, session_id, seq, role, name, created_ms, text }: MessageRow): OwnerTurn {
  return { id, sessionId: session_id, seq, role, ...(name !== null && { name }), createdAt: created_ms, text };
}

function storedTurnOf(row: MessageRow): StoredTurn {
  return { ...turnOf(row), ...(isSealedText(row.payload) && { sealed: row.payload }) };
}

function listedOf(row: MessageRow): ListedRow {
  const { owner_id: ownerId, feature, payload } = row;
  return { ...turnOf(row), ownerId, ...(feature !== null && { feature }), payload };
}
