/** A recall as the retriever gives it: whose, from the query cache or searched, reranked, cut to its budget, noted, told. */
import type { Document } from "@langchain/core/documents";
import type { BaseDocumentCompressor } from "@langchain/core/retrievers/document_compressors";
import { StrataConfigError, StrataError } from "../core/errors.ts";
import type { Emit, MemoryPart } from "../core/events.ts";
import { Guard } from "../core/guard.ts";
import { refuseUnknown } from "../core/options.ts";
import { messageIds } from "../history/message-id.ts";
import { QueryCache } from "./query-cache.ts";
import { placeOf } from "./query-place.ts";
import { contextSummaryOf, documentsOf, withinTokens } from "./recall-documents.ts";
import { MAX_QUERY, type EngineRequest, type Prepared, type RecallEngine } from "./recall-engine.ts";
import { requireSession, type RecallScope, type Whose } from "./recall-scope.ts";
import type { Degradation, MemoryMetadata, Recall, RecallOptions } from "./recall.ts";
import { copyOf, rerankRecalled } from "./rerank-recalled.ts";
import { parseRecallDefaults, type ParsedOptions } from "./retriever-options.ts";
import type { Strategy } from "./strategy.ts";
import type { StrategyLog } from "./strategy-log.ts";

export interface RecallerParts {
  readonly options: ParsedOptions;
  readonly rerank: BaseDocumentCompressor | undefined;
  readonly engine: RecallEngine;
  readonly log: StrategyLog;
  readonly whose: RecallScope;
  readonly emit: Emit;
}

interface Remembered {
  readonly documents: readonly Document<MemoryMetadata>[];
  readonly strategy: Strategy;
  readonly reason: string;
}

const RECALL_OPTIONS = ["ownerId", "sessionId", "strategy", "k", "lookback", "tokenBudget", "now", "timeZone", "signal"];

export class Recaller {
  readonly #parts: RecallerParts;
  readonly #cache: QueryCache<Remembered> | undefined;
  readonly #reranker: Guard;
  readonly #makeId: () => string;

  constructor(parts: RecallerParts) {
    const { clock, random, deadlineMs, queryCache } = parts.options;
    this.#parts = parts;
    this.#cache = queryCache && new QueryCache(clock, queryCache);
    this.#reranker = new Guard({ name: "The reranker", clock, random, deadlineMs });
    this.#makeId = messageIds(clock, random);
  }

  /** Lets go of the results of an owner. */
  forget(ownerId: string): void {
    this.#cache?.forget(ownerId);
  }

  clear(): void {
    this.#cache?.clear();
  }

  /** @throws {@link StrataConfigError} for a bad option, and without an owner; what the history threw */
  async recall(
    query: string,
    given: RecallOptions,
    { called, configured }: { readonly called: Whose; readonly configured: Whose | undefined },
  ): Promise<Recall> {
    refuseUnknown("recall", given, RECALL_OPTIONS);
    const { options, rerank, engine, log, whose } = this.#parts;
    if (typeof query !== "string") throw new StrataConfigError("query", query, "a text");
    const { clock, candidates } = options;
    const began = clock.monotonic();
    const defaults = parseRecallDefaults(given, options);
    const ownerId = whose.owner(called, configured);
    const request: EngineRequest = {
      ...defaults,
      ...{ ownerId, sessionId: whose.session(called, configured), signal: given.signal },
      query: query.slice(0, MAX_QUERY),
      k: rerank === undefined ? defaults.k : Math.max(defaults.k, candidates),
      now: given.now === undefined ? clock.now() : parseNow(given.now),
      standing: (strategy) => log.standing(ownerId, strategy),
      isTrimmed: rerank === undefined,
    };
    requireSession(request.strategy, request.sessionId);
    const prepared = await this.#prepare(request);
    const place = placeOf(request, prepared, defaults.k, defaults.tokenBudget);
    const kept = this.#cache?.find(place, request.query, (word) => prepared.memory.knows(word));
    if (kept !== undefined) {
      const retrievalMs = clock.monotonic() - began;
      return this.#finish({
        request,
        kept,
        degraded: [],
        cacheHit: true,
        propensity: 1,
        isExploration: false,
        retrievalMs,
        rerankMs: 0,
      });
    }
    const result = await engine.search(request, prepared);
    const retrievalMs = clock.monotonic() - began;
    const found = documentsOf(result.found, ownerId, result.strategy);
    const reranked = await rerankRecalled(found, rerank, this.#reranker, {
      ...{ query: request.query, signal: request.signal },
      onError: (error) => this.#fault("rerank", error),
    });
    const rerankMs = clock.monotonic() - began - retrievalMs;
    const first = reranked.documents.slice(0, defaults.k);
    const documents = defaults.tokenBudget === undefined ? first : withinTokens(first, defaults.tokenBudget);
    const degraded = [...result.degraded, ...reranked.degraded];
    const { strategy, reason, propensity, isExploration } = result;
    const fresh: Remembered = { documents, strategy, reason };
    if (degraded.length === 0 && !isExploration) this.#cache?.keep(place, request.query, fresh);
    return this.#finish({ request, kept: fresh, degraded, cacheHit: false, propensity, isExploration, retrievalMs, rerankMs });
  }

  async #prepare(request: EngineRequest): Promise<Prepared> {
    try {
      return await this.#parts.engine.prepare(request);
    } catch (error) {
      request.signal?.throwIfAborted();
      this.#fault("history", error);
      throw error;
    }
  }

  #finish(outcome: {
    readonly request: EngineRequest;
    readonly kept: Remembered;
    readonly degraded: readonly Degradation[];
    readonly cacheHit: boolean;
    readonly propensity: number;
    readonly isExploration: boolean;
    readonly retrievalMs: number;
    readonly rerankMs: number;
  }): Recall {
    const { request, kept, degraded, cacheHit, propensity, isExploration, retrievalMs, rerankMs } = outcome;
    const { strategy, reason } = kept;
    const documents = kept.documents.map(copyOf);
    const id = this.#makeId();
    const latencyMs = retrievalMs + rerankMs;
    const results = documents.length;
    const at = this.#parts.options.clock.now();
    this.#parts.log.add({ id, ownerId: request.ownerId, strategy, at, latencyMs, results, cacheHit, propensity, isExploration });
    const routed = request.strategy === "auto";
    this.#parts.emit?.({
      type: "memory.recall",
      strategy,
      routed,
      cacheHit,
      results,
      degraded: degraded.length > 0,
      ms: latencyMs,
    });
    const contextSummary = contextSummaryOf(documents, strategy);
    return { id, documents, strategy, reason, latencyMs, retrievalMs, rerankMs, cacheHit, contextSummary, degraded };
  }

  #fault(part: MemoryPart, error: unknown): void {
    this.#parts.emit?.({ type: "memory.fault", part, code: error instanceof StrataError ? error.code : "ENGINE" });
  }
}

function parseNow(now: Date): number {
  const time = now instanceof Date ? now.getTime() : Number.NaN;
  if (Number.isNaN(time)) throw new StrataConfigError("now", now, "a date that there is");
  return time;
}
