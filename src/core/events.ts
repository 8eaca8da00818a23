/**
 * The one stream of events. Metrics, logs, traces, alerts and dashboards are observers of it; no other part of the library
 * counts for them or writes a log.
 *
 * Names are the noun, then what happened. Labels (`tier`, `reason`, `operation`) come from closed sets or from names that the
 * user gave to tiers; no event holds a prompt, an answer, a raw key or a scope in clear.
 */
import { isPromise } from "./abort.ts";
import { describe, type StrataErrorCode } from "./errors.ts";

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

/** One lookup has ended. */
export interface CacheLookupEvent {
  readonly type: "cache.lookup";
  readonly outcome: "hit" | "miss";
  /** Where a hit was found. */
  readonly tier?: string;
  /** Whether the answer was awaited from another caller's model call. */
  readonly coalesced: boolean;
  /** Names a hit, for `feedback()`. */
  readonly hitId?: string;
  /** How a hit was found: by the question itself, or by one that means the same. */
  readonly source?: "exact" | "semantic" | "adapted";
  readonly ms: number;
  /** The first characters of the key digest: enough to follow one entry through a log. */
  readonly key: string;
  /** Model time that a hit saved. */
  readonly savedMs?: number;
  /** What the provider counted when the answer of a hit was made. */
  readonly saved?: SavedUsage;
}

/** What an answer took when a model made it. One object for all hits of an entry. */
export interface SavedUsage {
  /** As the provider names it; absent where it does not. */
  readonly model?: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** As the provider adds them up. */
  readonly tokens: number;
}

/** A value was accepted for storing. */
export interface CacheUpdateEvent {
  readonly type: "cache.update";
  readonly bytes: number;
  readonly key: string;
}

/** The cache stood aside. */
export interface CacheBypassEvent {
  readonly type: "cache.bypass";
  readonly reason: BypassReason;
}

export type BypassReason =
  | "model-unidentified"
  | "placeholder"
  | "no-scope"
  | "asked"
  | "bad-control"
  | "not-admitted"
  | "unstorable"
  | "too-large"
  | "forgotten"
  | "closed";

/** One call to a tier failed, and was answered as if the entry were not there. */
export interface TierFaultEvent {
  readonly type: "tier.fault";
  readonly tier: string;
  readonly operation: "get" | "set" | "delete" | "clear" | "close";
  /** The code of our error, or `ENGINE` for what the engine itself threw. */
  readonly code: StrataErrorCode | "ENGINE";
  readonly message: string;
}

/** A tier was switched off after failures, or is back. */
export interface TierStateEvent {
  readonly type: "tier.state";
  readonly tier: string;
  readonly state: "off" | "on";
  readonly message?: string;
}

/** A stored entry was found unusable, dropped, and counted as a miss. */
export interface EntryRejectedEvent {
  readonly type: "entry.rejected";
  readonly tier: string;
  readonly reason: string;
  readonly key: string;
}

/** An entry went to another tier. */
export interface EntryMovedEvent {
  readonly type: "entry.moved";
  readonly direction: "promoted" | "demoted";
  readonly from: string;
  readonly to: string;
  readonly key: string;
}

/** Entries were removed on request. */
export interface CacheClearedEvent {
  readonly type: "cache.cleared";
  readonly entries: number;
}

/** The semantic step has looked at a call that the exact tiers missed. */
export interface SemanticLookupEvent {
  readonly type: "semantic.lookup";
  readonly outcome: "served" | "adapted" | "withheld" | "missed";
  readonly reason: SemanticEventReason;
  /** Cosine to the question that it is about. */
  readonly similarity?: number;
  /** As the policy estimates it. */
  readonly confidence?: number;
  /** The hard veto that fired. */
  readonly veto?: string;
  readonly ms: number;
  readonly key: string;
}

export type SemanticEventReason =
  // Served.
  | "known-question"
  | "similar"
  | "verified"
  | "adapted"
  // Withheld.
  | "rollout"
  | "audit"
  // Missed.
  | "no-candidates"
  | "not-similar"
  | "veto"
  | "no-verifier"
  | "rejected"
  | "no-adapter"
  | "not-adapted"
  | "told-wrong"
  // Not looked up.
  | "no-question"
  | "empty"
  | "too-long"
  | "tool-result"
  | "structured-output"
  | "unclear-roles"
  // A part did not do its work.
  | "embeddings-failed"
  | "index-failed"
  | "policy-failed"
  | "verifier-failed"
  | "adapter-failed"
  | "step-failed";

export type SemanticPart = "embeddings" | "index" | "policy" | "verifier" | "adapter" | "step";

