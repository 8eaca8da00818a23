/**
 * The history: conversations, messages, the archive, summaries, vectors of messages, dead letters, the log of recalls. Read in one transaction that sees
 * the database as it was at one moment (`REPEATABLE READ`), through a cursor on the server, so that memory stays flat and writers are
 * not held up. On PGlite, which has one connection, statements of others wait until the history is read.
 */
import { migrate } from "../../../clients/migrate.ts";
import type { Sql, SqlClient } from "../../../clients/sql.ts";
import type { Clock } from "../../../core/clock.ts";
import { refuseUnknown } from "../../../core/options.ts";
import { FORGETTING } from "../../../history/tables/statements.ts";
import { historyTables } from "../../../history/tables/history-tables.ts";
import { EMBEDDING_MIGRATIONS } from "../../../history/tables/schema.ts";
import { RECALL_MIGRATIONS } from "../../../memory/strategy-table.ts";
import { FewAtOnce } from "../few-at-once.ts";
import type { BackupPart, BackupRecord } from "../backup-part.ts";
import { ownerMark } from "../owner-mark.ts";
import type { ForgottenOwners } from "../forgotten-owners.ts";
import { HISTORY_KINDS, type HistoryKind, type HistoryLetter } from "./history-kinds.ts";

export interface HistoryPartOptions {
  readonly sql: SqlClient;
  /** In the backup; default `"history"`. */
  readonly name?: string | undefined;
  readonly clock?: Clock | undefined;
}

const VERSION = 1;
/** Rows in one trip to the server. */
const FETCH = 2_000;
/** A statement takes rows of so many characters: some tens of milliseconds of the server. */
const WRITE_CHARACTERS = 1024 * 1024;

/** Statements that the server works on at a time. */
const STATEMENTS_AT_ONCE = 3;

type Counts = { restored: number; present: number };
const NONE: Counts = { restored: 0, present: 0 };

/**
 * The chat history as a part of a backup. What waits in Redis is not in it: call `drain()` of the store before, or let the writer come
 * to its end, where the last seconds count.
 * @throws {@link StrataConfigError} naming the option
 */
export function historyPart(options: HistoryPartOptions): BackupPart {
  refuseUnknown("historyPart", options, ["sql", "name", "clock"]);
  const tables = historyTables("historyPart", options);
  const { sql } = tables;
  return {
    name: options.name ?? "history",
    kind: "history",
    version: VERSION,
    async backup(put, { signal }) {
      await tables.ready();
      await sql.transaction(
        async (transaction) => {
          await transaction.query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY");
          for (const kind of HISTORY_KINDS) {
            if (!(await hasTable(transaction, kind.table))) continue;
            for await (const { owner, line } of rows(transaction, kind.read)) {
              const room = put(owner === null ? [] : [ownerMark(owner)], kind.letter, line);
              if (room !== undefined) await room;
            }
          }
        },
        { signal },
      );
    },
    async restore(batches, { createdAt, forgotten, signal }) {
      await tables.ready();
      await rememberForgotten(sql, forgotten);
      const total = { restored: 0, present: 0, expired: 0, refused: 0 };
      let canEmbed: boolean | undefined;
      const writing = new FewAtOnce(STATEMENTS_AT_ONCE);
      let kindBefore: HistoryKind | undefined;
      try {
        for await (const batch of batches) {
          for (const { kind, lines } of runs(batch)) {
            // A message needs its conversation, and a vector its message.
            if (kind !== kindBefore) await writing.settle();
            kindBefore = kind;
            if (kind.letter === "V") canEmbed ??= await makeEmbeddings(sql);
            if (kind.letter === "R") await migrate(sql, "recalls", RECALL_MIGRATIONS);
            await writing.begin(async () => {
              const canWrite = kind.letter !== "V" || canEmbed === true;
              const { restored, present } = canWrite ? await write(sql, kind, lines, createdAt, signal) : NONE;
              total.restored += restored;
              total.present += present;
              total.refused += lines.length - restored - present;
            });
          }
        }
        await writing.settle();
      } finally {
        await writing.abandon();
      }
      return total;
    },
    async forgotten({ signal }) {
      await tables.ready();
      const found = await sql.query<{ owner_key: string; at: number }>(
        "SELECT owner_key, extract(epoch FROM forgotten_at)::double precision * 1000 AS at FROM strata_forgotten",
        [],
        { signal },
      );
      return new Map(found.map(({ owner_key, at }) => [owner_key, at]));
    },
  };
}

