/** What becomes of messages on their way. */
import type { StrataErrorCode } from "../errors.ts";

/** Messages were added to a conversation, or could not be. */
export interface HistoryAppendEvent {
  readonly type: "history.append";
  readonly outcome: "ok" | "failed";
  /** Of a failure: the code of our error, or `ENGINE` for what the engine threw. */
  readonly code?: StrataErrorCode | "ENGINE";
  readonly messages: number;
  readonly ms: number;
  /** The first characters of the digest of owner and session: enough to tell conversations apart. */
  readonly conversation: string;
}

/** How far the writer is behind: told with every batch, when it is stored and with every try that fails. */
export interface HistoryLagEvent {
  readonly type: "history.lag";
  /** Since the oldest message of the batch was accepted. */
  readonly ms: number;
  /** Messages that are not stored; 0 when they are now. */
  readonly waiting: number;
}

/** Something of the chat history failed, and was done in another way or is tried again. */
export interface HistoryFaultEvent {
  readonly type: "history.fault";
  /**
   * `window`: Redis was passed over; `store`: the writer waits for PostgreSQL; `take`: it waits for Redis; `index`: words wait; `embed`: vectors wait; `load`,
   * `save`, `recall`: an agent went on without its history, or without what it remembers; `decrypt`: a message or a summary that cannot be
   * decrypted is left out.
   */
  readonly operation: "window" | "store" | "take" | "index" | "embed" | "load" | "save" | "recall" | "decrypt";
  /** The code of our error, or `ENGINE` for what the engine itself threw. */
  readonly code: StrataErrorCode | "ENGINE";
  readonly message: string;
}

/** The writer set a message aside that PostgreSQL does not take. */
export interface HistoryDeadLetterEvent {
  readonly type: "history.dead-letter";
  /** Where it lies in the table of dead letters. */
  readonly place: string;
}

/** The running summary of a conversation was made anew, or could not be; what it would cover stays stored. */
export interface HistorySummaryEvent {
  readonly type: "history.summary";
  readonly outcome: "made" | "failed";
  /** Messages that it covers in addition. */
  readonly messages: number;
  /** Of a failure: the code of our error, or `ENGINE` for what the model or the database threw. */
  readonly code?: StrataErrorCode | "ENGINE";
  readonly ms: number;
}
