/**
 * Summaries of what has left the window of a conversation: one a conversation, with the number of the last message that it covers.
 *
 * They are made in the background after an append, once enough messages lie between the last summary and the window; until then
 * `context()` gives those messages too, so nothing is missing in between. A summary is stored only if the message that it ends with
 * is still there and nothing was corrected or removed meanwhile.
 */
import type { BaseMessage } from "@langchain/core/messages";
import { LRUCache } from "lru-cache";
import type { CallOptions } from "../../core/abort.ts";
import type { Clock } from "../../core/clock.ts";
import { StrataError } from "../../core/errors.ts";
import type { Emit } from "../../core/events.ts";
import type { Digest } from "../../core/key.ts";
import { chooseWindow, type NumberedMessage, type WindowLimits } from "../context-window.ts";
import { conversationKey } from "../conversation-key.ts";
import type { HistoryTables } from "../tables/history-tables.ts";
import { decodeMessage } from "../message-codec.ts";
import type { Conversation, MessageLog } from "../message-log.ts";
import type { MessageSealer } from "../message-sealer.ts";
import { summarize, summarySteps, type SummaryModel } from "./summarizer.ts";

/** What stands before the window of a conversation. */
export interface ConversationHead {
  readonly summary?: { readonly seq: number; readonly text: string };
  /** System messages with which the conversation begins. */
  readonly leading: readonly NumberedMessage[];
  readonly revision: number;
}

/** Who summarises which conversation, and what its window holds without it. */
export interface SummaryJob {
  readonly conversation: Conversation;
  readonly model: SummaryModel;
  readonly limits: WindowLimits;
}

export interface SummariesOptions {
  readonly tables: HistoryTables;
  readonly log: MessageLog;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Encrypts summaries as the log does messages. */
  readonly sealer?: MessageSealer | undefined;
}

/** Of how many conversations it is remembered how many messages came since the last look. */
const REMEMBERED = 10_000;
/** So many messages at the beginning are looked at for system messages. */
const LEADING = 3;
const MOST_LIMITS = 20;

const HEAD = `
  SELECT c.revision, s.seq, s.text, (
    SELECT jsonb_agg(jsonb_build_object('seq', f.seq, 'id', f.id, 'payload', f.payload) ORDER BY f.seq) FROM (
      SELECT seq, id, CASE WHEN role = 'system' THEN payload END AS payload FROM (
        (SELECT seq, id, role, payload FROM strata_messages WHERE conversation_id = c.id AND payload <> '' ORDER BY seq LIMIT ${LEADING})
        UNION ALL
        (SELECT seq, id, role, payload FROM strata_archived_messages
          WHERE conversation_id = c.id AND payload <> '' ORDER BY seq LIMIT ${LEADING})
      ) AS both_tables ORDER BY seq LIMIT ${LEADING}
    ) AS f) AS first
  FROM strata_conversations c LEFT JOIN strata_summaries s ON s.conversation_id = c.id AND s.seq > c.cleared_seq
  WHERE c.key = $1`;

const SAVE = `
  INSERT INTO strata_summaries AS s (conversation_id, seq, text, made_at)
  SELECT c.id, $2::bigint, $3, $4 FROM strata_conversations c
  WHERE c.key = $1 AND c.cleared_seq < $2::bigint AND c.revision = $6::bigint AND (
    EXISTS (SELECT FROM strata_messages m WHERE m.conversation_id = c.id AND m.seq = $2::bigint AND m.id = $5)
    OR EXISTS (SELECT FROM strata_archived_messages m WHERE m.conversation_id = c.id AND m.seq = $2::bigint AND m.id = $5))
  FOR SHARE OF c
  ON CONFLICT (conversation_id) DO UPDATE SET seq = excluded.seq, text = excluded.text, made_at = excluded.made_at
  WHERE s.seq < excluded.seq
  RETURNING seq`;

type HeadRow = {
  revision: number;
  seq: number | null;
  text: string | null;
  first: ReadonlyArray<{ readonly seq: number; readonly id: string; readonly payload: string | null }> | null;
};

export class Summaries {
  readonly #options: SummariesOptions;
  /** How many messages may have left the window without a summary, by conversation. */
  readonly #since = new LRUCache<Digest, number>({ max: REMEMBERED });
  readonly #running = new Map<Digest, Promise<void>>();
  readonly #closing = new AbortController();

  constructor(options: SummariesOptions) {
    this.#options = options;
  }

