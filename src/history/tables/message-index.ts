/**
 * Reads committed messages into the words that search looks at, a moment after the commit. Which messages are still unread is
 * noted in the transaction that stores them, so none is left out, whoever ends when; any process may read them.
 */
import type { CallOptions } from "../../core/abort.ts";
import type { Clock } from "../../core/clock.ts";
import { StrataError } from "../../core/errors.ts";
import type { Emit } from "../../core/events.ts";
import type { Digest } from "../../core/key.ts";
import type { HistoryTables } from "./history-tables.ts";
import { MessageVectors, type VectorModel } from "./message-vectors.ts";

export interface MessageIndexOptions {
  readonly tables: HistoryTables;
  readonly clock: Clock;
  /** Made behind the appends too, where there is a model for it. */
  readonly vectors?: MessageVectors | undefined;
  /** Told when a background run fails; it is tried again after the next append. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** How long messages gather before they are read, so that one run takes many. */
const GATHER_MS = 100;
/** Notes of unread messages that one statement takes; each is one append or one conversation of a writer's batch. */
const AT_ONCE = 500;
/** PostgreSQL takes at most 1 MB of words for one message; three readings of so many characters stay below it. */
const LONGEST = 50_000;
/**
 * The same where more than a tenth is beyond Latin letters: a Hangul syllable taken apart is nine bytes, and a word with a hyphen is kept
 * whole and in parts, which came to 24 bytes a character.
 */
const LONGEST_DENSE = 15_000;
const CUT = `left(m.text, CASE WHEN octet_length(left(m.text, ${LONGEST})) > 1.2 * length(left(m.text, ${LONGEST}))
      THEN ${LONGEST_DENSE} ELSE ${LONGEST} END)`;

/** Accents are the marks that are left of a letter taken apart: U+0300 to U+036F. */
const read = (lock: "FOR UPDATE" | "FOR UPDATE SKIP LOCKED"): string => `
  WITH taken AS (
    DELETE FROM strata_unread_messages
    WHERE ctid = any(array(SELECT ctid FROM strata_unread_messages LIMIT ${AT_ONCE} ${lock}))
    RETURNING conversation_id, seqs
  ), found AS (
    SELECT m.conversation_id, m.seq, ${CUT} AS text
    FROM taken, unnest(taken.seqs) AS s JOIN strata_messages m ON m.seq = s
    WHERE m.conversation_id = taken.conversation_id
    FOR KEY SHARE OF m
  ), added AS (
    INSERT INTO strata_message_words (conversation_id, seq, words)
    SELECT conversation_id, seq,
      to_tsvector('pg_catalog.portuguese', text) || to_tsvector('pg_catalog.english', text) || CASE WHEN text ~ '[^\\u0001-\\u007f]'
        THEN to_tsvector('pg_catalog.portuguese', regexp_replace(normalize(text, NFD), '[\\u0300-\\u036f]+', '', 'g'))
        ELSE '' END
    FROM found
    ON CONFLICT DO NOTHING
  )
  SELECT count(*) AS taken FROM taken`;

const READ_FREE = read("FOR UPDATE SKIP LOCKED");
const READ_ALL = read("FOR UPDATE");

export class MessageIndex {
  readonly #options: MessageIndexOptions;
  #cancel: (() => void) | undefined;
  #running: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: MessageIndexOptions) {
    this.#options = options;
  }

  /** Says that messages of these conversations were stored. */
  wake(keys: Iterable<Digest>): void {
    this.#options.vectors?.wake(keys);
    if (this.#closed || this.#cancel !== undefined) return;
    this.#cancel = this.#options.clock.setTimer(
      GATHER_MS,
      () => {
        this.#cancel = undefined;
        this.#running = this.#run(READ_FREE).catch((error: unknown) => this.#options.onError?.(error));
      },
      { background: true },
    );
  }

  /** Every message that is committed now is read when this resolves, also by others, and has its vector. */
  async drain(options?: CallOptions): Promise<void> {
    await this.#running;
    await this.#run(READ_ALL, options);
    await this.#options.vectors?.drain(options);
  }

  /** What is unread stays noted, for who comes next. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
    await this.#options.vectors?.close();
    await this.#running;
  }

  async #run(statement: string, options?: CallOptions): Promise<void> {
    const { tables } = this.#options;
    for (;;) {
      const [outcome] = await tables.query<{ taken: number }>(statement, [], { ...options, prepare: true });
      if ((outcome?.taken ?? 0) < AT_ONCE || this.#closed) return;
    }
  }
}

/** The index of a log or a worker, with vectors where there is a model; faults are told as events. */
export function messageIndex(tables: HistoryTables, clock: Clock, emit: Emit, model?: VectorModel): MessageIndex {
  const tell =
    (operation: "index" | "embed") =>
    (error: unknown): void => {
      const code = StrataError.isInstance(error) ? error.code : "ENGINE";
      emit?.({ type: "history.fault", operation, code, message: String(error) });
    };
  const vectors = model && new MessageVectors({ ...model, tables, clock, onError: tell("embed") });
  return new MessageIndex({ tables, clock, vectors, onError: tell("index") });
}
