import { BaseRetriever } from "@langchain/core/retrievers";
import type { Document } from "@langchain/core/documents";
import { ensureConfig, type RunnableConfig } from "@langchain/core/runnables";
import { StrataError } from "../core/errors.ts";
import { guardObserver, type Emit, type MemoryPart } from "../core/events.ts";
import { digest } from "../core/key.ts";
import { parseNumber, refuseUnknown } from "../core/options.ts";
import type { Json } from "../core/plain.ts";
import { objectId } from "../core/object-id.ts";
import { offerIdentity } from "../core/retrieval-identity.ts";
import { OwnerMemories } from "./turns/owner-memories.ts";
import type { OwnerMemory } from "./turns/owner-memory.ts";
import { RecallCall } from "./recall-call.ts";
import { Recaller } from "./recaller.ts";
import { RecallEngine } from "./recall-engine.ts";
import { recallScope, type RecallScope, type Whose } from "./recall-scope.ts";
import type { MemoryMetadata, Recall, RecallOptions } from "./recall.ts";
import { inspectPage, type ChangeOptions, type InspectOptions, type InspectPage } from "./turns/remembered-messages.ts";
import { parseRetrieverOptions, type AdaptiveMemoryRetrieverOptions, type ParsedOptions } from "./retriever-options.ts";
import { recallRouter } from "./routers/recall-router.ts";
import { trainedRouter } from "./routers/trained-router.ts";
import { strategiesWith } from "./strategies/strategies.ts";
import { StrategyLog, type StrategyStats } from "./strategy-log.ts";
import { StrategyTable } from "./strategy-table.ts";
import { StoredVectors } from "./turns/stored-vectors.ts";
import { TurnVectors } from "./turns/turn-vectors.ts";

/** Recalls whose outcome may still be reported. */
const LOGGED = 50_000;

/**
 * Recalls what an owner said, in this conversation or another one: as LangChain's retriever, or through `recall()`, which also says how
 * it was found. It chooses how to look (`strategy: "auto"`), understands times in English and Portuguese, and finds by words alone when
 * the embeddings or the vector index fail.
 *
 * Whose memory is read is given with the call, with the constructor, or by the runnable's configuration (`configurable.user_id`,
 * `configurable.thread_id`), in this order. Without an owner nothing is read: the call is refused.
 *
 * What was stored before a recall began is found by it. Recalled text is data: put it into a prompt with `quoteRecalled`.
 * @example
 * ```ts
 * const memory = new AdaptiveMemoryRetriever({ store, embeddings: new LocalEmbeddings() });
 * const { documents, strategy, reason } = await memory.recall("o que combinamos ontem?", { ownerId: "ana" });
 * ```
 */
export class AdaptiveMemoryRetriever extends BaseRetriever<MemoryMetadata> {
  static override lc_name(): string {
    return "AdaptiveMemoryRetriever";
  }

  override lc_namespace: string[] = ["langchain_strata", "memory"];
  readonly #given: AdaptiveMemoryRetrieverOptions;
  readonly #options: ParsedOptions;
  readonly #emit: Emit;
  readonly #memories: OwnerMemories;
  readonly #vectors: TurnVectors | undefined;
  readonly #stored: StoredVectors | undefined;
  readonly #log: StrategyLog;
  readonly #whose: RecallScope;
  readonly #recaller: Recaller;
  #isClosed = false;

