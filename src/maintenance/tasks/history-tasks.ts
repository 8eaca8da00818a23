/** What keeps the tables of the history in order. */
import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import { systemClock, type Clock } from "../../core/clock.ts";
import { parseDuration, refuseUnknown, type Duration } from "../../core/options.ts";
import type { SqlClient, SqlValue } from "../../clients/sql.ts";
import { archiveHistory } from "../../history/tables/archive.ts";
import { embedMessages } from "../../history/tables/embed-messages.ts";
import { historyTables, type HistoryTables } from "../../history/tables/history-tables.ts";
import type { MaintenanceTask, TaskRunOptions } from "../task.ts";
import { TaskRun } from "../task-run.ts";

export interface HistoryTaskOptions {
  readonly sql: SqlClient;
  readonly clock?: Clock | undefined;
}

export interface AgedHistoryOptions extends HistoryTaskOptions {
  /** Conversations to which nothing was added for so long: `"90d"`. */
  readonly olderThan: Duration;
}

const AT_ONCE = 500;
const CONVERSATIONS_AT_ONCE = 20;
const TEXTS_AT_ONCE = 64;

/**
 * Moves old conversations out of the way of search and appends; see `archiveHistory`.
 * @throws {@link StrataConfigError} naming the option
 */
export function archiveConversations(options: AgedHistoryOptions): MaintenanceTask {
  refuseUnknown("archiveConversations", options, ["sql", "clock", "olderThan"]);
  const { sql, clock = systemClock, olderThan } = options;
  const age = parseDuration("archiveConversations.olderThan", olderThan);
  const tables = historyTables("archiveConversations", options);
  return {
    name: "archive-conversations",
    summary: "move conversations that nobody uses to the archive",
    async plan({ signal } = {}) {
      const count = await countOf(
        tables,
        `SELECT count(*) AS n FROM strata_conversations c WHERE updated_at < $1::timestamptz
         AND EXISTS (SELECT FROM strata_messages m WHERE m.conversation_id = c.id)`,
        [new Date(clock.now() - age)],
        signal,
      );
      return { items: count, by: count > 0 ? { conversations: count } : {}, notes: [] };
    },
    async run(runOptions: TaskRunOptions = {}) {
      const run = new TaskRun(clock, runOptions);
      for (let most = run.room(CONVERSATIONS_AT_ONCE); most > 0; most = run.room(CONVERSATIONS_AT_ONCE)) {
        const moved = await archiveSome({ sql, clock, olderThan, most, signal: run.signal });
        run.done(moved, "conversations");
        if (moved < most) break;
      }
      return run.report();
    },
  };
}

/** One batch of `archiveHistory`, which by itself goes on to the end. */
async function archiveSome(options: AgedHistoryOptions & { most: number; signal: AbortSignal | undefined }): Promise<number> {
  const { most, signal, ...rest } = options;
  const enough = new AbortController();
  let moved = 0;
  const signals = signal === undefined ? enough.signal : AbortSignal.any([signal, enough.signal]);
  try {
    const onProgress = ({ conversations }: { conversations: number }): void => {
      moved = conversations;
      enough.abort();
    };
    await archiveHistory({ ...rest, batch: most, signal: signals, onProgress });
  } catch (error) {
    if (!enough.signal.aborted || signal?.aborted === true) throw error;
  }
  return moved;
}

/**
 * Removes vectors of messages of old conversations; they are made again by `embedMessages` when somebody wants them.
 * @throws {@link StrataConfigError} naming the option
 */
export function oldMessageEmbeddings(options: AgedHistoryOptions): MaintenanceTask {
  refuseUnknown("oldMessageEmbeddings", options, ["sql", "clock", "olderThan"]);
  const { clock = systemClock } = options;
  const age = parseDuration("oldMessageEmbeddings.olderThan", options.olderThan);
  const table = "strata_message_embeddings";
  const old = `conversation_id IN (SELECT id FROM strata_conversations WHERE updated_at < $1::timestamptz)`;
  return sqlTask(options, {
    name: "old-message-embeddings",
    summary: "remove vectors of messages of conversations that nobody uses",
    steps: [
      {
        what: "vectors",
        table,
        parameters: () => [new Date(clock.now() - age)],
        count: `SELECT count(*) AS n FROM ${table} WHERE ${old}`,
        remove: `DELETE FROM ${table} WHERE ctid = any(array(SELECT ctid FROM ${table} WHERE ${old} LIMIT $2::bigint))`,
      },
    ],
  });
}

/**
 * Removes rows that belong to nothing any more: what writers that were killed, and owners who were forgotten, left behind.
 * @throws {@link StrataConfigError} naming the option
 */
