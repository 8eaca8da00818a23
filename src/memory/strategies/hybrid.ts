import { findRelevant } from "../turns/relevance.ts";
import type { FoundTurn, RecallStrategy } from "../strategy.ts";

/**
 * Standard deviations that a turn of the session is ahead: enough to come first among near equals, too little to bring something
 * irrelevant up. Recency never adds to a score: added, it halves the accuracy of what is found (57 % to 32 or 42 % of answers right,
 * see `docs/concepts/memory.md`); of turns within one step of each other the newer comes first.
 */
const OF_THE_SESSION = 0.25;
const STEP = 0.05;

/** What is relevant over all conversations, the session first among near equals, then what is newer. */
export const hybrid: RecallStrategy = {
  name: "hybrid",
  needsSession: false,
  needsVector: true,
  find(search) {
    const found = findRelevant(search, { favour: (turn) => (turn.sessionId === search.sessionId ? OF_THE_SESSION : 0) });
    const ofTheTime = found.filter(({ source }) => source === "time");
    return [...found.filter(({ source }) => source !== "time").toSorted(byStepThenAge), ...ofTheTime];
  },
};

function byStepThenAge(a: FoundTurn, b: FoundTurn): number {
  return (
    Math.round(b.score / STEP) - Math.round(a.score / STEP) || b.turn.createdAt - a.turn.createdAt || b.turn.seq - a.turn.seq
  );
}
