import type { RecallStrategy, Strategy } from "../strategy.ts";
import { crossConversation } from "./cross-conversation.ts";
import { hybrid } from "./hybrid.ts";
import { recentHistory } from "./recent-history.ts";
import { semanticSearch } from "./semantic-search.ts";
import { sessionOnly } from "./session-only.ts";

/** Every strategy by its name. */
export const RECALL_STRATEGIES: Readonly<Record<Strategy, RecallStrategy>> = {
  session_only: sessionOnly,
  recent_history: recentHistory,
  semantic_search: semanticSearch,
  hybrid,
  cross_conversation: crossConversation,
};
