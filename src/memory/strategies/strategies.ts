import { adaptStrategy, type CustomStrategy } from "../custom-strategy.ts";
import { STRATEGIES, type RecallStrategy, type Strategy } from "../strategy.ts";
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

/** The same, some of them exchanged. */
export function strategiesWith(
  custom: Readonly<Partial<Record<Strategy, CustomStrategy | undefined>>> | undefined,
  onError: (error: unknown) => void,
): Readonly<Record<Strategy, RecallStrategy>> {
  const strategies: Record<Strategy, RecallStrategy> = { ...RECALL_STRATEGIES };
  for (const name of STRATEGIES) {
    const own = custom?.[name];
    if (own !== undefined) strategies[name] = adaptStrategy(own, RECALL_STRATEGIES[name], onError);
  }
  return strategies;
}
