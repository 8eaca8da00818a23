/** The whole system in one object: what `createStrata` gives. */
import type { DocumentInterface } from "@langchain/core/documents";
import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import type { CacheStats } from "../cache/cache-stats.ts";
import type { TieredCache } from "../cache/tiered-cache.ts";
import { RunnableLambda } from "@langchain/core/runnables";
import type { WarmOptions, WarmReport } from "../cache/warm.ts";
import { StrataError } from "../core/errors.ts";
import type { ConversationStore } from "../history/conversation-store.ts";
import type { AdaptiveMemoryRetriever } from "../memory/memory-retriever.ts";
import type { StrategyStats } from "../memory/strategy-log.ts";
import type { DocumentStore } from "../rag/document-store.ts";
import type { FoundMetadata } from "../rag/search-options.ts";
import type { IngestReport } from "../rag/ingest.ts";
import type { BackupOptions, BackupReport } from "../maintenance/backup/backup.ts";
import type { RestoreOptions, RestoreReport } from "../maintenance/backup/restore.ts";
import type { DashboardSource } from "../observability/dashboard/dashboard-source.ts";
import type { Dashboard, DashboardOptions } from "../observability/dashboard/start-dashboard.ts";
import type { Scheduler } from "../maintenance/schedule/scheduler.ts";
import type { Alerts } from "../observability/alerts.ts";
import type { Metrics } from "../observability/metrics.ts";
import type { RecentEvents } from "../observability/recent-events.ts";
import type { PromptLibrary } from "../prompts/prompt-library.ts";
import type { PromptSavings } from "../prompts/prompt-usage.ts";
import type { RerankCompressor, RerankStats } from "../rerank/rerank-compressor.ts";
import type { ChatEngine } from "./chat/chat-engine.ts";
import type { Backups } from "./backups.ts";
import type { Dashboards } from "./dashboards.ts";
import type { AddContextOptions, KnowledgeSource, Knowledge, SearchOptions } from "./documents/knowledge.ts";
import type { Forgetting, ForgetOptions, ForgetWho, SystemForgetReceipt } from "./forgetting.ts";
import type { PartHealth } from "./health.ts";
import type { RunningServices, Services } from "./services.ts";
import type { ChatOptions } from "./chat/chat-options.ts";
import type { ChatEvent, ChatResult } from "./chat/chat-result.ts";

export interface StrataStats {
  /** Since the start, ms. */
  readonly uptimeMs: number;
  readonly chat: ChatCounts;
  readonly cache: CacheStats;
  readonly memory: StrategyStats;
  readonly rerank: RerankStats;
  /** What the provider's own prompt cache saved on templates. */
  readonly prompts: PromptSavings;
  /** Of this process, bytes. */
  readonly residentBytes: number;
}

/** Calls of `chat()` and `stream()`. */
export interface ChatCounts {
  readonly questions: number;
  readonly cached: number;
  readonly failed: number;
  readonly savedTokens: number;
}

export interface WarmUpOptions extends Omit<WarmOptions, "model"> {
  readonly chat?: Omit<ChatOptions, "signal"> | undefined;
}

/** Port, address, token, and what visitors may do. */
export type StartDashboardOptions = Omit<DashboardOptions, keyof DashboardSource | "clock">;

/** What a system is made of; each part is also usable alone. */
export interface StrataParts {
  readonly cache: TieredCache;
  readonly embeddings: EmbeddingsInterface;
  readonly conversations: ConversationStore;
  readonly memory: AdaptiveMemoryRetriever;
  readonly rerank: RerankCompressor;
  readonly documents: DocumentStore;
  readonly prompts: PromptLibrary;
  /** `undefined` where `observability.metrics` is `false`, as are `events`. */
  readonly metrics: Metrics | undefined;
  /** The last decisions, rerankings and incidents, one by one. */
  readonly events: RecentEvents | undefined;
  /** Rules on the metrics, as they stand. */
  readonly alerts: Alerts | undefined;
}

export interface StrataMachinery {
  readonly engine: ChatEngine;
  readonly knowledge: Knowledge;
  readonly dashboards: Dashboards;
  readonly backups: Backups;
  readonly forgetting: Forgetting;
  readonly services: Services;
  readonly uptimeMs: () => number;
  readonly health: () => Promise<PartHealth[]>;
  readonly close: () => Promise<void>;
}

