/**
 * How to look for what was said.
 *
 * | strategy | gives |
 * | --- | --- |
 * | `session_only` | nothing: the session's own window is enough |
 * | `recent_history` | the newest messages of the session, within `lookback` |
 * | `semantic_search` | what is relevant within the session |
 * | `hybrid` | what is relevant over the owner's conversations, the session first among near equals, then what is newer |
 * | `cross_conversation` | what is relevant over all of the owner's conversations, whatever their age |
 */
import type { OwnerMemory } from "./turns/owner-memory.ts";
import type { TimeWindow } from "./time/time-window.ts";
import type { MemoryTurn } from "./turns/turn-order.ts";

export type Strategy = "session_only" | "recent_history" | "semantic_search" | "hybrid" | "cross_conversation";

export const STRATEGIES: readonly Strategy[] = [
  "session_only",
  "recent_history",
  "semantic_search",
  "hybrid",
  "cross_conversation",
];

/** Why a turn was given: by its age, by meaning, by words, or by the time that the query names. */
export type RecallSource = "recent" | "semantic" | "lexical" | "time";

export interface FoundTurn {
  readonly turn: MemoryTurn;
  /** Comparable within one query only. */
  readonly score: number;
  readonly similarity?: number | undefined;
  readonly source: RecallSource;
}

/** What a strategy is given. */
export interface StrategySearch {
  readonly memory: OwnerMemory;
  readonly query: string;
  /** How many at most. */
  readonly k: number;
  /** Unix ms. */
  readonly now: number;
  readonly lookbackMs: number;
  readonly sessionId?: string | undefined;
  /** Cosines with the query by turn. */
  readonly cosines?: Float32Array | undefined;
  readonly window?: TimeWindow | undefined;
}

export interface RecallStrategy {
  readonly name: Strategy;
  /** Whether it means anything only within a session. */
  readonly needsSession: boolean;
  /** Whether it compares meanings, so that the query must be embedded first. */
  readonly needsVector: boolean;
  /** The best first. */
  find(search: StrategySearch): readonly FoundTurn[];
}
