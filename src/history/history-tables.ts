/**
 * The history in SQL. An append is one statement: it is carried out whole or not at all, and costs one commit. Everything that writes
 * to a conversation locks its row first, several in the order of their keys, so that processes which write at the same time cannot
 * lock each other out; and nothing that depends on what others wrote stands in the statement that waits for the lock, because a
 * statement sees what was committed when it began.
 */
import type { CallOptions } from "../core/abort.ts";
import { systemClock, type Clock } from "../core/clock.ts";
import { StrataConfigError } from "../core/errors.ts";
import type { Digest } from "../core/key.ts";
import { migrate } from "../clients/migrate.ts";
import type { SqlClient, SqlOptions, SqlRow, SqlScalar, SqlValue } from "../clients/sql.ts";
import { conversationKey, ownerKey } from "./conversation-key.ts";
import type { AppendResult, Conversation, ConversationNotes, LogMessage, ReadRange, StoredMessage } from "./message-log.ts";
import { HISTORY_MIGRATIONS } from "./schema.ts";

/** A batch that Redis has numbered, on its way to the tables. */
export interface NumberedBatch {
  readonly conversation: Conversation;
  readonly notes?: ConversationNotes | undefined;
  readonly messages: readonly StoredMessage[];
  /** Unix ms of the clock that `forget` goes by. */
  readonly acceptedAt: number;
}

/** What an append may ask for beyond its messages. */
export interface TableAppend extends CallOptions {
  readonly notes?: ConversationNotes | undefined;
  /** Numbers are above this, whatever the table knows. */
  readonly floor?: number | undefined;
  /** Notes in the same transaction that the copy in Redis lacks these messages. */
  readonly stale?: boolean | undefined;
}

export interface TableAppendResult extends AppendResult {
  /** Every number up to this was given to an earlier append. */
  readonly base: number;
}

export interface StoreResult {
  /** Whether every message was new. */
  readonly isWhole: boolean;
  /**
   * Messages whose number another message has, by their place in the list of all: none but after numbers were given twice, which
   * epochs prevent as long as all processes of one database give numbers in the same way.
   */
  readonly displaced: readonly number[];
}

/** What could not be stored. */
export interface DeadLetter {
  /** Sets it apart: stream, entry, and number of the message. */
  readonly place: string;
  readonly ownerId?: string | undefined;
  readonly entry: string;
  readonly error: unknown;
}

export interface TableState {
  readonly lastSeq: number;
  readonly clearedSeq: number;
}

const MESSAGE = `seq, id, role, name, (extract(epoch FROM created_at) * 1000)::bigint AS created_at, text, payload`;

const LISTED = `unnest($10::text[], $11::text[], $12::text[], $13::double precision[], $14::text[], $15::text[])
      WITH ORDINALITY AS m (id, role, name, at, text, payload, n)`;

const FRESH = (given: string): string => `
    INSERT INTO strata_messages (conversation_id, seq, id, role, name, created_at, text, payload)
    SELECT talk.id, talk.base + n, m.id, m.role, m.name, to_timestamp(m.at / 1000), m.text, m.payload
    FROM talk, ${given}
    WHERE talk.archived_at IS NULL
      OR NOT EXISTS (SELECT FROM strata_archived_messages a WHERE a.conversation_id = talk.id AND a.id = m.id)
    ORDER BY n
    ON CONFLICT (conversation_id, id) DO NOTHING
    RETURNING conversation_id, seq`;

const UNREAD = `
    INSERT INTO strata_unread_messages SELECT conversation_id, array_agg(seq) FROM fresh GROUP BY conversation_id`;

const appendStatement = (stale: boolean): string => `
  WITH talk AS (
    INSERT INTO strata_conversations AS c
      (key, owner_key, owner_id, session_id, feature, metadata, last_seq, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6::jsonb, $7::bigint + $8::bigint, $9, $9)
    ON CONFLICT (key) DO UPDATE SET
      last_seq = greatest(c.last_seq, $7::bigint) + $8::bigint, updated_at = greatest(c.updated_at, excluded.updated_at),
      feature = coalesce(excluded.feature, c.feature), metadata = c.metadata || excluded.metadata
    RETURNING id, last_seq - $8::bigint AS base, archived_at
  ), fresh AS (${FRESH(LISTED)}
  ), unread AS (${UNREAD}
  )${
    stale
      ? `, stale AS (
    INSERT INTO strata_stale_windows (key, mark) VALUES ($1, 1)
    ON CONFLICT (key) DO UPDATE SET mark = strata_stale_windows.mark + 1
  )`
      : ""
  }
  SELECT base, (SELECT count(*) FROM fresh) AS added, archived_at IS NOT NULL AS archived FROM talk`;