export class Strata implements StrataParts {
  readonly cache: TieredCache;
  readonly embeddings: EmbeddingsInterface;
  readonly conversations: ConversationStore;
  readonly memory: AdaptiveMemoryRetriever;
  readonly rerank: RerankCompressor;
  readonly documents: DocumentStore;
  readonly prompts: PromptLibrary;
  readonly metrics: Metrics | undefined;
  readonly events: RecentEvents | undefined;
  readonly alerts: Alerts | undefined;
  readonly #machinery: StrataMachinery;
  #questions = 0;
  #cached = 0;
  #failed = 0;
  #savedTokens = 0;
  #running: RunningServices | undefined;
  #closing: Promise<void> | undefined;

  /** @internal Made by `createStrata`. */
  constructor(parts: StrataParts, machinery: StrataMachinery) {
    this.cache = parts.cache;
    this.embeddings = parts.embeddings;
    this.conversations = parts.conversations;
    this.memory = parts.memory;
    this.rerank = parts.rerank;
    this.documents = parts.documents;
    this.prompts = parts.prompts;
    this.metrics = parts.metrics;
    this.events = parts.events;
    this.alerts = parts.alerts;
    this.#machinery = machinery;
  }

  /**
   * Answers a question: from the cache, or from the model.
   * @throws {@link StrataConfigError} naming the option; {@link StrataError} `TIMEOUT`, `CLOSED`; else what the model throws
   */
  async chat(question: string, options: ChatOptions = {}): Promise<ChatResult> {
    this.#refuseWhenClosed();
    this.#questions++;
    try {
      return this.#count(await this.#machinery.engine.chat(question, options));
    } catch (error) {
      this.#failed++;
      throw error;
    }
  }

  /** As `chat`, in pieces: reasoning, text, and last of all the result. Leaving the loop ends the call. */
  async *stream(question: string, options: ChatOptions = {}): AsyncGenerator<ChatEvent> {
    this.#refuseWhenClosed();
    this.#questions++;
    try {
      for await (const event of this.#machinery.engine.stream(question, options)) {
        if (event.type === "end") this.#count(event.result);
        yield event;
      }
    } catch (error) {
      this.#failed++;
      throw error;
    }
  }

  /** The model with the cache under it, for chains and agents of your own. */
  async model(): Promise<BaseChatModel> {
    this.#refuseWhenClosed();
    return this.#machinery.engine.model();
  }

  /**
   * Adds documents: texts, files, folders, JSON knowledge bases. Each goes in whole or not at all, in the place of what had its id; what
   * is there unchanged is passed over, so a run that was stopped goes on when it is done again. A file that cannot be read is in the
   * report, and the others go on.
   * @example
   * ```ts
   * await strata.addContext("Parcels may be returned within 30 days.", { id: "returns" });
   * await strata.addContext([{ path: "handbook/" }, { path: "faq.json" }], { onProgress: ({ done, total }) => console.log(done, total) });
   * ```
   * @throws {@link StrataConfigError} naming the option; what the embeddings or the store throw
   */
  async addContext(
    sources: KnowledgeSource | readonly KnowledgeSource[],
    options: AddContextOptions = {},
  ): Promise<IngestReport> {
    this.#refuseWhenClosed();
    return this.#machinery.knowledge.add(sources, options);
  }

  /** Removes documents by their ids, all entries of a knowledge base by its path. Gives how many. */
  async removeContext(
    ids: string | readonly string[],
    options: Pick<AddContextOptions, "scope" | "signal"> = {},
  ): Promise<number> {
    this.#refuseWhenClosed();
    return this.documents.remove(typeof ids === "string" ? [ids] : ids, options);
  }

  /** The parts of documents that fit a question best, best first, with scores in their metadata. Asks no model. */
  async search(query: string, options: SearchOptions = {}): Promise<DocumentInterface<FoundMetadata>[]> {
    this.#refuseWhenClosed();
    return this.#machinery.knowledge.search(query, options);
  }

  /**
   * Asks ahead of time what people are going to ask, so that they find the answers.
   * @param options.chat how people will ask it: with documents, a scope, a system text
   * @throws {@link StrataConfigError} naming the option; a question that fails is in the report
   */
  async warmUp(questions: Iterable<string> | AsyncIterable<string>, options: WarmUpOptions = {}): Promise<WarmReport> {
    this.#refuseWhenClosed();
    const { chat = {}, ...rest } = options;
    const { engine } = this.#machinery;
    const ask = RunnableLambda.from(async (question: string, { signal }: { readonly signal?: AbortSignal }) => {
      const { message } = await engine.chat(question, { ...chat, ...(signal && { signal }) });
      return message;
    });
    return this.cache.warm(questions, { ...rest, model: ask });
  }

