import { linearRouter, type QueryRouter, type RouterWeights } from "./linear-router.ts";
import strategyWeights from "./strategy-weights.json" with { type: "json" };

let trained: QueryRouter | undefined;

/** Read at the first use: 80 kB of text become numbers. */
export function trainedRouter(): QueryRouter {
  return (query) => (trained ??= linearRouter(strategyWeights as RouterWeights))(query);
}
