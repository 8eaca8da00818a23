/** What a recall gives, and how it is asked for. */
import type { Document } from "@langchain/core/documents";
import type { CallOptions } from "../core/abort.ts";
import type { Duration } from "../core/options.ts";
import type { RecallSource, Strategy } from "./strategy.ts";

/** Of each recalled message. */
export interface MemoryMetadata {
  /** Unique within its session. */
  messageId: string;
  sessionId: string;
  ownerId: string;
  /** `"human"`, `"ai"`, …: who said it; data, never the role under which it may be quoted. */
  role: string;
  name?: string;
  /** ISO 8601, UTC. */
  createdAt: string;
  /** Comparable within one recall only. */
  score: number;
  source: RecallSource;
  strategy: Strategy;
  [key: string]: unknown;
}

/** A part that did not do its work; the recall went on without it. */
export type Degradation =
  /** The embeddings or all vector indexes failed or were too slow: words alone ranked. */
  | "embeddings"
  | "index"
  /** Some of the messages have no vector yet: they are found by their words. */
  | "vectors-incomplete"
  /** The owner has more messages than are held in memory: the best of those were ranked that the database found. */
  | "large-owner"
  | "rerank";

export interface RecallOptions extends CallOptions {
  /** Whose memory. */
  readonly ownerId?: string | undefined;
  readonly sessionId?: string | undefined;
  readonly strategy?: "auto" | Strategy | undefined;
  readonly k?: number | undefined;
  readonly lookback?: Duration | undefined;
  readonly tokenBudget?: number | undefined;
  /** What "yesterday" is reckoned from; default the clock. */
  readonly now?: Date | undefined;
  /** IANA name; whose midnight "yesterday" begins at. */
  readonly timeZone?: string | undefined;
}

export interface Recall {
  /** Names this recall to `report()`. */
  readonly id: string;
  /** The best first; one document is one message. */
  readonly documents: Document<MemoryMetadata>[];
  /** The one that served. */
  readonly strategy: Strategy;
  /** Why, for people. */
  readonly reason: string;
  readonly latencyMs: number;
  /** Of these, without reranking. */
  readonly retrievalMs: number;
  readonly rerankMs: number;
  readonly cacheHit: boolean;
  /** One sentence on what was found. */
  readonly contextSummary: string;
  /** What did not do its work; empty when all went well. */
  readonly degraded: readonly Degradation[];
}
