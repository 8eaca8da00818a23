/**
 * Reranking as LangChain's document compressor: inside a `ContextualCompressionRetriever`, a `DocumentCompressorPipeline`, or by itself.
 *
 * It never fails a retrieval. When no reranker answers in time, the documents come in the order in which they were found, and an
 * event says so.
 */
import type { Callbacks } from "@langchain/core/callbacks/manager";
import type { Document, DocumentInterface } from "@langchain/core/documents";
import { BaseDocumentCompressor } from "@langchain/core/retrievers/document_compressors";
import { currentConfig } from "../cache/call-control.ts";
import type { CallOptions } from "../core/abort.ts";
import { StrataError } from "../core/errors.ts";
import { ALWAYS } from "./rerank-policy.ts";
import { parseRerankOptions, type RerankCompressorOptions, type RerankSettings } from "./rerank-options.ts";
import { reportOf, type RerankReport } from "./rerank-report.ts";
import { documentsOf, runRerank, type RerankRun } from "./rerank-run.ts";
import { traced } from "./rerank-trace.ts";
import { RerankerChain } from "./reranker-chain.ts";

export interface ExplainOptions extends CallOptions {
  /** Whether to rerank whatever the policy says. */
  readonly always?: boolean | undefined;
}

export interface RerankStats {
  readonly calls: number;
  readonly reranked: number;
  readonly skipped: number;
  /** Every reranker failed, and the incoming order was given. */
  readonly failed: number;
  /** Failures of single rerankers. */
  readonly faults: number;
  /** Distinct texts that rerankers were asked for, and whose scores were known. */
  readonly asked: number;
  readonly cached: number;
  /** What providers counted. */
  readonly searches: number;
  readonly tokens: number;
  readonly cost: number;
}

const NOTHING: RerankStats = {
  ...{ calls: 0, reranked: 0, skipped: 0, failed: 0, faults: 0, asked: 0, cached: 0, searches: 0, tokens: 0, cost: 0 },
};

/**
 * Puts the documents of a first search in a better order, and gives the best.
 *
 * The documents that it is given are not changed; those that it gives bear `metadata.rerank`: `{ rank, previousRank, outcome, verdict,
 * score, rawScore, fused, reranker, firstScore }`, ranks from 1, scores only where a reranker gave one.
 */
export class RerankCompressor extends BaseDocumentCompressor {
  readonly #settings: RerankSettings;
  readonly #chain: RerankerChain;
  #stats: RerankStats = NOTHING;
  #closing: Promise<void> | undefined;

  /** @throws {@link StrataConfigError} naming the option, the value and what is accepted */
  constructor(options: RerankCompressorOptions) {
    super();
    this.#settings = parseRerankOptions(options);
    this.#chain = new RerankerChain(this.#settings);
  }

  /**
   * @param callbacks LangChain's: this is a run of its own in them, named `RerankCompressor`; default those of the runnable in which this
   * is called
   * @throws {@link StrataConfigError} for what are no documents, `CLOSED` after `close()`, and the reason of an aborted signal, which is
   * the one of the runnable in which this is called
   */
  override async compressDocuments(documents: DocumentInterface[], query: string, callbacks?: Callbacks): Promise<Document[]> {
    const { firstStage, rerankers } = this.#settings;
    const candidates = Array.isArray(documents) ? documents.length : 0;
    return traced({ query, candidates, firstStage, rerankers }, callbacks ?? currentConfig()?.callbacks, async () => {
      const run = await this.#run(query, documents, {});
      this.#count(run);
      return { run, documents: documentsOf(run) };
    });
  }

  /**
   * What `compressDocuments` would do with these documents, document by document, and why. It asks the rerankers, and is not counted:
   * the policy does not learn from it.
   */
  async explain(query: string, documents: readonly DocumentInterface[], options: ExplainOptions = {}): Promise<RerankReport> {
    return reportOf(await this.#run(query, documents, { ...options, isRehearsal: true }));
  }

  /** What happened so far. */
  stats(): RerankStats {
    return this.#stats;
  }

  /** Refuses new calls, closes the rerankers and the tiers of the score cache. May be called twice. */
  close(): Promise<void> {
    this.#closing ??= (async () => {
      await Promise.all([this.#chain.close(), ...this.#settings.rerankers.map((reranker) => reranker.close?.())]);
    })();
    return this.#closing;
  }

  async #run(
    query: string,
    documents: readonly DocumentInterface[],
    options: ExplainOptions & { isRehearsal?: boolean },
  ): Promise<RerankRun> {
    if (this.#closing !== undefined) throw new StrataError("CLOSED", "The compressor is closed.");
    const signal = options.signal ?? currentConfig()?.signal;
    signal?.throwIfAborted();
    const policy = options.always === true ? ALWAYS : this.#settings.policy;
    return runRerank({ ...this.#settings, policy }, this.#chain, query, documents, { ...options, signal });
  }

  #count(run: RerankRun): void {
    const { outcome, decision, firstStage, reranker, asked, cached, usage, faults, placed, ms } = run;
    const last = this.#stats;
    this.#stats = {
      ...last,
      calls: last.calls + 1,
      [outcome]: last[outcome] + 1,
      faults: last.faults + faults.length,
      ...{ asked: last.asked + asked, cached: last.cached + cached },
      ...{ searches: last.searches + usage.searches, tokens: last.tokens + usage.tokens, cost: last.cost + usage.cost },
    };
    const given = placed.filter(({ verdict }) => verdict === "kept" || verdict === "kept-minimum");
    this.#settings.emit?.({
      ...{ type: "rerank", outcome, reason: decision.reason, firstStage: firstStage.name },
      ...(reranker !== undefined && { reranker }),
      ...{ candidates: placed.length, depth: decision.depth, asked, cached, ...usage, ms },
      kept: given.length,
      up: given.filter(({ rank, previousRank }) => rank < previousRank).length,
      down: given.filter(({ rank, previousRank }) => rank > previousRank).length,
      same: given.filter(({ rank, previousRank }) => rank === previousRank).length,
      gained: given.filter(({ previousRank }) => previousRank > given.length).length,
    });
  }
}
