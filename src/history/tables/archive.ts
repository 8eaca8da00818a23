/**
 * Moves conversations that nobody has used for long out of the tables that search and appends go through. They are read as before,
 * and go on when somebody comes back; their words and vectors are dropped.
 *
 * Conversations are passed once, in the order of their ids, some at a time, each portion in one statement: whoever stops it in
 * between leaves every conversation whole. One that is being written to is left for the next time, and so is one that was written
 * to since: the row that is locked is looked at as it is then.
 */
import type { CallOptions } from "../../core/abort.ts";
import { systemClock } from "../../core/clock.ts";
import { parseCount, parseDuration, refuseUnknown, type Duration } from "../../core/options.ts";
import { historyTables, type HistoryTablesOptions } from "./history-tables.ts";

export interface ArchiveHistoryOptions extends HistoryTablesOptions, CallOptions {
  /** Conversations are moved to which nothing was added for so long, such as `"90d"`. */
  readonly olderThan: Duration;
  /** Conversations that one transaction moves; default 50. */
  readonly batch?: number | undefined;
  /** Told after each batch that moved something, with what was moved so far. */
  readonly onProgress?: ((report: ArchiveReport) => void) | undefined;
}

/** What was moved. */
export interface ArchiveReport {
  readonly conversations: number;
  readonly messages: number;
}

const BATCH = 50;
const COLUMNS = "conversation_id, seq, id, role, name, created_at, text, payload";

const MOVE = `
  WITH talks AS (
    SELECT id FROM strata_conversations c
    WHERE id > $1::bigint AND updated_at < $2::timestamptz
      AND EXISTS (SELECT FROM strata_messages m WHERE m.conversation_id = c.id)
    ORDER BY id LIMIT $3::bigint FOR UPDATE SKIP LOCKED
  ), moved AS (
    DELETE FROM strata_messages m USING talks WHERE m.conversation_id = talks.id RETURNING m.*
  ), kept AS (
    INSERT INTO strata_archived_messages (${COLUMNS}) SELECT ${COLUMNS} FROM moved ON CONFLICT DO NOTHING
  ), marked AS (
    UPDATE strata_conversations c SET archived_at = $4 FROM talks WHERE c.id = talks.id
  )
  SELECT coalesce(max(id), 0) AS last, count(*) AS conversations, (SELECT count(*) FROM moved) AS messages FROM talks`;

/**
 * Moves old conversations to `strata_archived_messages`. May be run at any time, again, and by several processes.
 * @throws {@link StrataConfigError} naming the option; the signal's reason, after whole batches
 * @example
 * ```ts
 * const { messages } = await archiveHistory({ sql: pgClient(pool), olderThan: "90d" });
 * ```
 */
export async function archiveHistory(options: ArchiveHistoryOptions): Promise<ArchiveReport> {
  refuseUnknown("archiveHistory", options, ["sql", "clock", "olderThan", "batch", "signal", "onProgress"]);
  const { clock = systemClock, signal, onProgress } = options;
  const age = parseDuration("archiveHistory.olderThan", options.olderThan);
  const batch = parseCount("archiveHistory.batch", options.batch ?? BATCH);
  const tables = historyTables("archiveHistory", options);
  const now = clock.now();
  const [at, before] = [new Date(now), new Date(now - age)];
  let report: ArchiveReport = { conversations: 0, messages: 0 };
  for (let last = 0; ;) {
    signal?.throwIfAborted();
    const [moved] = await tables.query<{ last: number; conversations: number; messages: number }>(
      MOVE,
      [last, before, batch, at],
      { signal },
    );
    if (moved === undefined || moved.conversations === 0) return report;
    last = moved.last;
    report = {
      conversations: report.conversations + moved.conversations,
      messages: report.messages + moved.messages,
    };
    onProgress?.(report);
  }
}
