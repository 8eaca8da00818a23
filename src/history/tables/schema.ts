/**
 * The tables of the chat history, in PostgreSQL 14 or later and in PGlite.
 *
 * | table | holds |
 * | --- | --- |
 * | `strata_conversations` | a conversation: whose, its notes, the highest number given |
 * | `strata_messages` | messages |
 * | `strata_message_words` | what search reads of them |
 * | `strata_unread_messages` | which messages are stored, but not yet among the words |
 * | `strata_archived_messages` | messages of conversations that nobody has used for long; read, but not searched |
 * | `strata_message_embeddings` | vectors of messages, in a narrow table of their own (only with the extension `vector`) |
 * | `strata_dead_letters` | what the writer could not store |
 * | `strata_forgotten` | who was forgotten lately, as digests: what is still on its way is dropped |
 * | `strata_epochs` | how often the numbers of a stream's conversations had to begin anew; see `redis/layout.ts` |
 * | `strata_stale_windows` | conversations whose copy in Redis lacks a message |
 * | `strata_summaries` | the running summary of a conversation, and up to which message it goes |
 * | `strata_imports` | how far the takeover of another history has come |
 *
 * A message that was removed by itself leaves its row without text and payload: its number is not given again, and who brings it
 * once more (a worker that takes over, an agent that saves its state) does not bring it back.
 *
 * A conversation is found by the digest of its owner and session, since two names of 1,024 characters do not fit into an index.
 *
 * `words` holds the words of a message under three readings: stemmed as Portuguese, stemmed as Portuguese without accents, and
 * stemmed as English. Snowball stems "configurações" and "configuracoes" differently, and people write both; so a question is
 * asked under all readings too. It is filled a moment after the message is committed (`message-index.ts`), because the reading
 * takes as long as all the rest of an append.
 */
import type { Migration } from "../../clients/migrate.ts";

const MESSAGE_COLUMNS = `
  conversation_id bigint NOT NULL,
  seq bigint NOT NULL,
  id text COLLATE "C" NOT NULL,
  role text NOT NULL,
  name text,
  created_at timestamptz NOT NULL,
  text text NOT NULL,
  payload text NOT NULL`;

