/**
 * The statements of the history's tables. An append is one statement: it is carried out whole or not at all, and costs one commit.
 * Everything that writes to a conversation locks its row first, several in the order of their keys, so that processes which write at
 * the same time cannot lock each other out; and nothing that depends on what others wrote stands in the statement that waits for the
 * lock, because a statement sees what was committed when it began.
 */
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

export const APPEND: string = appendStatement(false);
export const APPEND_STALE: string = appendStatement(true);

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
    UPDATE strata_conversations SET last_seq = last_seq + ${count}, updated_at = greatest(updated_at, to_timestamp($2::double precision / 1000))
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
export const APPEND_FEW: readonly string[] = Array.from({ length: FEW }, (_, index) => appendFew(index + 1));

/** Until when what owners said is forgotten, Unix ms. */
export const FORGOTTEN: string = `
  SELECT owner_key, (extract(epoch FROM forgotten_at) * 1000)::double precision AS before
  FROM strata_forgotten WHERE owner_key = any($1::text[])`;

/** Numbers of the writer come from Redis; what was cleared, or is there already, is passed over. */
export const STORE: string = `
  WITH talk AS (
    INSERT INTO strata_conversations AS c
      (key, owner_key, owner_id, session_id, feature, metadata, last_seq, created_at, updated_at)
    SELECT key, owner_key, owner_id, session_id, feature, metadata::jsonb, last_seq, $1, $1
    FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[])
      AS g (key, owner_key, owner_id, session_id, feature, metadata, last_seq)
    ORDER BY key
    ON CONFLICT (key) DO UPDATE SET
      last_seq = greatest(c.last_seq, excluded.last_seq), updated_at = greatest(c.updated_at, excluded.updated_at),
      feature = coalesce(excluded.feature, c.feature), metadata = c.metadata || excluded.metadata, arrivals = c.arrivals + 1
    RETURNING id, key, cleared_seq, archived_at
  ), fresh AS (
    INSERT INTO strata_messages (conversation_id, seq, id, role, name, created_at, text, payload)
    SELECT talk.id, m.seq, m.id, m.role, m.name, to_timestamp(m.at / 1000), m.text, m.payload
    FROM unnest($9::text[], $10::bigint[], $11::text[], $12::text[], $13::text[], $14::double precision[], $15::text[],
      $16::text[]) AS m (key, seq, id, role, name, at, text, payload)
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
export const DISPLACED: string = `
  SELECT m.place FROM unnest($1::text[], $2::bigint[], $3::text[]) WITH ORDINALITY AS m (key, seq, id, place)
    JOIN strata_conversations c USING (key)
  WHERE m.seq > c.cleared_seq
    AND EXISTS (SELECT FROM strata_messages o WHERE o.conversation_id = c.id AND o.seq = m.seq AND o.id <> m.id)
    AND NOT EXISTS (SELECT FROM strata_messages o WHERE o.conversation_id = c.id AND o.id = m.id)
    AND NOT EXISTS (SELECT FROM strata_archived_messages o WHERE o.conversation_id = c.id AND o.id = m.id)
  ORDER BY m.place`;

export const READ: string = `SELECT * FROM (${["strata_messages", "strata_archived_messages"]
  .map(
    (table) => `(SELECT ${MESSAGE} FROM ${table}
      WHERE conversation_id = (SELECT id FROM strata_conversations WHERE key = $1) AND seq > $2::bigint AND seq < $3::bigint
        AND payload <> ''
      ORDER BY seq DESC LIMIT $4::bigint)`,
  )
  .join(" UNION ALL ")}) AS both_tables ORDER BY seq DESC LIMIT $4::bigint`;

export const KNOWN: string = ["strata_messages", "strata_archived_messages"]
  .map(
    (table) => `SELECT id, seq FROM ${table}
      WHERE conversation_id = (SELECT id FROM strata_conversations WHERE key = $1) AND id = any($2)`,
  )
  .join(" UNION ALL ");

export const DROP_DOUBLED: string = `
  WITH gone AS (
    DELETE FROM strata_messages m USING strata_archived_messages a
    WHERE m.conversation_id = (SELECT id FROM strata_conversations WHERE key = $1)
      AND a.conversation_id = m.conversation_id AND a.id = m.id
    RETURNING 1
  )
  SELECT count(*) AS dropped FROM gone`;

export const BEGIN_CLEARING: string = `
  INSERT INTO strata_conversations AS c (key, owner_key, owner_id, session_id, last_seq, cleared_seq, created_at, updated_at)
  VALUES ($1, $2, $3, $4, $5::bigint, $5::bigint, $6, $6)
  ON CONFLICT (key) DO UPDATE SET last_seq = greatest(c.last_seq, excluded.last_seq),
    cleared_seq = greatest(c.last_seq, excluded.last_seq), updated_at = greatest(c.updated_at, excluded.updated_at)
  RETURNING id, cleared_seq`;

export const CLEAR: string = `
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