/** One statement in a transaction of its own, during which nobody is forgotten. */
function write(
  sql: SqlClient,
  kind: HistoryKind,
  lines: readonly string[],
  createdAt: number,
  signal: AbortSignal | undefined,
): Promise<Counts> {
  return sql.transaction(
    async (transaction) => {
      await transaction.query(`SELECT pg_advisory_xact_lock_shared(${FORGETTING})::text`);
      const [counts] = await transaction.query<Counts>(kind.write, [`[${lines.join(",")}]`, createdAt]);
      return counts ?? NONE;
    },
    { signal },
  );
}

async function hasTable(sql: Sql, table: string): Promise<boolean> {
  const [row] = await sql.query<{ is: boolean }>("SELECT to_regclass($1) IS NOT NULL AS is", [table]);
  return row?.is === true;
}

async function* rows(sql: Sql, select: string): AsyncGenerator<{ readonly owner: string | null; readonly line: string }> {
  await sql.query(`DECLARE strata_backup NO SCROLL CURSOR FOR ${select}`);
  for (;;) {
    const some = await sql.query<{ owner: string | null; line: string }>(`FETCH ${FETCH} FROM strata_backup`);
    yield* some;
    if (some.length < FETCH) break;
  }
  await sql.query("CLOSE strata_backup");
}

/** Cuts a batch where the kind changes, and where a statement has enough. */
function* runs(batch: readonly BackupRecord[]): Generator<{ readonly kind: HistoryKind; readonly lines: readonly string[] }> {
  let kind: HistoryKind | undefined;
  let lines: string[] = [];
  let characters = 0;
  for (const { body } of batch) {
    const letter = String.fromCharCode(body[0] ?? 0) as HistoryLetter;
    const own = HISTORY_KINDS.find((known) => known.letter === letter);
    const line = body.toString("utf8", 1);
    if (kind !== undefined && (own !== kind || characters + line.length > WRITE_CHARACTERS)) {
      yield { kind, lines };
      lines = [];
      characters = 0;
    }
    kind = own;
    // Of a newer release, which the version of the part would have refused.
    if (own === undefined) continue;
    lines.push(line);
    characters += line.length;
  }
  if (kind !== undefined && lines.length > 0) yield { kind, lines };
}

/** Tombstones go to the new database too: what is still on its way to it is dropped there as it would have been here. */
async function rememberForgotten(sql: SqlClient, forgotten: ForgottenOwners): Promise<void> {
  const owners = [...forgotten];
  for (let from = 0; from < owners.length; from += FETCH) {
    const some = owners.slice(from, from + FETCH);
    await sql.query(
      `INSERT INTO strata_forgotten AS f (owner_key, forgotten_at)
       SELECT owner, to_timestamp(at / 1000) FROM unnest($1::text[], $2::double precision[]) AS g (owner, at) ORDER BY owner
       ON CONFLICT (owner_key) DO UPDATE SET forgotten_at = greatest(f.forgotten_at, excluded.forgotten_at)`,
      [some.map(([owner]) => owner), some.map(([, at]) => at)],
    );
  }
}

/** Whether vectors can be kept here. Where the extension is missing they are counted as refused, and made anew by `embedMessages`. */
async function makeEmbeddings(sql: SqlClient): Promise<boolean> {
  try {
    await migrate(sql, "history:embeddings", EMBEDDING_MIGRATIONS);
    return true;
  } catch (error) {
    if (["58P01", "0A000", "42501"].includes(String((error as { code?: unknown }).code))) return false;
    throw error;
  }
}
