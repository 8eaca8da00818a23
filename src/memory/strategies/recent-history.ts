import type { FoundTurn, RecallStrategy } from "../strategy.ts";

/** The newest messages of the session, newest first. */
export const recentHistory: RecallStrategy = {
  name: "recent_history",
  needsSession: true,
  needsVector: false,
  find({ memory: { order }, sessionId = "", k, now, lookbackMs, window }) {
    const session = order.session(sessionId);
    const numbers = session === undefined ? [] : order.turnsOf(session);
    const { from, to } = window?.isHard ? window : { from: now - lookbackMs, to: Infinity };
    const found: FoundTurn[] = [];
    for (let at = numbers.length - 1; at >= 0 && found.length < k; at--) {
      const turn = order.turn(numbers[at] as number);
      if (turn === undefined || turn.createdAt < from || turn.createdAt >= to) continue;
      found.push({ turn, score: 1 / (1 + found.length), source: window?.isHard ? "time" : "recent" });
    }
    return found;
  },
};