const APPEND = appendStatement(false);
const APPEND_STALE = appendStatement(true);

/**
 * The common case in a form that the server is quicker with: a few messages, each part given by itself, to a conversation that
 * exists and was never archived. It gives the rows that are new: none where there is no such conversation, and none where all are
 * known; the other form tells the two apart.
 */
const appendFew = (count: number): string => {
  const part = (message: number, index: number, type: string): string => `$${3 + message * 6 + index}::${type}`;
  const places = Array.from({ length: count }, (_, message) => message + 1);
  const rows = places.map((place) => {
    const types = ["text", "text", "text", "double precision", "text", "text"];
    return `(${[place, ...types.map((type, index) => part(place - 1, index, type))].join(", ")})`;
  });
  return `
  WITH talk AS (
    UPDATE strata_conversations SET last_seq = last_seq + ${count}, updated_at = greatest(updated_at, $2::timestamptz)
    WHERE key = $1 AND archived_at IS NULL RETURNING id, last_seq - ${count} AS base
  ), unread AS (
    INSERT INTO strata_unread_messages SELECT id, ARRAY[${places.map((place) => `base + ${place}`).join(", ")}] FROM talk
  )
  INSERT INTO strata_messages (conversation_id, seq, id, role, name, created_at, text, payload)
  SELECT talk.id, talk.base + n, m.id, m.role, m.name, to_timestamp(m.at / 1000), m.text, m.payload
  FROM talk, (VALUES ${rows.join(", ")}) AS m (n, id, role, name, at, text, payload)
  ON CONFLICT (conversation_id, id) DO NOTHING
  RETURNING (SELECT base FROM talk) AS base`;
};

const FEW = 8;
const APPEND_FEW = Array.from({ length: FEW }, (_, index) => appendFew(index + 1));

/** Numbers of the writer come from Redis; what was cleared, forgotten, or is there already is passed over. */
const STORE = `
  WITH talk AS (
    INSERT INTO strata_conversations AS c
      (key, owner_key, owner_id, session_id, feature, metadata, last_seq, created_at, updated_at)
    SELECT key, owner_key, owner_id, session_id, feature, metadata::jsonb, last_seq, $1, $1
    FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::double precision[])
      AS g (key, owner_key, owner_id, session_id, feature, metadata, last_seq, at)
    WHERE NOT EXISTS (
      SELECT FROM strata_forgotten f WHERE f.owner_key = g.owner_key AND f.forgotten_at >= to_timestamp(g.at / 1000))
    ORDER BY key
    ON CONFLICT (key) DO UPDATE SET
      last_seq = greatest(c.last_seq, excluded.last_seq), updated_at = greatest(c.updated_at, excluded.updated_at),
      feature = coalesce(excluded.feature, c.feature), metadata = c.metadata || excluded.metadata, arrivals = c.arrivals + 1
    RETURNING id, key, cleared_seq, archived_at
  ), fresh AS (
    INSERT INTO strata_messages (conversation_id, seq, id, role, name, created_at, text, payload)
    SELECT talk.id, m.seq, m.id, m.role, m.name, to_timestamp(m.at / 1000), m.text, m.payload
    FROM unnest($10::text[], $11::bigint[], $12::text[], $13::text[], $14::text[], $15::double precision[], $16::text[],
      $17::text[]) AS m (key, seq, id, role, name, at, text, payload)
      JOIN talk USING (key)
    WHERE m.seq > talk.cleared_seq AND (talk.archived_at IS NULL
      OR NOT EXISTS (SELECT FROM strata_archived_messages a WHERE a.conversation_id = talk.id AND a.id = m.id))
    ORDER BY key, m.seq
    ON CONFLICT DO NOTHING
    RETURNING conversation_id, seq
  ), unread AS (
    INSERT INTO strata_unread_messages SELECT conversation_id, array_agg(seq) FROM fresh GROUP BY conversation_id
  )
  SELECT count(*) AS added FROM fresh`;

