/** The history in SQL; what its statements promise, `statements.ts` says. */
import type { CallOptions } from "../../core/abort.ts";
import { systemClock, type Clock } from "../../core/clock.ts";
import { StrataConfigError, StrataError } from "../../core/errors.ts";
import type { Digest } from "../../core/key.ts";
import { migrate } from "../../clients/migrate.ts";
import type { Sql, SqlClient, SqlOptions, SqlRow, SqlScalar, SqlValue } from "../../clients/sql.ts";
import { conversationKey, ownerKey } from "../conversation-key.ts";
import type { AppendResult, Conversation, ConversationNotes, LogMessage, ReadRange, StoredMessage } from "../message-log.ts";
import * as statements from "./statements.ts";
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
  /** Of the conversation, where it is known already. */
  readonly key?: Digest | undefined;
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

/** That the copy of a conversation in Redis lacks a message; `mark` grows each time when it is noted again. */
export type StaleNote = { readonly key: Digest; readonly mark: number; readonly last_seq: number };

export interface TableState {
  readonly lastSeq: number;
  readonly clearedSeq: number;
}

const EPOCH = 2 ** 36;
/** The last of them ends with the largest number that is exact. */
const MOST_EPOCHS = 2 ** 53 / EPOCH;

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
    const { key = conversationKey(conversation) } = options;
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
    const rows = await this.query<{ id: string; seq: number }>(statements.KNOWN, [key, messages.map(({ id }) => id)], options);
    return new Map(rows.map(({ id, seq }) => [id, seq]));
  }

  /** Oldest first. */
  async read(key: Digest, range: ReadRange): Promise<StoredMessage[]> {
    const { after = 0, before = BEYOND, limit = BEYOND, signal } = range;
    const rows = await this.query<MessageRow>(statements.READ, [key, after, Math.min(before, BEYOND), Math.min(limit, BEYOND)], {
      signal,
      prepare: true,
    });
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
    await this.ready();
    return this.sql.transaction(async (sql) => {
      await sql.query(`SELECT pg_advisory_xact_lock_shared(${statements.FORGETTING})::text`);
      const kept = await this.#kept(sql, batches);
      if (kept.length === 0) return { isWhole: batches.length === 0, displaced: [] };
      const { parameters, keys, messages } = this.#rows(kept.map(({ batch }) => batch));
      const [outcome] = await sql.query<{ added: number }>(statements.STORE, parameters);
      const isWhole = outcome?.added === messages.length;
      if (isWhole) return { isWhole: kept.length === batches.length, displaced: [] };
      const given = kept.flatMap(({ batch, places }) => batch.messages.map((_, at) => places + at));
      const seqs = messages.map(({ seq }) => seq);
      const rows = await sql.query<{ place: number }>(statements.DISPLACED, [keys, seqs, messages.map(({ id }) => id)]);
      return { isWhole: false, displaced: rows.map(({ place }) => given[place - 1] as number) };
    }, options);
  }

  /**
   * What nobody has forgotten since it was accepted. Batch by batch: what an owner said before may be taken from the stream together
   * with what the same owner said after.
   * @returns batches, and where their messages begin among all
   */
  async #kept(sql: Sql, batches: readonly NumberedBatch[]): Promise<Array<{ batch: NumberedBatch; places: number }>> {
    const owners = new Map(batches.map(({ conversation: { ownerId } }) => [ownerId, ownerKey(ownerId)]));
    const rows = await sql.query<{ owner_key: string; before: number }>(statements.FORGOTTEN, [[...owners.values()]]);
    const forgotten = new Map(rows.map(({ owner_key: owner, before }) => [owner, before]));
    let places = 0;
    return batches.flatMap((batch) => {
      const one = { batch, places };
      places += batch.messages.length;
      const before = forgotten.get(owners.get(batch.conversation.ownerId) as string) ?? -Infinity;
      return batch.acceptedAt > before ? one : [];
    });
  }

  #rows(batches: readonly NumberedBatch[]): { parameters: SqlValue[]; keys: Digest[]; messages: StoredMessage[] } {
    const talks = new Map<Digest, { batch: NumberedBatch; notes: ConversationNotes; lastSeq: number }>();
    const keys: Digest[] = [];
    const messages: StoredMessage[] = [];
    for (const batch of batches) {
      const key = conversationKey(batch.conversation);
      const known = talks.get(key);
      talks.set(key, {
        batch,
        notes: merge(known?.notes, batch.notes),
        lastSeq: Math.max(known?.lastSeq ?? 0, ...batch.messages.map(({ seq }) => seq)),
      });
      for (const message of batch.messages) {
        keys.push(key);
        messages.push(message);
      }
    }
    const all = [...talks.entries()];
    const parameters = [
      this.#now(),
      all.map(([key]) => key),
      all.map(([, { batch }]) => ownerKey(batch.conversation.ownerId)),
      all.map(([, { batch }]) => batch.conversation.ownerId),
      all.map(([, { batch }]) => batch.conversation.sessionId),
      all.map(([, { notes }]) => notes.feature ?? null),
      all.map(([, { notes }]) => JSON.stringify(notes.metadata ?? {})),
      all.map(([, { lastSeq }]) => lastSeq),
      keys,
      messages.map(({ seq }) => seq),
      ...columns(messages),
    ];
    return { parameters, keys, messages };
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
      const [row] = await sql.query<{ id: number; cleared_seq: number }>(statements.BEGIN_CLEARING, [
        ...talk,
        lastSeq,
        this.#now(),
      ]);
      const { id, cleared_seq } = row as { id: number; cleared_seq: number };
      const [outcome] = await sql.query<{ removed: number; counted: number }>(statements.CLEAR, [id, cleared_seq, pending]);
      return outcome as { removed: number; counted: number };
    }, options);
  }

  /**
   * @param before Unix ms: what was accepted up to then and comes later is dropped
   * @param waiting what is on its way
   * @returns how many messages were removed here, and how many were only on their way
   */
  async forget(
    ownerId: string,
    before: number,
    waiting: ReadonlyArray<{ readonly key: Digest; readonly seq: number }>,
    { hasWindows = false, ...options }: CallOptions & { readonly hasWindows?: boolean } = {},
  ): Promise<{ removed: number; gone: number }> {
    const owner = ownerKey(ownerId);
    await this.ready();
    return this.sql.transaction(async (sql) => {
      await sql.query(`SELECT pg_advisory_xact_lock(${statements.FORGETTING})::text`);
      await sql.query(statements.KEEP_FORGOTTEN, [owner, before]);
      const talks = await sql.query<{ id: number; key: string }>(
        "SELECT id, key FROM strata_conversations WHERE owner_key = $1 ORDER BY key FOR UPDATE",
        [owner],
      );
      const ids = talks.map(({ id }) => id);
      const [stored] = await sql.query<{ count: number }>(statements.COUNT_STORED, [
        waiting.map(({ key }) => key),
        waiting.map(({ seq }) => seq),
      ]);
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
      if (hasWindows) {
        const keys = new Set([...talks, ...waiting].map(({ key }) => key));
        await sql.query(statements.KEEP_WINDOWS, [owner, [...keys]]);
      }
      return { removed, gone: waiting.length - (stored?.count ?? 0) };
    }, options);
  }

  /** The conversations of who was forgotten whose windows are not known to be gone: of this time, and of one that was cut off. */
  async forgottenWindows(ownerId: string, options?: CallOptions): Promise<Digest[]> {
    const rows = await this.query<{ key: Digest }>(
      "SELECT key FROM strata_forgotten_windows WHERE owner_key = $1",
      [ownerKey(ownerId)],
      options,
    );
    return rows.map(({ key }) => key);
  }

  async windowsForgotten(ownerId: string, keys: readonly Digest[], options?: CallOptions): Promise<void> {
    await this.query(
      "DELETE FROM strata_forgotten_windows WHERE owner_key = $1 AND key = any($2::text[])",
      [ownerKey(ownerId), keys],
      options,
    );
  }

  async bury({ place, ownerId, entry, error }: DeadLetter, options?: CallOptions): Promise<void> {
    await this.query(
      statements.BURY,
      [place, ownerId === undefined ? null : ownerKey(ownerId), Buffer.from(entry), messageOfError(error), this.#now()],
      options,
    );
  }

  /**
   * A number above which nobody has given one in the conversations of a stream: those of epoch `n` begin above `(n - 1) * 2^36`, so
   * that each has room for more messages than a conversation will see, and there is room for 131,072 of them.
   * @throws {@link StrataError} `UNAVAILABLE` when all of them have begun: messages above could not be stored
   */
  async newEpoch(place: string, options?: CallOptions): Promise<number> {
    const [row] = await this.query<{ number: number }>(statements.NEW_EPOCH, [place, this.#now(), MOST_EPOCHS], options);
    if (row === undefined) {
      throw new StrataError(
        "UNAVAILABLE",
        `Redis was away or lost its data ${MOST_EPOCHS} times, and no numbers are left above those of "${place}". ` +
          'Let a worker empty the stream, then use the durability "postgres", which needs none.',
      );
    }
    return (row.number - 1) * EPOCH;
  }

  /** Notes that the copies of conversations in Redis lack a message. */
  async markStale(keys: readonly Digest[], options?: CallOptions): Promise<void> {
    await this.query(statements.MARK_STALE, [keys], options);
  }

  /** Some of those notes, in the order of their keys: those after `after`; none when there are no more. */
  async stale(after: string, options?: CallOptions): Promise<StaleNote[]> {
    return this.query<StaleNote>(statements.STALE, [after], { ...options, prepare: true });
  }

  /** Removes notes, but not what was noted again meanwhile. */
  async unmarkStale(notes: readonly StaleNote[], options?: CallOptions): Promise<void> {
    await this.query(statements.UNMARK_STALE, [notes.map(({ key }) => key), notes.map(({ mark }) => mark)], options);
  }

  /** Ids and numbers of the newest messages below a number. */
  async idsBefore(key: Digest, before: number, limit: number): Promise<Array<{ id: string; seq: number }>> {
    return this.query(statements.IDS_BEFORE, [key, before, limit], { prepare: true });
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
    const [outcome] = await this.query<{ dropped: number }>(statements.DROP_DOUBLED, [key], { prepare: true });
    return outcome?.dropped ?? 0;
  }

  async #appendFew(key: Digest, messages: readonly LogMessage[], options: TableAppend): Promise<Appended | undefined> {
    const { notes, floor = 0, stale = false, signal } = options;
    const statement = statements.APPEND_FEW[messages.length - 1];
    if (statement === undefined || notes !== undefined || floor > 0 || stale) return undefined;
    const parameters: SqlScalar[] = [key, this.#clock.now()];
    for (const message of messages) parameters.push(...row(message));
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
    const [appended] = await this.query<Appended>(stale ? statements.APPEND_STALE : statements.APPEND, parameters, {
      signal,
      prepare: true,
    });
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
