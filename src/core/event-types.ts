import type { StrataEvent } from "./events.ts";

/** An object, so that the compiler misses an event that is not in it. */
const TYPES: Record<StrataEvent["type"], true> = {
  "cache.lookup": true,
  "cache.update": true,
  "cache.bypass": true,
  "cache.cleared": true,
  "tier.fault": true,
  "tier.state": true,
  "entry.rejected": true,
  "entry.moved": true,
  "semantic.lookup": true,
  "semantic.fault": true,
  "semantic.state": true,
  "semantic.audit": true,
  "semantic.feedback": true,
  "embeddings.lookup": true,
  "embeddings.call": true,
  "history.append": true,
  "history.lag": true,
  "history.fault": true,
  "history.dead-letter": true,
  "history.summary": true,
  rerank: true,
  "rerank.fault": true,
  "rerank.state": true,
  "memory.recall": true,
  "memory.fault": true,
  "rag.fault": true,
  "alert.state": true,
  "alert.fault": true,
  "maintenance.job": true,
  "tuning.decision": true,
};

/** The types of all events. */
export const EVENT_TYPES: readonly string[] = Object.keys(TYPES);