/** Of numbered messages those that are not stored although nothing forbids it: another message has their number. */
const DISPLACED = `
  SELECT m.place FROM unnest($1::text[], $2::bigint[], $3::text[]) WITH ORDINALITY AS m (key, seq, id, place)
    JOIN strata_conversations c USING (key)
  WHERE m.seq > c.cleared_seq
    AND EXISTS (SELECT FROM strata_messages o WHERE o.conversation_id = c.id AND o.seq = m.seq AND o.id <> m.id)
    AND NOT EXISTS (SELECT FROM strata_messages o WHERE o.conversation_id = c.id AND o.id = m.id)
    AND NOT EXISTS (SELECT FROM strata_archived_messages o WHERE o.conversation_id = c.id AND o.id = m.id)
  ORDER BY m.place`;

const READ = ["strata_messages", "strata_archived_messages"]
  .map(
    (table) => `(SELECT ${MESSAGE} FROM ${table}
      WHERE conversation_id = (SELECT id FROM strata_conversations WHERE key = $1) AND seq > $2::bigint AND seq < $3::bigint
        AND payload <> ''
      ORDER BY seq DESC LIMIT $4::bigint)`,
  )
  .join(" UNION ALL ");

const KNOWN = ["strata_messages", "strata_archived_messages"]
  .map(
    (table) => `SELECT id, seq FROM ${table}
      WHERE conversation_id = (SELECT id FROM strata_conversations WHERE key = $1) AND id = any($2)`,
  )
  .join(" UNION ALL ");

const DROP_DOUBLED = `
  WITH gone AS (
    DELETE FROM strata_messages m USING strata_archived_messages a
    WHERE m.conversation_id = (SELECT id FROM strata_conversations WHERE key = $1)
      AND a.conversation_id = m.conversation_id AND a.id = m.id
    RETURNING 1
  )
  SELECT count(*) AS dropped FROM gone`;

const BEGIN_CLEARING = `
  INSERT INTO strata_conversations AS c (key, owner_key, owner_id, session_id, last_seq, cleared_seq, created_at, updated_at)
  VALUES ($1, $2, $3, $4, $5::bigint, $5::bigint, $6, $6)
  ON CONFLICT (key) DO UPDATE SET last_seq = greatest(c.last_seq, excluded.last_seq),
    cleared_seq = greatest(c.last_seq, excluded.last_seq), updated_at = greatest(c.updated_at, excluded.updated_at)
  RETURNING id, cleared_seq`;

const CLEAR = `
  WITH gone AS (
    DELETE FROM strata_messages WHERE conversation_id = $1 AND seq <= $2::bigint RETURNING seq
  ), unarchived AS (
    DELETE FROM strata_archived_messages WHERE conversation_id = $1 AND seq <= $2::bigint RETURNING seq
  ), unsummarized AS (
    DELETE FROM strata_summaries WHERE conversation_id = $1
  )
  SELECT (SELECT count(*) FROM gone) + (SELECT count(*) FROM unarchived) AS removed,
    (SELECT count(*) FROM gone WHERE seq = any($3::bigint[])) AS counted`;

/**
 * Whoever stores what was on its way holds this lock with others, whoever forgets holds it alone: of two transactions at a time,
 * one sees what the other did. Hexadecimal of "forget".
 */
export const FORGETTING = "x'666f72676574'::bigint";

const EPOCH = 2 ** 36;

/** The largest that a `bigint` holds; numbers of messages stay below 2^53. */
const BEYOND = Number.MAX_SAFE_INTEGER;

type MessageRow = {
  seq: number;
  id: string;
  role: string;
  name: string | null;
  created_at: number;
  text: string;
  payload: string;
};

export interface HistoryTablesOptions {
  readonly sql: SqlClient;
  readonly clock?: Clock | undefined;
}

/** @throws {@link StrataConfigError} when `sql` is no client */
export function historyTables(owner: string, options: HistoryTablesOptions): HistoryTables {
  const { sql, clock = systemClock } = options;
  if (typeof sql?.query !== "function" || typeof sql.transaction !== "function") {
    throw new StrataConfigError(`${owner}.sql`, sql, "a SqlClient, such as pgClient(pool) or pgliteClient()");
  }
  return new HistoryTables(sql, clock);
}

type Appended = { base: number; added: number; archived: boolean };

export class HistoryTables {
  readonly sql: SqlClient;
  readonly #clock: Clock;
  #migrating: Promise<unknown> | undefined;
  #isReady = false;

  constructor(sql: SqlClient, clock: Clock) {
    this.sql = sql;
    this.#clock = clock;
  }

