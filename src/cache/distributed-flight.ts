import type { Digest } from "../core/key.ts";

/**
 * Single flight across processes: whoever is first to miss a key leads, and the others wait for what it stores, each for itself.
 *
 * It is a saving, never a condition. When it fails, every process goes on alone, as if there were no others; and no process
 * depends on another one to end well: a lead is a lease, which ends by itself.
 */
export interface DistributedFlight {
  /** What one question to the shared engine may take, ms: the deadline of its tier. */
  readonly deadlineMs: number;
  /**
   * Takes the lead for a key, or waits for whoever has it. The lead ends when the value is stored, when it is abandoned, or
   * after `holdMs`. Never rejects.
   * @returns `"leads"`; `"landed"` when the value is in the shared tier; `"alone"` when neither is known, or waiting was in vain
   */
  enter(key: Digest, options: EnterOptions): Promise<"leads" | "landed" | "alone">;
  /** The leader has nothing to give; does nothing for a key that this process does not lead. */
  abandon(key: Digest): void;
}

export interface EnterOptions {
  /** How long the first answer of the shared engine is waited for, ms. */
  readonly answerMs: number;
  /** How long another process is waited for, ms. */
  readonly waitMs: number;
  /** How long others are to wait for this process, ms. */
  readonly holdMs: number;
}
