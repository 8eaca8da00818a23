/**
 * Takes over what LangChain's own histories hold. Each message gets an id that follows from where it lay, unless it had one; so a
 * message is taken over once, however often the import runs or is cut off. How far it came is noted after each batch, and the next
 * run goes on there, also with what was added since.
 */
import type { CallOptions } from "../../core/abort.ts";
import { systemClock, type Clock } from "../../core/clock.ts";
import { StrataConfigError, StrataError } from "../../core/errors.ts";
import { digest } from "../../core/key.ts";
import { refuseUnknown } from "../../core/options.ts";
import { acceptConversation, acceptMessages } from "../accept.ts";
import { conversationKey } from "../conversation-key.ts";
import { partsOf, type ConversationStore, type StoreParts } from "../conversation-store.ts";
import { encodeMessage } from "../message-codec.ts";
import type { Conversation, LogMessage } from "../message-log.ts";
import type { FormerEntry, FormerHistory } from "./former-message.ts";
import { readLangChainForm } from "./langchain-form.ts";
import { postgresRows, type PostgresHistorySource } from "./postgres-rows.ts";
import { redisLists, type RedisHistorySource } from "./redis-lists.ts";

export type HistorySource = (PostgresHistorySource | RedisHistorySource) & {
  /** Whose the conversations are: one owner, or by session; `undefined` leaves a session out. Default `""`, the owner without a name. */
  readonly ownerId?: string | ((sessionId: string) => string | undefined) | undefined;
};

export interface ImportOptions extends CallOptions {
  /** The table of a PostgreSQL history, or the lists of a Redis history. */
  readonly from: HistorySource;
  readonly store: ConversationStore;
  /** Called after each batch with what was done until then. */
  readonly onProgress?: ((report: ImportReport) => void) | undefined;
  /** Those histories keep no times; messages are dated by this. */
  readonly clock?: Clock | undefined;
  readonly random?: (() => number) | undefined;
}

export interface ImportReport {
  /** Messages that were read. */
  readonly read: number;
  readonly imported: number;
  /** Messages that were in the store already. */
  readonly known: number;
  /** Messages that cannot be taken over, and those of sessions without an owner. */
  readonly skipped: number;
  /** The first 100 of those, and why. */
  readonly skips: ReadonlyArray<{ readonly place: string; readonly sessionId: string; readonly reason: string }>;
}

type Report = { -readonly [Key in keyof ImportReport]: ImportReport[Key] } & { skips: Array<ImportReport["skips"][number]> };

const MOST_SKIPS = 100;
/** As `accept.ts` has it. */
const LONGEST_ID = 256;

const POSITION = "SELECT position FROM strata_imports WHERE source = $1";
const NOTE = `
  INSERT INTO strata_imports AS i (source, position, updated_at) VALUES ($1, $2, $3)
  ON CONFLICT (source) DO UPDATE SET position = greatest(i.position, excluded.position), updated_at = excluded.updated_at`;
const PAYLOADS = ["strata_messages", "strata_archived_messages"]
  .map(
    (table) => `SELECT id, payload FROM ${table}
  WHERE conversation_id = (SELECT id FROM strata_conversations WHERE key = $1) AND id = any($2)`,
  )
  .join(" UNION ALL ");

/**
 * Takes over the conversations of `PostgresChatMessageHistory` or `RedisChatMessageHistory`. May be run again at any time.
 * @throws {@link StrataConfigError} naming the option; the signal's reason, after which it may be run again to go on
 * @example
 * ```ts
 * await importHistory({ from: { sql: pgClient(pool), table: "langchain_chat_histories" }, store });
 * ```
 */
export async function importHistory(options: ImportOptions): Promise<ImportReport> {
  refuseUnknown("importHistory", options, ["from", "store", "signal", "onProgress", "clock", "random"]);
  const { from, signal, onProgress, clock = systemClock } = options;
  const parts = partsOf(options.store);
  const source = openSource(from, clock, options.random ?? Math.random);
  const report: Report = { read: 0, imported: 0, known: 0, skipped: 0, skips: [] };
  const ownerOf = ownerReader(from.ownerId);
  const sourceKey = (part: string): string => digest("import", ownerOf.mark, part);
  const positionOf = async (part: string): Promise<number> => {
    const [row] = await parts.tables.query<{ position: number }>(POSITION, [sourceKey(part)], { signal });
    return row?.position ?? 0;
  };
  try {
    for await (const { part, position, entries } of source.batches(positionOf, { signal })) {
      signal?.throwIfAborted();
      for (const [sessionId, group] of bySession(entries)) {
        await take(parts, { sessionId, entries: group, part, ownerId: ownerOf.read(sessionId), now: clock.now() }, report);
      }
      await parts.tables.query(NOTE, [sourceKey(part), position, new Date(clock.now())], { signal });
      onProgress?.(structuredClone(report));
    }
    return report;
  } finally {
    await source.close();
  }
}