export const HISTORY_MIGRATIONS: readonly Migration[] = [
  {
    number: 1,
    name: "create the history",
    statements: [
      `CREATE TABLE strata_conversations (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        key text COLLATE "C" NOT NULL UNIQUE,
        owner_key text COLLATE "C" NOT NULL,
        owner_id text NOT NULL,
        session_id text NOT NULL,
        feature text,
        metadata jsonb NOT NULL DEFAULT '{}',
        last_seq bigint NOT NULL DEFAULT 0,
        cleared_seq bigint NOT NULL DEFAULT 0,
        created_at timestamptz NOT NULL,
        updated_at timestamptz NOT NULL,
        archived_at timestamptz
      ) WITH (fillfactor = 70)`,
      "COMMENT ON COLUMN strata_conversations.last_seq IS 'The highest number ever given, as far as PostgreSQL knows'",
      "COMMENT ON COLUMN strata_conversations.cleared_seq IS 'Messages up to this number were removed; they are not stored again'",
      // Not by `updated_at`: then every append would write four indexes anew in place of none.
      "CREATE INDEX ON strata_conversations (owner_key)",
      `CREATE TABLE strata_messages (${MESSAGE_COLUMNS},
        PRIMARY KEY (conversation_id, seq),
        UNIQUE (conversation_id, id)
      )`,
      // Messages come roughly in the order of their times, so a few numbers for each stretch of the table will do.
      "CREATE INDEX ON strata_messages USING brin (created_at)",
      `CREATE TABLE strata_message_words (
        conversation_id bigint NOT NULL,
        seq bigint NOT NULL,
        words tsvector NOT NULL,
        PRIMARY KEY (conversation_id, seq),
        FOREIGN KEY (conversation_id, seq) REFERENCES strata_messages ON DELETE CASCADE
      )`,
      "CREATE INDEX ON strata_message_words USING gin (words)",
      // A queue without an index: it is short, and read whole.
      "CREATE TABLE strata_unread_messages (conversation_id bigint NOT NULL, seqs bigint[] NOT NULL)",
      `CREATE TABLE strata_archived_messages (${MESSAGE_COLUMNS},
        PRIMARY KEY (conversation_id, seq),
        UNIQUE (conversation_id, id)
      )`,
      `CREATE TABLE strata_dead_letters (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        place text COLLATE "C" NOT NULL,
        owner_key text COLLATE "C",
        entry bytea NOT NULL,
        error text NOT NULL,
        died_at timestamptz NOT NULL,
        UNIQUE (place)
      )`,
      "COMMENT ON COLUMN strata_dead_letters.place IS 'Where it came from: stream, entry, and the number of the message'",
      "CREATE INDEX ON strata_dead_letters (owner_key)",
      `CREATE TABLE strata_forgotten (
        owner_key text COLLATE "C" PRIMARY KEY,
        forgotten_at timestamptz NOT NULL
      )`,
      `CREATE TABLE strata_epochs (
        place text COLLATE "C" PRIMARY KEY,
        number bigint NOT NULL,
        began_at timestamptz NOT NULL
      )`,
      `CREATE TABLE strata_stale_windows (
        key text COLLATE "C" PRIMARY KEY,
        mark bigint NOT NULL
      )`,
    ],
  },
  {
    number: 2,
    name: "add summaries, corrections and imports",
    statements: [
      "ALTER TABLE strata_conversations ADD COLUMN revision bigint NOT NULL DEFAULT 0, ADD COLUMN arrivals bigint NOT NULL DEFAULT 0",
      "COMMENT ON COLUMN strata_conversations.revision IS 'Grows with each correction and removal'",
      "COMMENT ON COLUMN strata_conversations.arrivals IS 'Grows whenever a writer stores messages, whose numbers last_seq may have passed'",
      `CREATE TABLE strata_summaries (
        conversation_id bigint PRIMARY KEY REFERENCES strata_conversations ON DELETE CASCADE,
        seq bigint NOT NULL,
        text text NOT NULL,
        made_at timestamptz NOT NULL
      )`,
      "COMMENT ON COLUMN strata_summaries.seq IS 'The summary covers the messages up to this number'",
      `CREATE TABLE strata_imports (
        source text COLLATE "C" PRIMARY KEY,
        position bigint NOT NULL,
        updated_at timestamptz NOT NULL
      )`,
    ],
  },
  {
    number: 3,
    name: "keep what people say out of the statistics",
    // `ANALYZE` copies values into `pg_statistic`, where they stay when their rows are deleted: for good, if the table is empty then.
    // No plan is made by what these columns hold; that of `words` is, by its commonest words.
    statements: Object.entries({
      strata_messages: ["text", "payload", "name"],
      strata_archived_messages: ["text", "payload", "name"],
      strata_summaries: ["text"],
      strata_dead_letters: ["entry", "error"],
      strata_conversations: ["owner_id", "session_id", "metadata"],
    }).map(([table, columns]) => withoutStatistics(table, columns)),
  },
  {
    number: 4,
    name: "note the windows of who is forgotten until they are removed",
    // The conversations are gone with the transaction that forgets; whoever does it again has to know what Redis may still hold.
    statements: [
      `CREATE TABLE strata_forgotten_windows (
        owner_key text COLLATE "C" NOT NULL,
        key text COLLATE "C" NOT NULL,
        PRIMARY KEY (owner_key, key)
      )`,
    ],
  },
];

/** Carried out when messages are embedded first: the type `vector` is there only with the extension of that name. */
export const EMBEDDING_MIGRATIONS: readonly Migration[] = [
  {
    number: 1,
    name: "create the embeddings of messages",
    statements: [
      "CREATE EXTENSION IF NOT EXISTS vector",
      `CREATE TABLE strata_message_embeddings (
        conversation_id bigint NOT NULL,
        seq bigint NOT NULL,
        model text COLLATE "C" NOT NULL,
        owner_key text COLLATE "C" NOT NULL,
        embedding vector NOT NULL,
        PRIMARY KEY (conversation_id, seq, model),
        FOREIGN KEY (conversation_id, seq) REFERENCES strata_messages ON DELETE CASCADE
      )`,
      // Beyond 2 kB a value moves to another place, and a scan of many takes four times as long.
      "ALTER TABLE strata_message_embeddings ALTER COLUMN embedding SET STORAGE PLAIN",
      "CREATE INDEX ON strata_message_embeddings (owner_key, model)",
    ],
  },
  {
    number: 2,
    name: "keep vectors out of the statistics",
    statements: [withoutStatistics("strata_message_embeddings", ["embedding"])],
  },
  {
    number: 3,
    name: "take vectors that are longer than a page",
    // `PLAIN` refuses those of more than 2,000 numbers; `MAIN` moves them out, and only them.
    statements: ["ALTER TABLE strata_message_embeddings ALTER COLUMN embedding SET STORAGE MAIN"],
  },
];

function withoutStatistics(table: string, columns: readonly string[]): string {
  return `ALTER TABLE ${table} ${columns.map((column) => `ALTER COLUMN ${column} SET STATISTICS 0`).join(", ")}`;
}