  /** @throws {@link StrataConfigError} naming the option, the value and what is accepted */
  constructor(options: AdaptiveMemoryRetrieverOptions) {
    super({});
    const parsed = parseRetrieverOptions(options);
    const { clock, random, deadlineMs, maxBytes, maxTurns } = parsed;
    this.#given = options;
    this.#options = parsed;
    this.#emit = guardObserver(options.observer);
    this.#memories = new OwnerMemories({
      ...{ source: options.store, maxBytes, maxTurns },
      onChange: (ownerId, memory, hadTurns) => this.#changed(ownerId, memory, hadTurns),
    });
    this.#vectors =
      parsed.embeddings &&
      new TurnVectors({
        ...{ embeddings: parsed.embeddings, indexes: parsed.indexes, model: parsed.embeddingModel ?? "" },
        ...{ deadlineMs, clock, random, emit: this.#emit },
        onGrown: (ownerId, memory) => this.#memories.grown(ownerId, memory),
      });
    const vectors = this.#vectors;
    this.#stored =
      parsed.embeddings && vectors && parsed.embeddingModel !== undefined && options.store.isSearchable !== false
        ? new StoredVectors({
            ...{ source: options.store, embeddings: parsed.embeddings, model: parsed.embeddingModel },
            ...{ deadlineMs, clock, random, emit: this.#emit },
            embedQuery: (query, call) => vectors.embedQuery(query, call),
          })
        : undefined;
    const engine = new RecallEngine({
      ...{ source: options.store, memories: this.#memories, vectors, stored: this.#stored },
      sittingGapMs: parsed.sittingGapMs,
      strategies: strategiesWith(options.strategies, (error) => this.#fault("strategy", error)),
      route: recallRouter({ model: options.router ?? trainedRouter(), random, exploration: parsed.exploration }),
    });
    const onError = (error: unknown): void => this.#fault("log", error);
    const { logTo: sql } = options;
    this.#log = new StrategyLog({
      ...{ clock, maxEntries: LOGGED, onError },
      ...(sql !== undefined && { kept: new StrategyTable({ sql, clock, onError }) }),
    });
    this.#whose = recallScope(parsed);
    this.#recaller = new Recaller({
      ...{ options: parsed, rerank: options.rerank, engine, log: this.#log, whose: this.#whose, emit: this.#emit },
    });
    if (new.target === AdaptiveMemoryRetriever) {
      offerIdentity(this, { index: () => this.#parts(), asked: (config) => this.#asked(whoseOf(config)) });
    }
  }

  /**
   * Recalls, and says how.
   * @throws {@link StrataConfigError} for a bad option, and without an owner; {@link StrataError} `CLOSED`; else what the history threw
   */
  recall(query: string, options: RecallOptions = {}): Promise<Recall> {
    return this.#recall(query, options, options, undefined);
  }

  /** As a runnable: the owner and the session may come with `configurable.user_id` and `configurable.thread_id`. */
  override async invoke(input: string, options?: Partial<RunnableConfig>): Promise<Document<MemoryMetadata>[]> {
    const config: Partial<RunnableConfig> = ensureConfig(options);
    const { signal } = config;
    const whose = whoseOf(config);
    // `_getRelevantDocuments` is given no configuration, and a field of this object would be shared by all calls.
    const call = new RecallCall((query) => this.#recall(query, { signal }, {}, whose), this);
    return call.invoke(input, options);
  }

  /** What `invoke` calls on other retrievers; here without a configuration, so that the owner must be the constructor's. */
  override async _getRelevantDocuments(query: string): Promise<Document<MemoryMetadata>[]> {
    return (await this.recall(query)).documents;
  }

  /**
   * Says how a recall served: `"helpful"`, `"unhelpful"`, or 0 to 1. The router's opinion of this owner's strategies shifts by it.
   * @returns whether the recall is still known
   * @throws what the table of `logTo` threw, asked for a recall of another process
   */
  async report(
    recallId: string,
    outcome: "helpful" | "unhelpful" | number,
    options: { readonly ownerId?: string } = {},
  ): Promise<boolean> {
    const value = outcome === "helpful" ? 1 : outcome === "unhelpful" ? 0 : parseNumber("outcome", outcome, 0, 1);
    return this.#log.report(recallId, value, options.ownerId);
  }

  /** How the strategies were used in the last `days` (default 7), of one owner or of all: in this process, or by all that `logTo` one table. */
  async stats(
    options: { readonly ownerId?: string | undefined; readonly days?: number | undefined } = {},
  ): Promise<StrategyStats> {
    refuseUnknown("stats", options, ["ownerId", "days"]);
    const { ownerId, days } = options;
    return this.#log.stats({ ownerId, days: days === undefined ? undefined : parseNumber("stats.days", days, 0, 36_500) });
  }

  /** A page of what is remembered of an owner, to be shown or exported. */
  async inspect(options: InspectOptions = {}): Promise<InspectPage> {
    refuseUnknown("inspect", options, ["ownerId", "sessionId", "limit", "cursor", "signal"]);
    this.#refuseWhenClosed();
    return inspectPage(this.#given.store, this.#whose.owner(options), options);
  }

  /** Gives a message another text, in the history and in what recall finds. @returns whether there was such a message */
  async correct(messageId: string, text: string, options: ChangeOptions = {}): Promise<boolean> {
    const { store } = this.#given;
    return this.#change("correct", messageId, options, (name) => store.correct?.(name, text));
  }

  /** Removes a message for good. @returns whether there was such a message */
  async remove(messageId: string, options: ChangeOptions = {}): Promise<boolean> {
    const { store } = this.#given;
    return this.#change("remove", messageId, options, (name) => store.remove?.(name));
  }

  /**
   * Lets go of everything that is kept of an owner beside the history: vectors, cached results, the log of strategies. The history has
   * its own `forget`, after which this runs by itself for an owner whose messages this process holds.
   */
  async forget({ ownerId, signal }: { readonly ownerId: string; readonly signal?: AbortSignal | undefined }): Promise<void> {
    this.#recaller.forget(ownerId);
    this.#memories.drop(ownerId);
    await Promise.all([this.#log.forget(ownerId), this.#vectors?.forget(ownerId, { signal })]);
  }

  /** Resolves when every message that was seen has its vector. For tests and scripts; no recall needs it. */
  async settled(): Promise<void> {
    await Promise.all([this.#vectors?.settled(), this.#stored?.settled()]);
  }

  /** Reads an owner's messages and makes their vectors ahead of the first recall. */
  async warm(options: { readonly ownerId?: string | undefined; readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    this.#refuseWhenClosed();
    const ownerId = this.#whose.owner(options);
    const { memory, position } = await this.#memories.current(ownerId, { signal: options.signal });
    await (memory === undefined ? this.#stored?.fill(ownerId, position) : this.#vectors?.fill(ownerId, memory));
  }

  /** Ends what runs in the background and lets go of what is held. The store, embeddings and indexes stay the caller's. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([this.#vectors?.close(), this.#stored?.close(), this.#log.close()]);
    this.#memories.drop();
    this.#recaller.clear();
  }

  async #recall(query: string, given: RecallOptions, called: Whose, configured: Whose | undefined): Promise<Recall> {
    this.#refuseWhenClosed();
    return this.#recaller.recall(query, given, { called, configured });
  }

  async #change(
    call: string,
    messageId: string,
    options: ChangeOptions,
    change: (name: ChangeOptions & { ownerId: string; messageId: string }) => Promise<boolean> | undefined,
  ): Promise<boolean> {
    refuseUnknown(call, options, ["ownerId", "sessionId", "signal"]);
    this.#refuseWhenClosed();
    const { sessionId, signal } = options;
    const ownerId = this.#whose.owner(options);
    const before = this.#options.indexes.length === 0 ? [] : await this.#turnsOf(ownerId, messageId, sessionId, signal);
    const changing = change({ ownerId, messageId, ...(sessionId !== undefined && { sessionId }), ...(signal && { signal }) });
    if (changing === undefined) throw new StrataError("UNAVAILABLE", `The history cannot ${call} messages.`);
    const changed = await changing;
    if (changed) await this.#vectors?.remove(ownerId, before, { signal });
    return changed;
  }

  async #turnsOf(
    ownerId: string,
    messageId: string,
    sessionId: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<ReturnType<OwnerMemory["inOrderOfTime"]>> {
    const { memory } = await this.#memories.current(ownerId, { signal });
    const turns = [...(memory?.turns() ?? [])];
    return turns.filter((turn) => turn.messageId === messageId && (sessionId === undefined || turn.sessionId === sessionId));
  }

  #changed(ownerId: string, memory: OwnerMemory, hadTurns: boolean): void {
    if (memory.order.size > 0) void this.#vectors?.fill(ownerId, memory);
    // The history has nothing of the owner any more: neither has this.
    else if (hadTurns) this.forget({ ownerId }).catch((error: unknown) => this.#fault("log", error));
  }

  /** The objects that recall is made of. None can say what it is, so another process, or another retriever over others, shares nothing. */
  #parts(): Json {
    const { store, rerank, router, strategies = {} } = this.#given;
    const { embeddings, indexes } = this.#options;
    const own = Object.entries(strategies).map(([name, one]) => [name, one === undefined ? null : objectId(one)]);
    return [
      objectId(store),
      [embeddings, rerank, router].map((part) => (part === undefined ? null : objectId(part))),
      indexes.map(objectId),
      own,
    ];
  }

  #asked(whose: Whose): Json {
    const { strategy, k, lookbackMs, tokenBudget = null, timeZone, embeddingModel = null } = this.#options;
    const { candidates, exploration, sittingGapMs, maxTurns, maxBytes, deadlineMs } = this.#options;
    return {
      owner: digest("owner", this.#whose.owner({}, whose)),
      session: digest("session", JSON.stringify(this.#whose.session({}, whose) ?? null)),
      ...{ strategy, k, lookbackMs, tokenBudget, timeZone, embeddingModel },
      ...{ candidates, exploration, sittingGapMs, maxTurns, maxBytes, deadlineMs },
    };
  }

  #fault(part: MemoryPart, error: unknown): void {
    this.#emit?.({ type: "memory.fault", part, code: error instanceof StrataError ? error.code : "ENGINE" });
  }

  #refuseWhenClosed(): void {
    if (this.#isClosed) throw new StrataError("CLOSED", "The memory retriever is closed.");
  }
}

/** Whose memory a runnable's configuration names. */
function whoseOf({ configurable }: { readonly configurable?: Readonly<Record<string, unknown>> | undefined }): Whose {
  return { ownerId: configurable?.["user_id"], sessionId: configurable?.["thread_id"] };
}
