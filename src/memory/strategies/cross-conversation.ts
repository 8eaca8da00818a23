import { findRelevant } from "../turns/relevance.ts";
import type { RecallStrategy } from "../strategy.ts";

/** What is relevant, whichever conversation it is in and however old it is. */
export const crossConversation: RecallStrategy = {
  name: "cross_conversation",
  needsSession: false,
  needsVector: true,
  find: (search) => findRelevant(search),
};
