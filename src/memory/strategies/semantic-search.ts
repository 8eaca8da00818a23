import { findRelevant } from "../turns/relevance.ts";
import type { RecallStrategy } from "../strategy.ts";

/** What is relevant within the session. */
export const semanticSearch: RecallStrategy = {
  name: "semantic_search",
  needsSession: true,
  needsVector: true,
  find: (search) => findRelevant(search, { accept: (turn) => turn.sessionId === search.sessionId }),
};