/** A part of the semantic step failed; the call went on without it. No message: it could hold a piece of a question. */
export interface SemanticFaultEvent {
  readonly type: "semantic.fault";
  readonly part: SemanticPart;
  /** The code of our error, or `ENGINE` for what the part itself threw. */
  readonly code: StrataErrorCode | "ENGINE";
}

/** A part of the semantic step is not asked for a while after failures, or is back. */
export interface SemanticStateEvent {
  readonly type: "semantic.state";
  readonly part: SemanticPart;
  readonly state: "off" | "on";
}

/** An answer that was withheld has been compared with the one that the model gave. */
export interface SemanticAuditEvent {
  readonly type: "semantic.audit";
  readonly verdict: "right" | "wrong";
  /** Cosine of the two questions. */
  readonly similarity: number;
}

/** A person said whether a hit was right. */
export interface SemanticFeedbackEvent {
  readonly type: "semantic.feedback";
  readonly verdict: "right" | "wrong";
  readonly source: "exact" | "semantic" | "adapted";
}

/** Somebody who asked `CachedEmbeddings` has the vectors. */
export interface EmbeddingsLookupEvent {
  readonly type: "embeddings.lookup";
  readonly kind: "query" | "document";
  /** Texts asked for, repeats included. */
  readonly texts: number;
  /** Distinct texts that a tier had. */
  readonly hits: number;
  /** Distinct texts that took the vector of a nearly equal one. */
  readonly near: number;
  /** Distinct texts that were awaited from another caller's call. */
  readonly coalesced: number;
  /** Time of the provider that was not needed. */
  readonly savedMs: number;
  readonly ms: number;
}

/** One call to the provider of embeddings has ended, tries included. */
export interface EmbeddingsCallEvent {
  readonly type: "embeddings.call";
  readonly kind: "query" | "document";
  readonly outcome: "ok" | "failed";
  /** Of a failure: the code of our error, or `ENGINE` for what the provider threw. */
  readonly code?: StrataErrorCode | "ENGINE";
  readonly texts: number;
  readonly ms: number;
}

/** Messages were added to a conversation, or could not be. */
export interface HistoryAppendEvent {
  readonly type: "history.append";
  readonly outcome: "ok" | "failed";
  /** Of a failure: the code of our error, or `ENGINE` for what the engine threw. */
  readonly code?: StrataErrorCode | "ENGINE";
  readonly messages: number;
  readonly ms: number;
  /** The first characters of the digest of owner and session: enough to tell conversations apart. */
  readonly conversation: string;
}

/** How far the writer is behind: told with every batch, when it is stored and with every try that fails. */
export interface HistoryLagEvent {
  readonly type: "history.lag";
  /** Since the oldest message of the batch was accepted. */
  readonly ms: number;
  /** Messages that are not stored; 0 when they are now. */
  readonly waiting: number;
}

/** Something of the chat history failed, and was done in another way or is tried again. */
export interface HistoryFaultEvent {
  readonly type: "history.fault";
  /**
   * `window`: Redis was passed over; `store`: the writer waits for PostgreSQL; `take`: it waits for Redis; `index`: words wait; `embed`: vectors wait; `load`,
   * `save`, `recall`: an agent went on without its history, or without what it remembers; `decrypt`: a message or a summary that cannot be
   * decrypted is left out.
   */
  readonly operation: "window" | "store" | "take" | "index" | "embed" | "load" | "save" | "recall" | "decrypt";
  /** The code of our error, or `ENGINE` for what the engine itself threw. */
  readonly code: StrataErrorCode | "ENGINE";
  readonly message: string;
}

/** The writer set a message aside that PostgreSQL does not take. */
export interface HistoryDeadLetterEvent {
  readonly type: "history.dead-letter";
  /** Where it lies in the table of dead letters. */
  readonly place: string;
}

/** The running summary of a conversation was made anew, or could not be; what it would cover stays stored. */
export interface HistorySummaryEvent {
  readonly type: "history.summary";
  readonly outcome: "made" | "failed";
  /** Messages that it covers in addition. */
  readonly messages: number;
  /** Of a failure: the code of our error, or `ENGINE` for what the model or the database threw. */
  readonly code?: StrataErrorCode | "ENGINE";
  readonly ms: number;
}

