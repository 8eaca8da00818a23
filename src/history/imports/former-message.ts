import type { CallOptions } from "../../core/abort.ts";

/** A message of another history, where it lies there. */
export interface FormerEntry {
  /** Sets it apart for ever within its source. */
  readonly place: string;
  readonly sessionId: string;
  /** What is stored, parsed from JSON; an `Error` when that cannot be done. */
  readonly stored: unknown;
}

/** Some messages, and how far the source has been read with them. */
export interface FormerBatch {
  /** The part of the source that has a position of its own. */
  readonly part: string;
  readonly position: number;
  readonly entries: readonly FormerEntry[];
}

/** Where another history keeps its messages. */
export interface FormerHistory {
  /**
   * Batches in order; of each conversation the oldest messages first.
   * @param positionOf how far a part was read before
   */
  batches(positionOf: (part: string) => Promise<number>, options: CallOptions): AsyncIterable<FormerBatch>;
  close(): Promise<void>;
}

/** Messages that are read at a time. */
export const BATCH = 500;
