/**
 * What the history consists of in a backup: for each kind of record, how it is read and how it is put back. PostgreSQL writes a row as
 * JSON and reads it again, so that every value comes back as it was, microseconds included. Rows name their conversation by its key,
 * which is the same in every database, and never by its number.
 *
 * Putting back changes nothing that is there: a conversation that was corrected, cleared or added to since keeps what it has.
 */

/** The first byte of each record. A released letter is never given another meaning. */
export type HistoryLetter = "C" | "M" | "A" | "S" | "V" | "D" | "E" | "I" | "R";

export interface HistoryKind {
  readonly letter: HistoryLetter;
  /** The table that must be there; without it there is nothing of this kind. */
  readonly table: string;
  /** Gives `owner`, the owner's digest, and `line`, the row as JSON. */
  readonly read: string;
  /** Takes rows as a JSON array (`$1`) and the time of the backup (`$2`, Unix ms); gives `restored` and `present`. */
  readonly write: string;
}

const json = (alias: string): string => `row_to_json(${alias})::text AS line`;

/** Nobody is written back who was forgotten in this database since the backup began. */
const NOT_FORGOTTEN = `NOT EXISTS (
  SELECT FROM strata_forgotten f WHERE f.owner_key = g.owner_key AND f.forgotten_at >= to_timestamp($2::double precision / 1000))`;

const CONVERSATION_COLUMNS =
  "key, owner_key, owner_id, session_id, feature, metadata, last_seq, cleared_seq, created_at, updated_at, archived_at, revision, arrivals";
const RECALL_COLUMNS = "id, owner_key, strategy, at, latency_ms, results, cache_hit, propensity, is_exploration, outcome";
const MESSAGE_COLUMNS = "seq, id, role, name, created_at, text, payload";
const MESSAGE_TYPES = "seq bigint, id text, role text, name text, created_at timestamptz, text text, payload text";

const readMessages = (table: string): string => `
  SELECT r.owner_key AS owner, ${json("m")} FROM ${table} t JOIN strata_conversations r ON r.id = t.conversation_id,
    LATERAL (SELECT r.key, ${MESSAGE_COLUMNS.split(", ")
      .map((column) => `t.${column}`)
      .join(", ")}) m`;

/** Only what is in neither table yet, under a number that is free in both. */
const writeMessages = (table: string, also: string): string => `
  WITH given AS (
    SELECT c.id AS conversation_id, c.cleared_seq, g.* FROM json_to_recordset($1::json) AS g (key text, ${MESSAGE_TYPES})
      JOIN strata_conversations c USING (key)
    WHERE $2::double precision IS NOT NULL
  ), known AS (
    SELECT g.conversation_id, g.seq FROM given g
    WHERE EXISTS (SELECT FROM strata_messages o WHERE o.conversation_id = g.conversation_id AND o.id = g.id)
       OR EXISTS (SELECT FROM strata_archived_messages o WHERE o.conversation_id = g.conversation_id AND o.id = g.id)
  ), written AS (
    INSERT INTO ${table} (conversation_id, ${MESSAGE_COLUMNS})
    SELECT conversation_id, ${MESSAGE_COLUMNS} FROM given g
    WHERE seq > cleared_seq
      AND NOT EXISTS (SELECT FROM known k WHERE k.conversation_id = g.conversation_id AND k.seq = g.seq)
      AND NOT EXISTS (SELECT FROM strata_messages o WHERE o.conversation_id = g.conversation_id AND o.seq = g.seq)
      AND NOT EXISTS (SELECT FROM strata_archived_messages o WHERE o.conversation_id = g.conversation_id AND o.seq = g.seq)
    ON CONFLICT DO NOTHING RETURNING conversation_id, seq
  )${also}
  SELECT (SELECT count(*) FROM written) AS restored, (SELECT count(*) FROM known) AS present`;

