/** Messages and summaries under the current key: after a rotation, and after encryption was turned on. */
import { systemClock } from "../../core/clock.ts";
import { refuseUnknown } from "../../core/options.ts";
import type { EncryptionOptions } from "../../encryption/key-ring.ts";
import { historyTables } from "../../history/tables/history-tables.ts";
import { MessageSealer, messageSealer } from "../../history/message-sealer.ts";
import type { MaintenanceTask, TaskRunOptions } from "../task.ts";
import { TaskRun } from "../task-run.ts";
import type { HistoryTaskOptions } from "./history-tasks.ts";

export interface ReencryptMessagesOptions extends HistoryTaskOptions {
  /** As the `ConversationStore` has it. */
  readonly encryption: EncryptionOptions;
}

const AT_ONCE = 200;
const NOTES = [
  "Words and vectors of messages that lay plain are removed.",
  "The old bytes stay in the files until the task erase-deleted-rows has run, and in windows of Redis until those end.",
  "Dead letters stay as they are: retry or drop them.",
];
const MESSAGES = ["strata_messages", "strata_archived_messages"] as const;

type Row = {
  conversation_id: number;
  seq: number;
  owner_id: string;
  session_id: string;
  id: string;
  name: string | null;
  text: string;
  payload: string;
};

/** How a table is gone through: pages by conversation and number, each row with what is encrypted of it. */
const READ: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    MESSAGES.map((table) => [
      table,
      `SELECT m.conversation_id, m.seq, c.owner_id, c.session_id, m.id, m.name, m.text, m.payload
       FROM ${table} m JOIN strata_conversations c ON c.id = m.conversation_id
       WHERE (m.conversation_id, m.seq) > ($1::bigint, $2::bigint) AND m.payload <> ''
       ORDER BY m.conversation_id, m.seq LIMIT ${AT_ONCE}`,
    ]),
  ),
  strata_summaries: `SELECT s.conversation_id, s.seq, c.owner_id, c.session_id, '' AS id, null::text AS name, '' AS text, s.text AS payload
    FROM strata_summaries s JOIN strata_conversations c ON c.id = s.conversation_id
    WHERE (s.conversation_id, s.seq) > ($1::bigint, $2::bigint) ORDER BY s.conversation_id, s.seq LIMIT ${AT_ONCE}`,
};

/**
 * Encrypts messages and summaries that lie plain, or under an older key, under the current one. Each row is changed only if it is
 * still as it was read.
 * @throws {@link StrataConfigError} naming the option
 */
export function reencryptMessages(options: ReencryptMessagesOptions): MaintenanceTask {
  refuseUnknown("reencryptMessages", options, ["sql", "clock", "encryption"]);
  const { clock = systemClock, encryption } = options;
  messageSealer("reencryptMessages", encryption, undefined);
  // Reads what lies plain, too: it is here to be encrypted.
  const sealer = new MessageSealer({ keys: encryption.keys }, undefined);
  const tables = historyTables("reencryptMessages", options);

  /** Rows of a table that are to be encrypted anew. */
  async function* outdated(table: string, signal: AbortSignal | undefined): AsyncGenerator<Row> {
    for (let after = [0, 0]; ;) {
      signal?.throwIfAborted();
      const rows: Row[] = await tables.query<Row>(READ[table] as string, after, { signal });
      for (const row of rows) if (await sealer.isOutdated(row.owner_id, row.payload)) yield row;
      const last = rows.at(-1);
      if (last === undefined) return;
      after = [last.conversation_id, last.seq];
    }
  }

  async function rewrite(table: string, row: Row, signal: AbortSignal | undefined): Promise<void> {
    const conversation = { ownerId: row.owner_id, sessionId: row.session_id };
    const place = [row.conversation_id, row.seq];
    if (table === "strata_summaries") {
      const text = await sealer.openSummary(conversation, row.payload);
      if (text === undefined) return;
      const sealed = await sealer.sealSummary(conversation, text);
      const update = "UPDATE strata_summaries SET text = $4 WHERE conversation_id = $1 AND seq = $2 AND text = $3";
      await tables.query(update, [...place, row.payload, sealed], { signal });
      return;
    }
    const stored = { ...row, name: row.name ?? undefined };
    const [plain] = await sealer.open([stored], () => conversation);
    if (plain === undefined) return;
    const { payload } = await sealer.sealOne(conversation, { ...plain, role: "", createdAt: 0 });
    await tables.sql.transaction(
      async (sql) => {
        const changed = await sql.query(
          `UPDATE ${table} SET text = '', name = NULL, payload = $4 WHERE conversation_id = $1 AND seq = $2 AND payload = $3 RETURNING seq`,
          [...place, row.payload, payload],
        );
        if (changed.length === 0) return;
        await sql.query("DELETE FROM strata_message_words WHERE conversation_id = $1 AND seq = $2", place);
        const [vectors] = await sql.query<{ name: string | null }>(
          "SELECT to_regclass('strata_message_embeddings')::text AS name",
        );
        if (vectors?.name == null) return;
        await sql.query("DELETE FROM strata_message_embeddings WHERE conversation_id = $1 AND seq = $2", place);
      },
      { signal },
    );
  }

  return {
    name: "reencrypt-messages",
    summary: "encrypt stored messages under the current key",
    async plan({ signal } = {}) {
      const by: Record<string, number> = {};
      for (const table of Object.keys(READ)) {
        for await (const _row of outdated(table, signal)) by[table] = (by[table] ?? 0) + 1;
      }
      return { items: Object.values(by).reduce((sum, count) => sum + count, 0), by, notes: NOTES };
    },
    async run(runOptions: TaskRunOptions = {}) {
      const run = new TaskRun(clock, runOptions);
      for (const table of Object.keys(READ)) {
        try {
          for await (const row of outdated(table, run.signal)) {
            if (run.room(1) === 0) return run.report();
            await rewrite(table, row, run.signal);
            run.done(1, table);
          }
        } catch (error) {
          run.failed(table, error);
        }
      }
      return run.report();
    },
  };
}