  /** The messages must have been accepted (`accept.ts`), and be at least one. */
  async append(
    conversation: Conversation,
    messages: readonly LogMessage[],
    options: TableAppend = {},
  ): Promise<TableAppendResult> {
    const key = conversationKey(conversation);
    const appended =
      (await this.#appendFew(key, messages, options)) ?? (await this.#appendAny(key, conversation, messages, options));
    const { base } = appended;
    const added = appended.archived ? appended.added - (await this.#dropDoubled(key)) : appended.added;
    if (added === messages.length) return { base, added, seqs: messages.map((_, index) => base + 1 + index) };
    const known = await this.known(key, messages);
    return { base, added, seqs: messages.map(({ id }) => known.get(id) as number) };
  }

  /** The numbers of those messages that are stored, by id. */
  async known(key: Digest, messages: readonly LogMessage[], options?: CallOptions): Promise<Map<string, number>> {
    const rows = await this.query<{ id: string; seq: number }>(KNOWN, [key, messages.map(({ id }) => id)], options);
    return new Map(rows.map(({ id, seq }) => [id, seq]));
  }

  /** Oldest first. */
  async read(key: Digest, range: ReadRange): Promise<StoredMessage[]> {
    const { after = 0, before = BEYOND, limit = BEYOND, signal } = range;
    const rows = await this.query<MessageRow>(
      `SELECT * FROM (${READ}) AS both_tables ORDER BY seq DESC LIMIT $4::bigint`,
      [key, after, Math.min(before, BEYOND), Math.min(limit, BEYOND)],
      { signal, prepare: true },
    );
    return rows.toReversed().map(messageOf);
  }

  async state(key: Digest, options?: CallOptions): Promise<TableState> {
    const [row] = await this.query<{ last_seq: number; cleared_seq: number }>(
      "SELECT last_seq, cleared_seq FROM strata_conversations WHERE key = $1",
      [key],
      options,
    );
    return { lastSeq: row?.last_seq ?? 0, clearedSeq: row?.cleared_seq ?? 0 };
  }

  /**
   * Stores batches that have their numbers; what is there already is passed over, so they may be stored again.
   */
  async store(batches: readonly NumberedBatch[], options?: CallOptions): Promise<StoreResult> {
    const talks = new Map<Digest, { batch: NumberedBatch; notes: ConversationNotes; lastSeq: number; acceptedAt: number }>();
    const keys: Digest[] = [];
    const messages: StoredMessage[] = [];
    for (const batch of batches) {
      const key = conversationKey(batch.conversation);
      const known = talks.get(key);
      talks.set(key, {
        batch,
        notes: merge(known?.notes, batch.notes),
        lastSeq: Math.max(known?.lastSeq ?? 0, ...batch.messages.map(({ seq }) => seq)),
        acceptedAt: batch.acceptedAt,
      });
      for (const message of batch.messages) {
        keys.push(key);
        messages.push(message);
      }
    }
    const all = [...talks.entries()];
    const seqs = messages.map(({ seq }) => seq);
    const parameters: SqlValue[] = [
      this.#now(),
      all.map(([key]) => key),
      all.map(([, { batch }]) => ownerKey(batch.conversation.ownerId)),
      all.map(([, { batch }]) => batch.conversation.ownerId),
      all.map(([, { batch }]) => batch.conversation.sessionId),
      all.map(([, { notes }]) => notes.feature ?? null),
      all.map(([, { notes }]) => JSON.stringify(notes.metadata ?? {})),
      all.map(([, { lastSeq }]) => lastSeq),
      all.map(([, { acceptedAt }]) => acceptedAt),
      keys,
      seqs,
      ...columns(messages),
    ];
    await this.ready();
    return this.sql.transaction(async (sql) => {
      await sql.query(`SELECT pg_advisory_xact_lock_shared(${FORGETTING})::text`);
      const [outcome] = await sql.query<{ added: number }>(STORE, parameters);
      if (outcome?.added === messages.length) return { isWhole: true, displaced: [] };
      const rows = await sql.query<{ place: number }>(DISPLACED, [keys, seqs, messages.map(({ id }) => id)]);
      return { isWhole: false, displaced: rows.map(({ place }) => place - 1) };
    }, options);
  }

  /**
   * Removes the messages up to the highest number known here or given as `lastSeq`.
   * @param pending numbers that may be stored or still on their way
   * @returns how many were removed here, and how many of those were `pending`
   */
  async clear(
    conversation: Conversation,
    lastSeq: number,
    pending: readonly number[],
    options?: CallOptions,
  ): Promise<{ removed: number; counted: number }> {
    const talk = [conversationKey(conversation), ownerKey(conversation.ownerId), conversation.ownerId, conversation.sessionId];
    await this.ready();
    return this.sql.transaction(async (sql) => {
      // Two statements: the second sees what was committed while the first waited for the row.
      const [row] = await sql.query<{ id: number; cleared_seq: number }>(BEGIN_CLEARING, [...talk, lastSeq, this.#now()]);
      const { id, cleared_seq } = row as { id: number; cleared_seq: number };
      const [outcome] = await sql.query<{ removed: number; counted: number }>(CLEAR, [id, cleared_seq, pending]);
      return outcome as { removed: number; counted: number };
    }, options);
  }

  /**
   * @param before Unix ms: what was accepted up to then and comes later is dropped
   * @param waiting what is on its way
   * @returns how many messages were removed here, how many were only on their way, and which conversations there were
   */
  async forget(
    ownerId: string,
    before: number,
    waiting: ReadonlyArray<{ readonly key: Digest; readonly seq: number }>,
    options?: CallOptions,
  ): Promise<{ removed: number; gone: number; keys: Digest[] }> {
    const owner = ownerKey(ownerId);
    await this.ready();
    return this.sql.transaction(async (sql) => {
      await sql.query(`SELECT pg_advisory_xact_lock(${FORGETTING})::text`);
      await sql.query(
        `INSERT INTO strata_forgotten AS f (owner_key, forgotten_at) VALUES ($1, to_timestamp($2::double precision / 1000))
         ON CONFLICT (owner_key) DO UPDATE SET forgotten_at = greatest(f.forgotten_at, excluded.forgotten_at)`,
        [owner, before],
      );
      const talks = await sql.query<{ id: number; key: string }>(
        "SELECT id, key FROM strata_conversations WHERE owner_key = $1 ORDER BY key FOR UPDATE",
        [owner],
      );
      const ids = talks.map(({ id }) => id);
      const [stored] = await sql.query<{ count: number }>(
        `SELECT count(*) FROM unnest($1::text[], $2::bigint[]) AS w (key, seq)
         JOIN strata_conversations c USING (key) JOIN strata_messages m ON m.conversation_id = c.id AND m.seq = w.seq`,
        [waiting.map(({ key }) => key), waiting.map(({ seq }) => seq)],
      );
      let removed = 0;
      for (const table of ["strata_messages", "strata_archived_messages"]) {
        const [count] = await sql.query<{ removed: number }>(
          `WITH gone AS (DELETE FROM ${table} WHERE conversation_id = any($1::bigint[]) RETURNING 1)
           SELECT count(*) AS removed FROM gone`,
          [ids],
        );
        removed += count?.removed ?? 0;
      }
      await sql.query("DELETE FROM strata_dead_letters WHERE owner_key = $1", [owner]);
      await sql.query("DELETE FROM strata_conversations WHERE id = any($1::bigint[])", [ids]);
      return { removed, gone: waiting.length - (stored?.count ?? 0), keys: talks.map(({ key }) => key) };
    }, options);
  }

  async bury({ place, ownerId, entry, error }: DeadLetter, options?: CallOptions): Promise<void> {
    await this.query(
      `INSERT INTO strata_dead_letters (place, owner_key, entry, error, died_at) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (place) DO NOTHING`,
      [place, ownerId === undefined ? null : ownerKey(ownerId), Buffer.from(entry), messageOfError(error), this.#now()],
      options,
    );
  }

  /**
   * A number above which nobody has given one in the conversations of a stream: those of epoch `n` begin above `(n - 1) * 2^36`, so
   * that each has room for more messages than a conversation will see, and there is room for 131,072 of them.
   */
  async newEpoch(place: string, options?: CallOptions): Promise<number> {
    const [row] = await this.query<{ number: number }>(
      `INSERT INTO strata_epochs AS e (place, number, began_at) VALUES ($1, 1, $2)
       ON CONFLICT (place) DO UPDATE SET number = e.number + 1, began_at = excluded.began_at RETURNING number`,
      [place, this.#now()],
      options,
    );
    return ((row?.number ?? 1) - 1) * EPOCH;
  }

  /** Notes that the copies of conversations in Redis lack a message. */
  async markStale(keys: readonly Digest[], options?: CallOptions): Promise<void> {
    await this.query(
      `INSERT INTO strata_stale_windows (key, mark) SELECT key, 1 FROM unnest($1::text[]) AS key ORDER BY key
       ON CONFLICT (key) DO UPDATE SET mark = strata_stale_windows.mark + 1`,
      [keys],
      options,
    );
  }

  async stale(options?: CallOptions): Promise<Array<{ key: Digest; mark: number; last_seq: number }>> {
    return this.query(
      `SELECT s.key, s.mark, coalesce(c.last_seq, 0) AS last_seq
       FROM strata_stale_windows s LEFT JOIN strata_conversations c USING (key) LIMIT 1000`,
      [],
      { ...options, prepare: true },
    );
  }

  async unmarkStale(key: Digest, mark: number, options?: CallOptions): Promise<void> {
    await this.query("DELETE FROM strata_stale_windows WHERE key = $1 AND mark = $2", [key, mark], options);
  }

  /** Ids and numbers of the newest messages below a number. */
  async idsBefore(key: Digest, before: number, limit: number): Promise<Array<{ id: string; seq: number }>> {
    return this.query(
      `SELECT id, seq FROM strata_messages WHERE conversation_id = (SELECT id FROM strata_conversations WHERE key = $1)
       AND seq < $2::bigint ORDER BY seq DESC LIMIT $3::bigint`,
      [key, before, limit],
      { prepare: true },
    );
  }

  /** Runs a statement; the tables are made before the first. A failure is tried again with the next one. */
  async query<R extends SqlRow>(text: string, parameters: readonly SqlValue[], options?: SqlOptions): Promise<R[]> {
    if (!this.#isReady) await this.ready();
    return this.sql.query<R>(text, parameters, options);
  }

  async ready(): Promise<void> {
    this.#migrating ??= migrate(this.sql, "history", HISTORY_MIGRATIONS);
    try {
      await this.#migrating;
      this.#isReady = true;
    } catch (error) {
      this.#migrating = undefined;
      throw error;
    }
  }

  /** An append that waited while its conversation was moved did not see that its messages are there already. */
  async #dropDoubled(key: Digest): Promise<number> {
    const [outcome] = await this.query<{ dropped: number }>(DROP_DOUBLED, [key], { prepare: true });
    return outcome?.dropped ?? 0;
  }

  async #appendFew(key: Digest, messages: readonly LogMessage[], options: TableAppend): Promise<Appended | undefined> {
    const { notes, floor = 0, stale = false, signal } = options;
    const statement = APPEND_FEW[messages.length - 1];
    if (statement === undefined || notes !== undefined || floor > 0 || stale) return undefined;
    const parameters = [key, this.#now(), ...messages.flatMap(row)];
    const fresh = await this.query<{ base: number }>(statement, parameters, { signal, prepare: true });
    return fresh[0] && { base: fresh[0].base, added: fresh.length, archived: false };
  }

  async #appendAny(
    key: Digest,
    conversation: Conversation,
    messages: readonly LogMessage[],
    options: TableAppend,
  ): Promise<Appended> {
    const { notes, floor = 0, stale = false, signal } = options;
    const { ownerId, sessionId } = conversation;
    const metadata = JSON.stringify(notes?.metadata ?? {});
    const talk = [key, ownerKey(ownerId), ownerId, sessionId, notes?.feature ?? null, metadata, floor, messages.length];
    const parameters = [...talk, this.#now(), ...columns(messages)];
    const [appended] = await this.query<Appended>(stale ? APPEND_STALE : APPEND, parameters, { signal, prepare: true });
    return appended as Appended;
  }

  #now(): Date {
    return new Date(this.#clock.now());
  }
}

/** The parts of a message, in the order in which the statements name them. */
function row({ id, role, name, createdAt, text, payload }: LogMessage): SqlScalar[] {
  return [id, role, name ?? null, createdAt, text, payload];
}

/** The same of many, as lists. */
function columns(messages: readonly LogMessage[]): SqlValue[] {
  const rows = messages.map(row);
  return Array.from({ length: 6 }, (_, part) => rows.map((parts) => parts[part] as SqlScalar));
}

function messageOf({ seq, id, role, name, created_at, text, payload }: MessageRow): StoredMessage {
  return { id, role, ...(name !== null && { name }), createdAt: created_at, text, payload, seq };
}

function merge(one: ConversationNotes | undefined, other: ConversationNotes | undefined): ConversationNotes {
  return { feature: other?.feature ?? one?.feature, metadata: { ...one?.metadata, ...other?.metadata } };
}

/** The first line of it; what follows may hold the message. */
function messageOfError(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return (text.split("\n", 1)[0] ?? "").replaceAll("\0", "").slice(0, 500);
}
