import type { QueryPlace } from "./query-cache.ts";
import type { EngineRequest, Prepared } from "./recall-engine.ts";

const HOUR = 3_600_000;

/** Everything that a result depends on. `now` counts by the hour: what is reckoned from it is in the window, or looks back for days. */
export function placeOf(request: EngineRequest, prepared: Prepared, k: number, tokenBudget: number | undefined): QueryPlace {
  const { ownerId, sessionId, strategy, lookbackMs, now } = request;
  const { position, window } = prepared;
  const time = window === undefined ? "" : `${window.from}/${window.to}/${window.isHard}`;
  const options = [
    sessionId === undefined ? "" : `s${sessionId}`,
    strategy,
    `${k}/${lookbackMs}/${tokenBudget}/${Math.floor(now / HOUR)}`,
  ];
  return { ownerId, position, options: [...options, time] };
}