/** Documents were put in order, or were not. */
export interface RerankEvent {
  readonly type: "rerank";
  readonly outcome: "reranked" | "skipped" | "failed";
  /** Why it was reranked or skipped: a word of the policy. */
  readonly reason: string;
  readonly firstStage: string;
  /** Whose scores were taken. */
  readonly reranker?: string;
  /** Documents that came in, that were to be scored, that were given. */
  readonly candidates: number;
  readonly depth: number;
  readonly kept: number;
  /** Of those that were given: how many stand higher than before, lower, or where they were. */
  readonly up: number;
  readonly down: number;
  readonly same: number;
  /** Of those that were given: how many would not have been, had the order stayed. */
  readonly gained: number;
  /** Distinct texts that the reranker was asked for, and whose scores were known. */
  readonly asked: number;
  readonly cached: number;
  /** What the provider counted. */
  readonly searches: number;
  readonly tokens: number;
  readonly cost: number;
  readonly ms: number;
}

/** A reranker failed; the next one was asked, or the incoming order stayed. */
export interface RerankFaultEvent {
  readonly type: "rerank.fault";
  readonly reranker: string;
  /** The code of our error, or `ENGINE` for what the reranker itself threw. */
  readonly code: StrataErrorCode | "ENGINE";
  /** Of HTTP, where there was an answer. */
  readonly status: number | undefined;
}

/** The circuit of a reranker opened or closed. */
export interface RerankStateEvent {
  readonly type: "rerank.state";
  readonly reranker: string;
  readonly state: "open" | "closed";
}

/** A recall has ended. */
export interface MemoryRecallEvent {
  readonly type: "memory.recall";
  readonly strategy: "session_only" | "recent_history" | "semantic_search" | "hybrid" | "cross_conversation";
  /** Whether the router chose it. */
  readonly routed: boolean;
  readonly cacheHit: boolean;
  readonly results: number;
  /** Whether a part did not do its work. */
  readonly degraded: boolean;
  readonly ms: number;
}

export type MemoryPart = "embeddings" | "index" | "rerank" | "history" | "log" | "strategy";

/** A part of recall failed; the recall went on without it, unless it was the history itself. */
export interface MemoryFaultEvent {
  readonly type: "memory.fault";
  readonly part: MemoryPart;
  /** The code of our error, or `ENGINE` for what the part itself threw. */
  readonly code: StrataErrorCode | "ENGINE";
}

/** A part of retrieval failed; it went on without that part. */
export interface RagFaultEvent {
  readonly type: "rag.fault";
  /** `embeddings` and `index`: found by words alone. `cache`: the retriever was asked, or the context built, as if nothing were stored. */
  readonly part: "embeddings" | "index" | "cache";
  /** The code of our error, or `ENGINE` for what the part itself threw. */
  readonly code: StrataErrorCode | "ENGINE";
}

/** An alert fires, or is over. */
export interface AlertStateEvent {
  readonly type: "alert.state";
  readonly rule: string;
  readonly state: "firing" | "resolved";
  readonly severity: "info" | "warning" | "critical";
  readonly metric: string;
  readonly value: number;
}

/** An alert could not be told to whom it was meant for. */
export interface AlertFaultEvent {
  readonly type: "alert.fault";
  readonly rule: string;
  readonly channel: "webhook" | "callback";
  readonly code: StrataErrorCode | "ENGINE";
}

/** A scheduled job has come to its time, has got on, or has ended. */
export interface MaintenanceJobEvent {
  readonly type: "maintenance.job";
  /** The name that it was scheduled under. */
  readonly job: string;
  /** `passed`: another scheduler has this time. `partial`: the budget was used up. */
  readonly outcome: "started" | "progress" | "passed" | "complete" | "partial" | "failed";
  /** Done by this run so far. */
  readonly items: number;
  readonly ms: number;
  /** Of a failure. */
  readonly message?: string;
}

/** Auto-tuning has decided something; see `TuningDecision`. Of settings and figures only: no key, no text of a user. */
export interface TuningDecisionEvent {
  readonly type: "tuning.decision";
  readonly action: "advise" | "step" | "keep" | "revert" | "relax" | "undo";
  readonly setting: "size" | "eviction" | "compression" | "movement" | "ttl" | "all";
  readonly from: string;
  readonly to: string;
  /** Points of hit rate. */
  readonly predicted?: number;
  /** Points of hit rate. */
  readonly observed?: number;
  readonly samples: number;
  readonly reason: string;
}

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
  return (event) => {
    try {
      // An `async` function is accepted as an observer too; unhandled, its rejection would end the process.
      const outcome: unknown = observer(event);
      if (isPromise(outcome)) outcome.then(undefined, report);
    } catch (error) {
      report(error);
    }
  };
}

/** Anything can be thrown, also what has no text. */
function textOf(error: unknown): string {
  try {
    return String(error);
  } catch {
    return describe(error);
  }
}