/** In the order in which they are written back: a message needs its conversation. */
export const HISTORY_KINDS: readonly HistoryKind[] = [
  {
    letter: "C",
    table: "strata_conversations",
    read: `SELECT r.owner_key AS owner, ${json("r")} FROM (SELECT ${CONVERSATION_COLUMNS} FROM strata_conversations) r`,
    write: `
      WITH given AS (
        SELECT g.* FROM json_to_recordset($1::json) AS g (key text, owner_key text, owner_id text, session_id text, feature text,
          metadata jsonb, last_seq bigint, cleared_seq bigint, created_at timestamptz, updated_at timestamptz,
          archived_at timestamptz, revision bigint, arrivals bigint)
        WHERE ${NOT_FORGOTTEN}
      ), written AS (
        INSERT INTO strata_conversations AS c (${CONVERSATION_COLUMNS}) SELECT ${CONVERSATION_COLUMNS} FROM given ORDER BY key
        ON CONFLICT (key) DO UPDATE SET last_seq = greatest(c.last_seq, excluded.last_seq),
          cleared_seq = greatest(c.cleared_seq, excluded.cleared_seq), arrivals = c.arrivals + 1
        RETURNING xmax = 0 AS is_new
      )
      SELECT count(*) FILTER (WHERE is_new) AS restored, count(*) FILTER (WHERE NOT is_new) AS present FROM written`,
  },
  {
    letter: "A",
    table: "strata_archived_messages",
    read: readMessages("strata_archived_messages"),
    write: writeMessages("strata_archived_messages", ""),
  },
  {
    letter: "M",
    table: "strata_messages",
    read: readMessages("strata_messages"),
    // Search reads them as it reads new ones.
    write: writeMessages(
      "strata_messages",
      `, unread AS (
    INSERT INTO strata_unread_messages SELECT conversation_id, array_agg(seq) FROM written GROUP BY conversation_id
  )`,
    ),
  },
  {
    letter: "S",
    table: "strata_summaries",
    read: `
      SELECT c.owner_key AS owner, ${json("r")} FROM strata_summaries s JOIN strata_conversations c ON c.id = s.conversation_id,
        LATERAL (SELECT c.key, s.seq, s.text, s.made_at) r`,
    // Only where all that it covers is there as it was: a correction since has dropped the summary for a reason.
    write: `
      WITH given AS (
        SELECT c.id AS conversation_id, g.seq, g.text, g.made_at
        FROM json_to_recordset($1::json) AS g (key text, seq bigint, text text, made_at timestamptz)
          JOIN strata_conversations c USING (key)
        WHERE $2::double precision IS NOT NULL AND g.seq > c.cleared_seq AND g.seq <= c.last_seq
      ), written AS (
        INSERT INTO strata_summaries (conversation_id, seq, text, made_at) SELECT * FROM given ON CONFLICT DO NOTHING RETURNING 1
      )
      SELECT (SELECT count(*) FROM written) AS restored, (SELECT count(*) FROM given) - (SELECT count(*) FROM written) AS present`,
  },
  {
    letter: "V",
    table: "strata_message_embeddings",
    read: `
      SELECT e.owner_key AS owner, ${json("r")} FROM strata_message_embeddings e
        JOIN strata_conversations c ON c.id = e.conversation_id
        JOIN strata_messages m ON m.conversation_id = e.conversation_id AND m.seq = e.seq,
        LATERAL (SELECT c.key, e.seq, m.id, md5(m.text) AS text, e.model, e.owner_key, e.embedding::text AS embedding) r`,
    // A vector of what the message says, and of nothing that it said once.
    write: `
      WITH given AS (
        SELECT c.id AS conversation_id, g.seq, g.model, g.owner_key, g.embedding
        FROM json_to_recordset($1::json)
            AS g (key text, seq bigint, id text, text text, model text, owner_key text, embedding text)
          JOIN strata_conversations c USING (key)
          JOIN strata_messages m ON m.conversation_id = c.id AND m.seq = g.seq AND m.id = g.id AND md5(m.text) = g.text
        WHERE ${NOT_FORGOTTEN}
      ), written AS (
        INSERT INTO strata_message_embeddings (conversation_id, seq, model, owner_key, embedding)
        SELECT conversation_id, seq, model, owner_key, embedding::vector FROM given ON CONFLICT DO NOTHING RETURNING 1
      )
      SELECT (SELECT count(*) FROM written) AS restored, (SELECT count(*) FROM given) - (SELECT count(*) FROM written) AS present`,
  },
  {
    letter: "D",
    table: "strata_dead_letters",
    read: `
      SELECT r.owner_key AS owner, ${json("r")}
      FROM (SELECT place, owner_key, encode(entry, 'base64') AS entry, error, died_at FROM strata_dead_letters) r`,
    write: `
      WITH given AS (
        SELECT g.* FROM json_to_recordset($1::json) AS g (place text, owner_key text, entry text, error text, died_at timestamptz)
        WHERE ${NOT_FORGOTTEN}
      ), written AS (
        INSERT INTO strata_dead_letters (place, owner_key, entry, error, died_at)
        SELECT place, owner_key, decode(entry, 'base64'), error, died_at FROM given ON CONFLICT DO NOTHING RETURNING 1
      )
      SELECT (SELECT count(*) FROM written) AS restored, (SELECT count(*) FROM given) - (SELECT count(*) FROM written) AS present`,
  },
  {
    letter: "E",
    table: "strata_epochs",
    read: `SELECT null AS owner, ${json("r")} FROM (SELECT place, number, began_at FROM strata_epochs) r`,
    write: `
      WITH written AS (
        INSERT INTO strata_epochs AS e (place, number, began_at)
        SELECT place, number, began_at FROM json_to_recordset($1::json) AS g (place text, number bigint, began_at timestamptz)
        WHERE $2::double precision IS NOT NULL
        ON CONFLICT (place) DO UPDATE SET number = greatest(e.number, excluded.number) RETURNING xmax = 0 AS is_new
      )
      SELECT count(*) FILTER (WHERE is_new) AS restored, count(*) FILTER (WHERE NOT is_new) AS present FROM written`,
  },
  {
    letter: "I",
    table: "strata_imports",
    read: `SELECT null AS owner, ${json("r")} FROM (SELECT source, position, updated_at FROM strata_imports) r`,
    write: `
      WITH written AS (
        INSERT INTO strata_imports AS i (source, position, updated_at)
        SELECT source, position, updated_at
        FROM json_to_recordset($1::json) AS g (source text, position bigint, updated_at timestamptz)
        WHERE $2::double precision IS NOT NULL
        ON CONFLICT (source) DO UPDATE SET position = greatest(i.position, excluded.position) RETURNING xmax = 0 AS is_new
      )
      SELECT count(*) FILTER (WHERE is_new) AS restored, count(*) FILTER (WHERE NOT is_new) AS present FROM written`,
  },
  {
    letter: "R",
    table: "strata_recalls",
    read: `SELECT r.owner_key AS owner, ${json("r")} FROM (SELECT ${RECALL_COLUMNS} FROM strata_recalls) r`,
    write: `
      WITH given AS (
        SELECT g.* FROM json_to_recordset($1::json) AS g (id text, owner_key text, strategy text, at timestamptz,
          latency_ms double precision, results integer, cache_hit boolean, propensity double precision, is_exploration boolean,
          outcome double precision)
        WHERE ${NOT_FORGOTTEN}
      ), written AS (
        INSERT INTO strata_recalls (${RECALL_COLUMNS}) SELECT ${RECALL_COLUMNS} FROM given ON CONFLICT DO NOTHING RETURNING 1
      )
      SELECT (SELECT count(*) FROM written) AS restored, (SELECT count(*) FROM given) - (SELECT count(*) FROM written) AS present`,
  },
];
