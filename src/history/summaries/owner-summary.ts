/** What an owner talked about lately, over all sessions: from the running summaries where there are some, else the newest turns. */
import type { CallOptions } from "../../core/abort.ts";
import { parseDuration, refuseUnknown, type Duration } from "../../core/options.ts";
import { HumanMessage } from "@langchain/core/messages";
import type { Clock } from "../../core/clock.ts";
import { acceptOwner } from "../accept.ts";
import { ownerKey } from "../conversation-key.ts";
import { PLAIN, type MessageSealer } from "../message-sealer.ts";
import type { Read } from "../tables/conversation-catalog.ts";
import { parseSummaryModel, summarize, type SummaryModel } from "./summarizer.ts";

/** Of whom and of what time. */
export interface OwnerSummaryOptions extends CallOptions {
  /** Default `""`, as in `history()`. */
  readonly ownerId?: string | undefined;
  /** How far back; default `"7d"`. */
  readonly lookback?: Duration | undefined;
  /** Writes `text`; without it `text` is put together from what is stored. */
  readonly summarizer?: SummaryModel | undefined;
}

export interface SessionSummary {
  readonly sessionId: string;
  readonly feature?: string;
  /** Messages in that time. */
  readonly messages: number;
  readonly firstAt: Date;
  readonly lastAt: Date;
  /** Of the whole session, where one was made. */
  readonly summary?: string;
  /** The newest turns of people and models in that time, oldest first, cut at 500 characters. */
  readonly lastTurns: ReadonlyArray<{ readonly role: string; readonly name?: string; readonly text: string }>;
}

export interface OwnerSummary {
  /** For people, and as quoted data for a model. */
  readonly text: string;
  /** The last used first. */
  readonly sessions: readonly SessionSummary[];
  readonly messages: number;
  readonly from: Date;
  readonly to: Date;
}

/** The sessions used last; more would not be read. */
const MOST_SESSIONS = 50;
const TURNS = 4;
const LONGEST_TURN = 500;

const SESSIONS = `
  SELECT c.session_id, c.feature, s.text AS summary, t.messages, t.first_at, t.last_at, t.turns
  FROM strata_conversations c
  LEFT JOIN strata_summaries s ON s.conversation_id = c.id AND s.seq > c.cleared_seq
  CROSS JOIN LATERAL (
    SELECT count(*) AS messages, min(m.created_at) AS first_at, max(m.created_at) AS last_at, (
      SELECT jsonb_agg(jsonb_build_object('id', id, 'role', role, 'name', name, 'text', text, 'payload', payload) ORDER BY seq) FROM (
        SELECT seq, id, role, name, left(text, ${LONGEST_TURN}) AS text, CASE WHEN text = '' THEN payload ELSE '' END AS payload
        FROM strata_messages
        WHERE conversation_id = c.id AND created_at >= $2 AND created_at <= $3 AND role IN ('human', 'ai')
          AND (text <> '' OR starts_with(payload, 'strata-sealed:'))
        ORDER BY seq DESC LIMIT ${TURNS}) AS newest) AS turns
    FROM strata_messages m WHERE m.conversation_id = c.id AND m.created_at >= $2 AND m.created_at <= $3 AND m.payload <> ''
  ) AS t
  WHERE c.owner_key = $1 AND t.messages > 0
  ORDER BY t.last_at DESC, c.id DESC LIMIT ${MOST_SESSIONS}`;

type SessionRow = {
  session_id: string;
  feature: string | null;
  summary: string | null;
  messages: number;
  first_at: Date;
  last_at: Date;
  turns: readonly TurnOfRow[] | null;
};

type TurnOfRow = {
  readonly id: string;
  readonly role: string;
  readonly name: string | null;
  readonly text: string;
  /** Where the text is encrypted, else empty. */
  readonly payload: string;
};

/** @throws {@link StrataConfigError} naming the option; with a summarizer, what it threw */
export async function summarizeOwner(
  read: Read,
  clock: Clock,
  options: OwnerSummaryOptions,
  sealer?: MessageSealer,
): Promise<OwnerSummary> {
  refuseUnknown("summary", options, ["ownerId", "lookback", "summarizer", "signal"]);
  const { ownerId = "", lookback = "7d", summarizer, signal } = options;
  acceptOwner(ownerId);
  if (summarizer !== undefined) parseSummaryModel("summary.summarizer", summarizer);
  const to = new Date(clock.now());
  const from = new Date(to.getTime() - parseDuration("summary.lookback", lookback));
  const rows = await read<SessionRow>(SESSIONS, [ownerKey(ownerId), from, to], { signal });
  const readable = sealer === undefined ? rows : await Promise.all(rows.map((row) => openRow(row, ownerId, sealer)));
  const sessions = readable.map(sessionOf);
  const messages = sessions.reduce((sum, session) => sum + session.messages, 0);
  const lines = sessions.map(describeSession);
  const text =
    summarizer === undefined || sessions.length === 0
      ? lines.join("\n\n")
      : await summarize(
          summarizer,
          "",
          lines.toReversed().map((line) => new HumanMessage(line)),
          { clock, signal: signal ?? new AbortController().signal },
        );
  return { text, sessions, messages, from, to };
}

async function openRow(row: SessionRow, ownerId: string, sealer: MessageSealer): Promise<SessionRow> {
  const conversation = { ownerId, sessionId: row.session_id };
  const turns = (row.turns ?? []).map(({ name, payload, ...turn }) => ({
    ...turn,
    payload: payload === "" ? PLAIN : payload,
    name: name ?? undefined,
  }));
  const opened = await sealer.open(turns, () => conversation);
  return {
    ...row,
    summary: row.summary === null ? null : ((await sealer.openSummary(conversation, row.summary)) ?? null),
    turns: opened
      .filter(({ text }) => text !== "")
      .map(({ name = null, text, ...turn }) => ({ ...turn, name, text: text.slice(0, LONGEST_TURN) })),
  };
}

function sessionOf(row: SessionRow): SessionSummary {
  return {
    sessionId: row.session_id,
    ...(row.feature !== null && { feature: row.feature }),
    messages: row.messages,
    firstAt: row.first_at,
    lastAt: row.last_at,
    ...(row.summary !== null && { summary: row.summary }),
    lastTurns: (row.turns ?? []).map(({ role, name, text }) => ({ role, ...(name !== null && { name }), text })),
  };
}

function describeSession({ sessionId, messages, lastAt, summary, lastTurns }: SessionSummary): string {
  const head = `${lastAt.toISOString()} ${sessionId}: ${messages} ${messages === 1 ? "message" : "messages"}`;
  const turns = lastTurns.map(({ role, name, text }) => `  ${name ?? role}: ${text}`);
  return [head, ...(summary === undefined ? turns : [`  ${summary}`])].join("\n");
}
