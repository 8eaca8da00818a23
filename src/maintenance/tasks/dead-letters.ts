/** What the writer of the history could not store: looked at, tried again, dropped. */
import { systemClock } from "../../core/clock.ts";
import { parseDuration, refuseUnknown, type Duration } from "../../core/options.ts";
import { ownerKey } from "../../history/conversation-key.ts";
import { historyTables, type NumberedBatch } from "../../history/tables/history-tables.ts";
import type { CallOptions } from "../../core/abort.ts";
import type { MaintenanceTask, TaskRunOptions } from "../task.ts";
import { TaskRun } from "../task-run.ts";
import type { HistoryTaskOptions } from "./history-tasks.ts";

export interface DeadLetterInfo {
  readonly id: number;
  /** Stream, entry, and number of the message. */
  readonly place: string;
  /** What PostgreSQL said. */
  readonly error: string;
  readonly diedAt: Date;
  readonly bytes: number;
  /** Whether it can be read, and so be tried again. */
  readonly readable: boolean;
}

interface Letter {
  readonly id: number;
  readonly entry: Buffer;
}

const AT_ONCE = 50;

/**
 * Dead letters, oldest first, without what they hold.
 *
 * @param options `after` is the `id` of the last one of the page before
 */
export async function listDeadLetters(
  options: HistoryTaskOptions & CallOptions & { readonly after?: number | undefined; readonly limit?: number | undefined },
): Promise<DeadLetterInfo[]> {
  refuseUnknown("listDeadLetters", options, ["sql", "clock", "after", "limit", "signal"]);
  const tables = historyTables("listDeadLetters", options);
  const rows = await tables.query<{ id: number; place: string; error: string; died_at: Date; entry: Buffer }>(
    "SELECT id, place, error, died_at, entry FROM strata_dead_letters WHERE id > $1::bigint ORDER BY id LIMIT $2::bigint",
    [options.after ?? 0, options.limit ?? 100],
    { signal: options.signal },
  );
  return rows.map(({ id, place, error, died_at, entry }) => ({
    ...{ id, place, error, diedAt: died_at, bytes: entry.byteLength },
    readable: readLetter(entry) !== undefined,
  }));
}

/**
 * Tries to store dead letters again, after what stopped them was mended. A letter that is refused again stays, and is counted as failed;
 * one that cannot be read stays until it is dropped.
 * @throws {@link StrataConfigError} naming the option
 */
export function retryDeadLetters(options: HistoryTaskOptions): MaintenanceTask {
  refuseUnknown("retryDeadLetters", options, ["sql", "clock"]);
  const { clock = systemClock } = options;
  const tables = historyTables("retryDeadLetters", options);
  return {
    name: "retry-dead-letters",
    summary: "store messages again that PostgreSQL did not take",
    async plan({ signal } = {}) {
      let items = 0;
      let unreadable = 0;
      for (let after = 0; ;) {
        const some = await listDeadLetters({ ...options, after, limit: AT_ONCE, signal });
        for (const { readable } of some) if (readable) items++;
        unreadable += some.filter(({ readable }) => !readable).length;
        if (some.length < AT_ONCE) break;
        after = some.at(-1)?.id ?? after;
      }
      const notes = unreadable === 0 ? [] : [`${unreadable} cannot be read; they can only be dropped.`];
      return { items, by: items > 0 ? { messages: items } : {}, notes };
    },
    async run(runOptions: TaskRunOptions = {}) {
      const run = new TaskRun(clock, runOptions);
      for (let after = 0; ;) {
        const most = run.room(AT_ONCE);
        if (most === 0) break;
        const letters = await tables.query<{ id: number; entry: Buffer }>(
          "SELECT id, entry FROM strata_dead_letters WHERE id > $1::bigint ORDER BY id LIMIT $2::bigint",
          [after, most],
          { signal: run.signal },
        );
        for (const letter of letters) await retry(letter, run);
        if (letters.length < most) break;
        after = letters.at(-1)?.id ?? after;
      }
      return run.report();
    },
  };

  async function retry({ id, entry }: Letter, run: TaskRun): Promise<void> {
    const batch = readLetter(entry);
    if (batch === undefined) return;
    try {
      // Numbers that another message has by now: it goes to the end, as the writer does it.
      const { displaced } = await tables.store([batch], { signal: run.signal });
      if (displaced.length > 0) await tables.append(batch.conversation, batch.messages, { signal: run.signal });
      await tables.query("DELETE FROM strata_dead_letters WHERE id = $1::bigint", [id]);
      run.done(1, "messages");
    } catch (error) {
      run.failed(`letter ${id}`, error);
    }
  }
}

export interface DropDeadLettersOptions extends HistoryTaskOptions {
  /** Letters go that have lain for so long: `"30d"`. */
  readonly olderThan: Duration;
  /** Only of this owner. */
  readonly ownerId?: string | undefined;
}

/**
 * Drops dead letters for good.
 * @throws {@link StrataConfigError} naming the option
 */
export function dropDeadLetters(options: DropDeadLettersOptions): MaintenanceTask {
  refuseUnknown("dropDeadLetters", options, ["sql", "clock", "olderThan", "ownerId"]);
  const { clock = systemClock, ownerId } = options;
  const age = parseDuration("dropDeadLetters.olderThan", options.olderThan);
  const tables = historyTables("dropDeadLetters", options);
  const old = "died_at < $1::timestamptz AND ($2::text IS NULL OR owner_key = $2)";
  const parameters = (): [Date, string | null] => [new Date(clock.now() - age), ownerId === undefined ? null : ownerKey(ownerId)];
  return {
    name: "drop-dead-letters",
    summary: "drop old messages that PostgreSQL did not take",
    async plan({ signal } = {}) {
      const text = `SELECT count(*) AS n FROM strata_dead_letters WHERE ${old}`;
      const [row] = await tables.query<{ n: number }>(text, parameters(), { signal });
      const items = row?.n ?? 0;
      return { items, by: items > 0 ? { letters: items } : {}, notes: ["What is dropped is in no other place."] };
    },
    async run(runOptions: TaskRunOptions = {}) {
      const run = new TaskRun(clock, runOptions);
      for (let most = run.room(AT_ONCE); most > 0; most = run.room(AT_ONCE)) {
        const gone = await tables.query<{ id: number }>(
          `DELETE FROM strata_dead_letters WHERE id IN (SELECT id FROM strata_dead_letters WHERE ${old} LIMIT $3::bigint) RETURNING id`,
          [...parameters(), most],
          { signal: run.signal },
        );
        run.done(gone.length, "letters");
        if (gone.length < most) break;
      }
      return run.report();
    },
  };
}

/** As the writer buried it; `undefined` for what it could not read either. */
function readLetter(entry: Buffer): NumberedBatch | undefined {
  try {
    const batch = JSON.parse(entry.toString("utf8")) as Partial<NumberedBatch> | null;
    const isBatch = typeof batch?.conversation?.sessionId === "string" && Array.isArray(batch.messages);
    return isBatch ? (batch as NumberedBatch) : undefined;
  } catch {
    return undefined;
  }
}