interface Group {
  readonly sessionId: string;
  readonly entries: readonly FormerEntry[];
  readonly part: string;
  readonly ownerId: string | undefined;
  readonly now: number;
}

async function take(
  { log, tables, sealer }: StoreParts,
  { sessionId, entries, part, ownerId, now }: Group,
  report: Report,
): Promise<void> {
  report.read += entries.length;
  const skip = ({ place }: FormerEntry, reason: string): void => {
    report.skipped++;
    if (report.skips.length < MOST_SKIPS) report.skips.push({ place, sessionId, reason });
  };
  const conversation = { ownerId: ownerId ?? "", sessionId };
  const refusal = ownerId === undefined ? "The session has no owner." : refusalOf(() => acceptConversation(conversation));
  if (refusal !== undefined) return entries.forEach((entry) => skip(entry, refusal));
  const messages: LogMessage[] = [];
  const spare = new Map<LogMessage, () => LogMessage>();
  const ids = new Set<string>();
  for (const entry of entries) {
    const reason = refusalOf(() => {
      if (entry.stored instanceof Error) throw entry.stored;
      const former = readLangChainForm(entry.stored);
      const made = `import-${digest("import", part, entry.place)}`;
      const encode = (id: string): LogMessage => encodeMessage(former.build(id), { id, createdAt: now });
      // Two messages of a batch with one id: the later one gets an id from its place.
      const own = former.id !== undefined && !ids.has(former.id) && isAcceptedId(former.id) ? former.id : made;
      const message = encode(own);
      acceptMessages([message]);
      ids.add(own);
      messages.push(message);
      spare.set(message, () => encode(made));
    });
    if (reason !== undefined) skip(entry, reason);
  }
  if (messages.length === 0) return;
  const { added } = await log.append(conversation, messages);
  report.imported += added;
  if (added === messages.length) return;
  const others = await displaced({ log, tables, sealer }, conversation, messages);
  const again = others.map((message) => (spare.get(message) as () => LogMessage)());
  const more = again.length === 0 ? 0 : (await log.append(conversation, again)).added;
  report.imported += more;
  report.known += messages.length - added - more;
}

/** Messages of whose id the conversation has another one; one that was removed there stays removed. */
async function displaced(
  { log, tables, sealer }: StoreParts,
  conversation: Conversation,
  messages: readonly LogMessage[],
): Promise<LogMessage[]> {
  await log.drain();
  const rows = await tables.query<{ id: string; payload: string }>(PAYLOADS, [
    conversationKey(conversation),
    messages.map(({ id }) => id),
  ]);
  const sealed = rows.map((row) => ({ ...row, text: "" }));
  const readable = sealer === undefined ? rows : await sealer.open(sealed, () => conversation);
  const stored = new Map(readable.map(({ id, payload }) => [id, payload]));
  return messages.filter(({ id, payload }) => {
    const found = stored.get(id);
    return found !== undefined && found !== "" && found !== payload;
  });
}

function openSource(from: HistorySource, clock: Clock, random: () => number): FormerHistory {
  if (typeof from !== "object" || from === null)
    throw new StrataConfigError("importHistory.from", from, "{ sql, table? } or { redis, … }");
  if ("sql" in from) {
    refuseUnknown("importHistory.from", from, ["sql", "table", "ownerId"]);
    if (typeof from.sql?.query !== "function") throw new StrataConfigError("importHistory.from.sql", from.sql, "a SqlClient");
    return postgresRows(from);
  }
  refuseUnknown("importHistory.from", from, ["redis", "sessionIds", "match", "ownerId"]);
  return redisLists(from, clock, random);
}

/** The mark is part of what a position belongs to: for another owner a source is taken over anew. */
function ownerReader(ownerId: HistorySource["ownerId"] = ""): { mark: string; read: (sessionId: string) => string | undefined } {
  if (typeof ownerId === "function") return { mark: "by session", read: ownerId };
  if (typeof ownerId !== "string") throw new StrataConfigError("importHistory.from.ownerId", ownerId, "a text, or a function");
  return { mark: `of ${ownerId}`, read: () => ownerId };
}

function bySession(entries: readonly FormerEntry[]): Map<string, FormerEntry[]> {
  const sessions = new Map<string, FormerEntry[]>();
  for (const entry of entries) {
    const group = sessions.get(entry.sessionId);
    if (group === undefined) sessions.set(entry.sessionId, [entry]);
    else group.push(entry);
  }
  return sessions;
}

function isAcceptedId(id: string): boolean {
  return id.length <= LONGEST_ID && !id.includes("\0") && id.isWellFormed();
}

/** Why something cannot be done; any other failure than a refusal is thrown. */
function refusalOf(work: () => void): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (StrataError.isInstance(error) || error instanceof SyntaxError) return error.message;
    throw error;
  }
}