  async head(conversation: Conversation, options?: CallOptions): Promise<ConversationHead> {
    const [row] = await this.#options.tables.query<HeadRow>(HEAD, [conversationKey(conversation)], { ...options, prepare: true });
    if (row === undefined) return { leading: [], revision: 0 };
    const { seq, revision } = row;
    const { sealer } = this.#options;
    const text = sealer && row.text !== null ? ((await sealer.openSummary(conversation, row.text)) ?? null) : row.text;
    const leading: NumberedMessage[] = [];
    for (const { payload, ...first } of row.first ?? []) {
      if (payload === null) break;
      const stored = [{ ...first, payload, text: "" }];
      const [message] = sealer ? await sealer.open(stored, () => conversation) : stored;
      if (message !== undefined) leading.push({ seq: first.seq, message: decodeMessage(message) });
    }
    return { leading, revision, ...(seq !== null && text !== null && { summary: { seq, text } }) };
  }

  /** Says that messages were appended; looks in the background whether a summary is due. */
  appended(job: SummaryJob, count: number): void {
    const key = conversationKey(job.conversation);
    const since = (this.#since.get(key) ?? Infinity) + count;
    this.#since.set(key, since);
    if (since >= foldSize(job.limits)) this.#start(key, job);
  }

  /** Resolves when no summary is on its way. */
  async drain(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running.values());
  }

  async close(): Promise<void> {
    this.#closing.abort(new StrataError("CLOSED", "The conversation store is closed."));
    await this.drain();
  }

  #start(key: Digest, job: SummaryJob): void {
    if (this.#running.has(key) || this.#closing.signal.aborted) return;
    this.#since.set(key, 0);
    const running = this.#run(key, job).finally(() => this.#running.delete(key));
    this.#running.set(key, running);
  }

  /** Never rejects: nobody waits for it. */
  async #run(key: Digest, job: SummaryJob): Promise<void> {
    const { log, clock, emit } = this.#options;
    const startedAt = clock.monotonic();
    let messages = 0;
    try {
      const { summary, revision } = await this.head(job.conversation);
      const stored = await log.read(job.conversation, { after: summary?.seq ?? 0 });
      const numbered = stored.map((message) => ({ seq: message.seq, message: decodeMessage(message) }));
      const outside = outsideWindow(numbered, job.limits);
      if (outside.length < foldSize(job.limits)) {
        this.#since.set(key, (this.#since.get(key) ?? 0) + outside.length);
        return;
      }
      let text = summary?.text ?? "";
      for (const step of summarySteps(outside)) {
        const said = step.map(({ message }) => message);
        text = await summarize(job.model, text, said, { clock, signal: this.#closing.signal });
        messages += step.length;
        if (!(await this.#save(job.conversation, step.at(-1) as NumberedMessage, text, revision))) return;
      }
      emit?.({ type: "history.summary", outcome: "made", messages, ms: clock.monotonic() - startedAt });
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      const code = StrataError.isInstance(error) ? error.code : "ENGINE";
      emit?.({ type: "history.summary", outcome: "failed", code, messages, ms: clock.monotonic() - startedAt });
    }
  }

  async #save(conversation: Conversation, { seq, message }: NumberedMessage, text: string, revision: number): Promise<boolean> {
    const { tables, log, clock, sealer } = this.#options;
    const stored = (await sealer?.sealSummary(conversation, text)) ?? text;
    const parameters = [conversationKey(conversation), seq, stored, new Date(clock.now()), message.id as string, revision];
    if ((await tables.query(SAVE, parameters)).length > 0) return true;
    // The message may be on its way to the tables.
    await log.drain({ signal: this.#closing.signal });
    return (await tables.query(SAVE, parameters)).length > 0;
  }
}

/** How many messages must have left the window before it pays to ask a model. */
export function foldSize({ messages }: WindowLimits): number {
  return Math.max(4, Math.ceil(Math.min(messages, MOST_LIMITS) / 2));
}

function outsideWindow(messages: readonly NumberedMessage[], limits: WindowLimits): NumberedMessage[] {
  const first = chooseWindow(messages, limits)[0];
  return first === undefined ? [] : messages.filter(({ seq, message }) => seq < first.seq && isSaid(message));
}

/** System messages stay in every context as they are, where they begin a conversation. */
function isSaid({ type }: BaseMessage): boolean {
  return type !== "system";
}