export function orphanedHistory(options: HistoryTaskOptions): MaintenanceTask {
  refuseUnknown("orphanedHistory", options, ["sql", "clock"]);
  const lost = (table: string, condition: string): Omit<SqlStep, "what"> => ({
    table,
    count: `SELECT count(*) AS n FROM ${table} t WHERE ${condition}`,
    remove: `DELETE FROM ${table} WHERE ctid = any(array(SELECT ctid FROM ${table} t WHERE ${condition} LIMIT $1::bigint))`,
  });
  const noConversation = "NOT EXISTS (SELECT FROM strata_conversations c WHERE c.id = t.conversation_id)";
  return sqlTask(options, {
    name: "orphaned-history",
    summary: "remove rows of the history that belong to nothing",
    steps: [
      { what: "messages", ...lost("strata_messages", noConversation) },
      { what: "archived messages", ...lost("strata_archived_messages", noConversation) },
      { what: "notes of unread messages", ...lost("strata_unread_messages", noConversation) },
      {
        what: "vectors",
        ...lost(
          "strata_message_embeddings",
          "NOT EXISTS (SELECT FROM strata_messages m WHERE m.conversation_id = t.conversation_id AND m.seq = t.seq)",
        ),
      },
    ],
  });
}

export interface ReembedOptions extends HistoryTaskOptions {
  readonly embeddings: EmbeddingsInterface;
  /** Name of the model; vectors of others are removed once all are there. */
  readonly model: string;
}

/**
 * Gives messages their vectors: those that have none, and after a change of the model all of them.
 * @throws {@link StrataConfigError} naming the option
 */
export function reembedMessages(options: ReembedOptions): MaintenanceTask {
  refuseUnknown("reembedMessages", options, ["sql", "clock", "embeddings", "model"]);
  const { sql, clock = systemClock, embeddings, model } = options;
  const tables = historyTables("reembedMessages", options);
  const missing = (has: boolean): string =>
    `SELECT count(*) AS n FROM strata_messages m WHERE m.text <> '' AND ${
      has
        ? `NOT EXISTS (SELECT FROM strata_message_embeddings e
          WHERE e.conversation_id = m.conversation_id AND e.seq = m.seq AND e.model = $1)`
        : "$1::text IS NOT NULL"
    }`;
  return {
    name: "reembed-messages",
    summary: "make the vectors of messages that have none of this model",
    async plan({ signal } = {}) {
      const has = await hasTable(tables, "strata_message_embeddings");
      const count = await countOf(tables, missing(has), [model], signal);
      return { items: count, by: count > 0 ? { messages: count } : {}, notes: ["Each message is one text sent to the model."] };
    },
    async run(runOptions: TaskRunOptions = {}) {
      const run = new TaskRun(clock, runOptions);
      const enough = new AbortController();
      const signal = run.signal === undefined ? enough.signal : AbortSignal.any([run.signal, enough.signal]);
      const batch = run.room(TEXTS_AT_ONCE);
      if (batch === 0) return run.report();
      let stored = 0;
      try {
        const onProgress = (all: number): void => {
          run.done(all - stored, "messages");
          stored = all;
          // Batches are of one size; what is left of the budget may be less, and is left to the next run.
          if (run.room(batch) < batch) enough.abort();
        };
        await embedMessages({ sql, embeddings, model, replace: true, batch, signal, onProgress });
      } catch (error) {
        if (!enough.signal.aborted || run.signal?.aborted === true) throw error;
      }
      return run.report();
    },
  };
}

interface SqlStep {
  readonly what: string;
  /** Without it there is nothing to do. */
  readonly table: string;
  readonly parameters?: () => readonly SqlValue[];
  /** Gives `n`. */
  readonly count: string;
  /** Its last parameter bounds how many. */
  readonly remove: string;
}

function sqlTask(
  options: HistoryTaskOptions,
  { name, summary, steps }: { readonly name: string; readonly summary: string; readonly steps: readonly SqlStep[] },
): MaintenanceTask {
  const { clock = systemClock } = options;
  const tables = historyTables(name, options);
  return {
    name,
    summary,
    async plan({ signal } = {}) {
      const by: Record<string, number> = {};
      let items = 0;
      for (const { what, table, parameters, count } of steps) {
        if (!(await hasTable(tables, table))) continue;
        const found = await countOf(tables, count, parameters?.() ?? [], signal);
        if (found > 0) by[what] = found;
        items += found;
      }
      return { items, by, notes: [] };
    },
    async run(runOptions: TaskRunOptions = {}) {
      const run = new TaskRun(clock, runOptions);
      for (const { what, table, parameters, remove } of steps) {
        if (!(await hasTable(tables, table))) continue;
        const bounded = `WITH gone AS (${remove} RETURNING 1) SELECT count(*) AS n FROM gone`;
        for (let most = run.room(AT_ONCE); most > 0; most = run.room(AT_ONCE)) {
          const removed = await countOf(tables, bounded, [...(parameters?.() ?? []), most], run.signal);
          run.done(removed, what);
          if (removed < most) break;
        }
      }
      return run.report();
    },
  };
}

async function hasTable(tables: HistoryTables, table: string): Promise<boolean> {
  const [row] = await tables.query<{ is: boolean }>("SELECT to_regclass($1) IS NOT NULL AS is", [table]);
  return row?.is === true;
}

async function countOf(
  tables: HistoryTables,
  statement: string,
  parameters: readonly SqlValue[],
  signal: AbortSignal | undefined,
): Promise<number> {
  const [row] = await tables.query<{ n: number }>(statement, parameters, { signal });
  return row?.n ?? 0;
}