export const KEEP_FORGOTTEN: string = `
  INSERT INTO strata_forgotten AS f (owner_key, forgotten_at) VALUES ($1, to_timestamp($2::double precision / 1000))
  ON CONFLICT (owner_key) DO UPDATE SET forgotten_at = greatest(f.forgotten_at, excluded.forgotten_at)`;

/** Notes windows that are to be removed from Redis. */
export const KEEP_WINDOWS: string = `
  INSERT INTO strata_forgotten_windows (owner_key, key) SELECT $1, key FROM unnest($2::text[]) AS key
  ON CONFLICT (owner_key, key) DO NOTHING`;

/** Of what is on its way, how much is stored too. */
export const COUNT_STORED: string = `
  SELECT count(*) FROM unnest($1::text[], $2::bigint[]) AS w (key, seq)
    JOIN strata_conversations c USING (key) JOIN strata_messages m ON m.conversation_id = c.id AND m.seq = w.seq`;

/** None when as many have begun as there may be. */
export const NEW_EPOCH: string = `
  INSERT INTO strata_epochs AS e (place, number, began_at) VALUES ($1, 1, $2)
  ON CONFLICT (place) DO UPDATE SET number = e.number + 1, began_at = excluded.began_at WHERE e.number < $3
  RETURNING number`;

export const MARK_STALE: string = `
  INSERT INTO strata_stale_windows (key, mark) SELECT key, 1 FROM unnest($1::text[]) AS key ORDER BY key
  ON CONFLICT (key) DO UPDATE SET mark = strata_stale_windows.mark + 1`;

/** A page of the notes, in the order of their keys: `$1` is the last of the page before. */
export const STALE: string = `
  SELECT s.key, s.mark, coalesce(c.last_seq, 0) AS last_seq
  FROM strata_stale_windows s LEFT JOIN strata_conversations c USING (key) WHERE s.key > $1 ORDER BY s.key LIMIT 100`;

/** A note that is being renewed stays, and is not waited for. */
export const UNMARK_STALE: string = `
  DELETE FROM strata_stale_windows WHERE key IN (
    SELECT s.key FROM strata_stale_windows s JOIN unnest($1::text[], $2::bigint[]) AS seen (key, mark) USING (key, mark)
    FOR UPDATE OF s SKIP LOCKED)`;

/** Ids and numbers of the newest messages below a number. */
export const IDS_BEFORE: string = `
  SELECT id, seq FROM strata_messages WHERE conversation_id = (SELECT id FROM strata_conversations WHERE key = $1)
    AND seq < $2::bigint ORDER BY seq DESC LIMIT $3::bigint`;

export const BURY: string = `
  INSERT INTO strata_dead_letters (place, owner_key, entry, error, died_at) VALUES ($1, $2, $3, $4, $5)
  ON CONFLICT (place) DO NOTHING`;
