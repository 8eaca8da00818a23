/** What is recalled, retrieved and reranked. */
import type { StrataErrorCode } from "../errors.ts";

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