  /** Whether the servers of the config can be reached, and the data folder written. Never rejects for what they do. */
  async health(): Promise<readonly PartHealth[]> {
    this.#refuseWhenClosed();
    return this.#machinery.health();
  }

  /** Where Prometheus finds the metrics, where `observability.prometheus` says so. */
  get metricsUrl(): string | undefined {
    return this.#running?.metricsUrl;
  }

  /** The schedule of `maintenance.jobs`: when each comes next, and running one now. */
  get schedule(): Pick<Scheduler, "next" | "runNow"> | undefined {
    return this.#running?.scheduler;
  }

  /** Begins what the system does by itself: `createStrata` has, a command that only looks has not. @internal */
  async begin(): Promise<void> {
    this.#running = await this.#machinery.services.begin();
  }

  /** What happened so far. */
  async stats(): Promise<StrataStats> {
    return {
      uptimeMs: this.#machinery.uptimeMs(),
      chat: { questions: this.#questions, cached: this.#cached, failed: this.#failed, savedTokens: this.#savedTokens },
      cache: this.cache.stats(),
      memory: await this.memory.stats(),
      rerank: this.rerank.stats(),
      prompts: this.prompts.savings(),
      residentBytes: process.memoryUsage.rss(),
    };
  }

  /**
   * Writes the lasting tiers of the cache and all conversations into one file, while they are in use. Documents are not in it: they are
   * added again from where they came, or backed up with their folder or database.
   * @throws as `backup()` of the package
   */
  async backup(to: string, options: Omit<BackupOptions, "to" | "parts" | "clock"> = {}): Promise<BackupReport> {
    this.#refuseWhenClosed();
    return this.#machinery.backups.backup(to, options);
  }

  /** Restores what `backup` wrote; what is there and newer stays. The whole file is checked before anything is written. */
  async restore(from: string, options: Omit<RestoreOptions, "from" | "parts" | "clock"> = {}): Promise<RestoreReport> {
    this.#refuseWhenClosed();
    return this.#machinery.backups.restore(from, options);
  }

  /**
   * Forgets somebody everywhere: cached answers in every tier and index, documents, conversations with their summaries, vectors and queues, and what
   * memory keeps; with all that lies within the scope. It is noted in `forgotten.log` of the data folder first, so that no restore of a
   * backup from before brings it back.
   * @param who `{ ownerId: "1" }` = that person everywhere, as `{ scope: { user: "1" } }`; with `scope: { tenant }` within the tenant alone;
   * `{ scope: { tenant } }` = the whole tenant
   * @returns what was removed, by place; a place that failed is named there, and holds up no other
   * @example
   * ```ts
   * const { complete, failed } = await strata.forget({ ownerId: "1", scope: { tenant: "acme" } });
   * ```
   * @throws {@link StrataConfigError} naming the option; what the log throws, with nothing removed
   */
  async forget(who: ForgetWho, options: ForgetOptions = {}): Promise<SystemForgetReceipt> {
    this.#refuseWhenClosed();
    return this.#machinery.forgetting.forget(who, options);
  }

  /**
   * Opens the web dashboard of this system, on this machine and with a token unless told otherwise. `close()` closes it, too.
   * @throws {@link StrataConfigError} without metrics; {@link StrataError} `UNAVAILABLE` when the port is in use
   */
  async startDashboard(options: StartDashboardOptions = {}): Promise<Dashboard> {
    this.#refuseWhenClosed();
    return this.#machinery.dashboards.start(options);
  }

  /**
   * Waits for the answers under way, which are kept then, and ends those that take longer than eight seconds with `CLOSED`; writes what
   * waits, within a deadline, and closes every part. What the caller handed in stays the caller's. May be called twice.
   */
  close(): Promise<void> {
    this.#closing ??= this.#machinery.close();
    return this.#closing;
  }

  #count(result: ChatResult): ChatResult {
    if (result.cached) this.#cached++;
    this.#savedTokens += result.savings.tokens;
    return result;
  }

  #refuseWhenClosed(): void {
    if (this.#closing !== undefined) throw new StrataError("CLOSED", "The system is closed.");
  }
}
