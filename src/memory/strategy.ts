/**
 * How to look for what was said.
 *
 * | strategy | gives |
 * | --- | --- |
 * | `session_only` | nothing: the session's own window is enough |
 * | `recent_history` | the newest messages of the session |
 * | `semantic_search` | what is relevant within the session |
 * | `hybrid` | what is relevant over the owner's conversations, the session first among equals |
 * | `cross_conversation` | what is relevant over all of the owner's conversations, whatever their age |
 */
export type Strategy = "session_only" | "recent_history" | "semantic_search" | "hybrid" | "cross_conversation";

export const STRATEGIES: readonly Strategy[] = [
  "session_only",
  "recent_history",
  "semantic_search",
  "hybrid",
  "cross_conversation",
];
