import { asCustomStrategy } from "../../src/memory/custom-strategy.ts";
import { RECALL_STRATEGIES } from "../../src/memory/strategies/strategies.ts";
import { describeStrategy, type StrategyCapabilities } from "../../src/testing/index.ts";
import type { Strategy } from "../../src/memory/strategy.ts";

const CAPABILITIES: Readonly<Record<Strategy, StrategyCapabilities>> = {
  session_only: { sessionOnly: true, relevant: false },
  recent_history: { sessionOnly: true, relevant: false },
  semantic_search: { sessionOnly: true },
  hybrid: {},
  cross_conversation: {},
};

for (const strategy of Object.values(RECALL_STRATEGIES)) {
  describeStrategy(strategy.name, () => asCustomStrategy(strategy), CAPABILITIES[strategy.name]);
}
