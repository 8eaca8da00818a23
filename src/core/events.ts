/**
 * The one stream of events. Metrics, logs, traces, alerts and dashboards are observers of it; no other part of the library
 * counts for them or writes a log.
 *
 * Names are the noun, then what happened. Labels (`tier`, `reason`, `operation`) come from closed sets or from names that the
 * user gave to tiers; no event holds a prompt, an answer, a raw key or a scope in clear.
 */
import { isPromise } from "./abort.ts";
import { describe } from "./errors.ts";
import { exactHitsOf, withExactHits } from "./exact-hits.ts";
import type {
  CacheBypassEvent,
  CacheClearedEvent,
  CacheLookupEvent,
  CacheUpdateEvent,
  EntryMovedEvent,
  EntryRejectedEvent,
  TierFaultEvent,
  TierStateEvent,
} from "./events/cache.ts";
import type {
  SemanticAuditEvent,
  SemanticFaultEvent,
  SemanticFeedbackEvent,
  SemanticLookupEvent,
  SemanticStateEvent,
} from "./events/semantic.ts";
import type { EmbeddingsCallEvent, EmbeddingsLookupEvent } from "./events/embeddings.ts";
import type {
  HistoryAppendEvent,
  HistoryDeadLetterEvent,
  HistoryFaultEvent,
  HistoryLagEvent,
  HistorySummaryEvent,
} from "./events/history.ts";
import type {
  MemoryFaultEvent,
  MemoryRecallEvent,
  RagFaultEvent,
  RerankEvent,
  RerankFaultEvent,
  RerankStateEvent,
} from "./events/retrieval.ts";
import type { AlertFaultEvent, AlertStateEvent, MaintenanceJobEvent, TuningDecisionEvent } from "./events/operation.ts";

export type * from "./events/cache.ts";
export type * from "./events/embeddings.ts";
export type * from "./events/history.ts";
export type * from "./events/operation.ts";
export type * from "./events/retrieval.ts";
export type * from "./events/semantic.ts";

export type StrataEvent =
  | CacheLookupEvent
  | CacheUpdateEvent
  | CacheBypassEvent
  | TierFaultEvent
  | TierStateEvent
  | EntryRejectedEvent
  | EntryMovedEvent
  | CacheClearedEvent
  | SemanticLookupEvent
  | SemanticFaultEvent
  | SemanticStateEvent
  | SemanticAuditEvent
  | SemanticFeedbackEvent
  | EmbeddingsLookupEvent
  | EmbeddingsCallEvent
  | HistoryAppendEvent
  | HistoryLagEvent
  | HistoryFaultEvent
  | HistoryDeadLetterEvent
  | HistorySummaryEvent
  | RerankEvent
  | RerankFaultEvent
  | RerankStateEvent
  | MemoryRecallEvent
  | MemoryFaultEvent
  | RagFaultEvent
  | AlertStateEvent
  | AlertFaultEvent
  | MaintenanceJobEvent
  | TuningDecisionEvent;

/** Sees every event. What it throws or rejects with is reported once, through `process.emitWarning`; the caller never sees it. */
export type Observer = (event: StrataEvent) => void;

/** Hands events to an observer; `undefined` when nobody listens, so that no event object is built for nothing. */
export type Emit = Observer | undefined;

/** Wraps a user's observer so that it can break nothing. */
export function guardObserver(observer: Observer | undefined): Emit {
  if (observer === undefined) return undefined;
  let reported = false;
  const report = (error: unknown): void => {
    if (reported) return;
    reported = true;
    process.emitWarning(
      `An observer of langchain-strata threw; it is still called, and what it throws from now on is not reported: ${textOf(error)}`,
      {
        code: "STRATA_OBSERVER",
      },
    );
  };
  const guarded: Observer = (event) => {
    try {
      // An `async` function is accepted as an observer too; unhandled, its rejection would end the process.
      const outcome: unknown = observer(event);
      if (isPromise(outcome)) outcome.then(undefined, report);
    } catch (error) {
      report(error);
    }
  };
  const count = exactHitsOf(observer);
  return count === undefined ? guarded : withExactHits(guarded, count);
}

/** Anything can be thrown, also what has no text. */
function textOf(error: unknown): string {
  try {
    return String(error);
  } catch {
    return describe(error);
  }
}
