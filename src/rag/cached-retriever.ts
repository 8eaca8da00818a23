/**
 * Any retriever, with its results kept: the same question, asked with the same filters of the same index by somebody of the same
 * scope, is answered from the tiers. What fails here sends the question to the retriever, and an event tells.
 */
import type { CallbackManagerForRetrieverRun } from "@langchain/core/callbacks/manager";
import { Document, type DocumentInterface } from "@langchain/core/documents";
import { BaseRetriever, type BaseRetrieverInput, type BaseRetrieverInterface } from "@langchain/core/retrievers";
import { ensureConfig, type RunnableConfig } from "@langchain/core/runnables";
import { controlResolver, type ResolveControl, type ResolvedControl, type ScopeOption } from "../cache/call-control.ts";
import { valuesOf, type JsonValues, type Place } from "../cache/json-values.ts";
import { parseTags } from "../cache/tags.ts";
import type { TieredCache } from "../cache/tiered-cache.ts";
import type { MaybePromise } from "../core/abort.ts";
import { StrataConfigError, StrataError } from "../core/errors.ts";
import { guardObserver, type Emit, type Observer } from "../core/events.ts";
import { digest } from "../core/key.ts";
import { parseCount, parseDuration, parseFunction, refuseUnknown, type Duration } from "../core/options.ts";
import { clonePlain, toPlain, type Json } from "../core/plain.ts";
import { SingleFlight } from "../core/single-flight.ts";
import { OneCall } from "./document-retriever.ts";
import { configurableOf, identityOf, isUnstorable } from "./retriever-key.ts";
import { fromStored, toStored } from "./stored-documents.ts";

export interface CachedRetrieverOptions extends BaseRetrieverInput {
  /** What finds. */
  readonly retriever: BaseRetrieverInterface;
  /**
   * What `retriever` is, in the user's words: the index that it searches, and all that its results depend on and that it keeps to itself,
   * such as a tenant or an owner. Results are shared by all retrievers of the same class and the same name, in other processes too, so two
   * that may find different things for one question must never have the same. Default: the object itself, so that nobody shares its
   * results and nothing is found again after a restart. Retrievers of a `DocumentStore` need none: they know their store, scope and
   * settings; with a name, it stands for the store.
   */
  readonly name?: string | undefined;
  /** Keeps what was found; it stays the caller's. */
  readonly cache: TieredCache;
  /** How long a result lives; default the cache's own with `indexVersion`, `"10m"` without. */
  readonly ttl?: Duration | undefined;
  /**
   * What the index is now; a result of another version is not used. A text, or a function that is asked each time: for a
   * `DocumentStore`, `() => store.version()`. Where it throws, the retriever is asked and nothing is kept.
   */
  readonly indexVersion?: string | (() => MaybePromise<string>) | undefined;
  /**
   * What else the result depends on: data, or a function of the call's configuration. `k`, `filter`, `searchType` and `searchKwargs`
   * of LangChain's own retrievers are known without; a filter that is a function is not, and needs this. It does not say which index.
   */
  readonly filters?: Json | ((config: RunnableConfig) => Json) | undefined;
  /**
   * Whose results these are. Default: the cache's own, and everything in the call's `configurable` is part of what was asked, so that a
   * retriever that reads a user from there serves nobody another's documents. Given, it alone decides: `"global"` lets all callers share.
   */
  readonly scope?: ScopeOption | undefined;
  /** Labels to remove results by: `cache.invalidate("handbook")`. */
  readonly cacheTags?: readonly string[] | undefined;
  /** Sees every event. */
  readonly observer?: Observer | undefined;
}

export interface CachedRetrieverStats {
  readonly hits: number;
  /** Questions that the retriever was asked. */
  readonly misses: number;
  /** Of `misses`: those whose result could not be kept, for want of a scope or of data that can be stored. */
  readonly bypassed: number;
}

const OWN = ["retriever", "name", "cache", "ttl", "indexVersion", "filters", "scope", "cacheTags", "observer"];
const INHERITED = ["callbacks", "tags", "metadata", "verbose"];
const TTL_WITHOUT_VERSION = "10m";

/**
 * Keeps what a retriever found. Questions that overlap are asked once; every caller has documents of its own.
 * @example
 * ```ts
 * const retriever = new CachedRetriever({ retriever: store.asRetriever({ k: 5 }), cache, indexVersion: () => store.version() });
 * ```
 */
export class CachedRetriever extends BaseRetriever {
  static override lc_name(): string {
    return "CachedRetriever";
  }

  override lc_namespace: string[] = ["langchain_strata", "rag"];
  readonly #options: CachedRetrieverOptions;
  readonly #values: JsonValues;
  readonly #emit: Emit;
  readonly #resolve: ResolveControl;
  readonly #ttl: Duration | undefined;
  readonly #flights = new SingleFlight<Found>();
  #hits = 0;
  #misses = 0;
  #bypassed = 0;

  /** @throws {@link StrataConfigError} naming the option */
  constructor(options: CachedRetrieverOptions) {
    refuseUnknown("CachedRetriever", options, [...OWN, ...INHERITED]);
    super(options);
    const { retriever, name, cache, ttl, indexVersion, filters, scope, cacheTags } = options;
    if (typeof (retriever as Partial<BaseRetrieverInterface> | undefined)?.invoke !== "function") {
      throw new StrataConfigError("CachedRetriever.retriever", retriever, "a retriever");
    }
    if (name !== undefined && (typeof name !== "string" || name === "")) {
      throw new StrataConfigError("CachedRetriever.name", name, "a text that is not empty");
    }
    if (indexVersion !== undefined && typeof indexVersion !== "string" && typeof indexVersion !== "function") {
      throw new StrataConfigError("CachedRetriever.indexVersion", indexVersion, "a text, or a function that gives one");
    }
    if (filters !== undefined && typeof filters !== "function") toPlain(filters, "CachedRetriever.filters");
    if (cacheTags !== undefined) parseTags("CachedRetriever.cacheTags", cacheTags);
    this.#options = options;
    this.#values = valuesOf(cache);
    this.#emit = guardObserver(parseFunction("CachedRetriever.observer", options.observer));
    this.#resolve = controlResolver(scope ?? "global", undefined);
    this.#ttl = ttl ?? (indexVersion === undefined ? TTL_WITHOUT_VERSION : undefined);
    if (this.#ttl !== undefined) parseDuration("CachedRetriever.ttl", this.#ttl);
  }

  override async invoke(input: string, options?: Partial<RunnableConfig>): Promise<Document[]> {
    const config = ensureConfig(options);
    return new OneCall<Record<string, unknown>>(this, (query, run) => this.#find(query, config, run)).invoke(
      input,
      options,
    ) as Promise<Document[]>;
  }

  override _getRelevantDocuments(query: string, run?: CallbackManagerForRetrieverRun): Promise<Document[]> {
    return this.#find(query, ensureConfig(), run);
  }

  /** Asks questions ahead of time. Those that fail are passed by; a signal ends it. Gives how many were found or were there. */
  async warm(
    queries: Iterable<string>,
    options: { readonly concurrency?: number; readonly config?: RunnableConfig } = {},
  ): Promise<number> {
    refuseUnknown("warm", options, ["concurrency", "config"]);
    if (typeof queries !== "object" || queries === null)
      throw new StrataConfigError("warm.queries", queries, "a list of questions");
    const { config = {} } = options;
    const waiting = queries[Symbol.iterator]();
    let done = 0;
    const work = async (): Promise<void> => {
      for (let next = waiting.next(); next.done !== true && config.signal?.aborted !== true; next = waiting.next()) {
        const isFound = await this.invoke(next.value, config).then(
          () => true,
          () => false,
        );
        if (isFound) done++;
      }
    };
    await Promise.all(Array.from({ length: parseCount("warm.concurrency", options.concurrency ?? 4) }, work));
    return done;
  }

  stats(): CachedRetrieverStats {
    return { hits: this.#hits, misses: this.#misses, bypassed: this.#bypassed };
  }

  async #find(query: string, config: RunnableConfig, run: CallbackManagerForRetrieverRun | undefined): Promise<Document[]> {
    const call = await this.#callOf(query, config);
    if (call === undefined) {
      this.#misses++;
      this.#bypassed++;
      return documentsOf(await this.#ask(query, config, run));
    }
    let leads = false;
    const { signal } = config;
    const found = await this.#flights.run(
      call.control.refresh ? `refresh ${call.place.key}` : call.place.key,
      (shared) => {
        leads = true;
        return this.#lookUp(query, call, { ...config, signal: shared }, run);
      },
      signal === undefined ? {} : { signal },
    );
    if (found.isHit || !leads) this.#hits++;
    if (found.stored === undefined) return documentsOf(found.documents ?? []);
    return (leads ? found.documents : undefined) ?? fromStored(clonePlain(found.stored)) ?? [];
  }

  async #lookUp(
    query: string,
    { place, control }: RetrieverCall,
    config: RunnableConfig,
    run: CallbackManagerForRetrieverRun | undefined,
  ): Promise<Found> {
    const stored = control.refresh ? undefined : await this.#read(place);
    const known = fromStored(stored);
    if (stored !== undefined && known !== undefined) return { isHit: true, stored, documents: fromStored(clonePlain(stored)) };
    this.#misses++;
    let isKept = false;
    try {
      const documents = documentsOf(await this.#ask(query, config, run));
      const kept = await this.#keep(place, control, documents);
      isKept = kept !== undefined;
      return { isHit: false, stored: kept, documents };
    } finally {
      if (!isKept) this.#values.giveUp(place);
    }
  }

  #ask(query: string, config: RunnableConfig, run: CallbackManagerForRetrieverRun | undefined): Promise<DocumentInterface[]> {
    const { signal } = config;
    return this.#options.retriever.invoke(query, {
      ...(run !== undefined && { callbacks: run.getChild() }),
      ...configurableIn(config),
      ...(signal !== undefined && { signal }),
    });
  }

  /** Where the result lies; `undefined` when it cannot be said for certain, so that nothing is looked up or kept. */
  async #callOf(query: string, config: RunnableConfig): Promise<RetrieverCall | undefined> {
    try {
      const control = this.#resolve(config);
      const { retriever, name: named, indexVersion, filters, scope } = this.#options;
      if (control.bypass || control.scope === undefined) return undefined;
      const version = typeof indexVersion === "function" ? await indexVersion() : (indexVersion ?? "");
      const asked = typeof filters === "function" ? filters(config) : filters;
      const parts: Json = [
        await identityOf({ retriever, name: named, isExplained: asked !== undefined, config: seenBy(config) }),
        toPlain(asked ?? null, "filters"),
        version,
        scope === undefined ? configurableOf(config) : null,
      ];
      const name = digest("retrieved", JSON.stringify(parts), query);
      return { control, place: this.#placeOf(name, control, config) };
    } catch (error) {
      this.#fault(error);
      return undefined;
    }
  }

  /** @throws {@link StrataConfigError} when the cache's own scope function gives none */
  #placeOf(name: string, control: ResolvedControl, config: RunnableConfig): Place {
    const asked = (config.configurable?.["strata"] as { scope?: unknown } | undefined)?.scope;
    if (control.scope !== undefined && (this.#options.scope !== undefined || asked !== undefined)) {
      return { key: digest("value", control.scope, name), scope: control.scope, within: control.within };
    }
    // The cache finds its scope as it does for answers: in the configuration of what is being run.
    return this.#values.place(name, undefined, config.configurable === undefined ? undefined : config);
  }

  async #read(place: Place): Promise<Json | undefined> {
    try {
      return (await this.#values.read(place)) ?? (await this.#values.findElsewhere(place));
    } catch (error) {
      this.#fault(error);
      return undefined;
    }
  }

  /** @returns what was stored, also when the tiers did not take it; `undefined` for what is no data */
  async #keep(place: Place, control: ResolvedControl, documents: readonly Document[]): Promise<Json | undefined> {
    try {
      const stored = toStored(documents);
      const tags = [...(this.#options.cacheTags ?? []), ...control.tags];
      await this.#values.write(place, stored, { ttl: control.ttlMs ?? this.#ttl, tags });
      return stored;
    } catch (error) {
      if (isUnstorable(error)) this.#bypassed++;
      this.#fault(error);
      return undefined;
    }
  }

  #fault(error: unknown): void {
    this.#emit?.({ type: "rag.fault", part: "cache", code: StrataError.isInstance(error) ? error.code : "ENGINE" });
  }
}

interface RetrieverCall {
  readonly control: ResolvedControl;
  readonly place: Place;
}

interface Found {
  readonly isHit: boolean;
  /** What every caller but the first has copies of; `undefined` when it is no data. */
  readonly stored: Json | undefined;
  readonly documents: Document[] | undefined;
}

/** What the retriever is given of a call's configuration, besides the signal. */
function configurableIn({ configurable }: RunnableConfig): Pick<RunnableConfig, "configurable"> {
  return configurable === undefined ? {} : { configurable };
}

/** The configuration as the retriever will see it, with what LangChain adds to it. */
function seenBy(config: RunnableConfig): RunnableConfig {
  return ensureConfig(configurableIn(config));
}

/** Documents of the caller's own, over the metadata that the retriever gave. */
function documentsOf(found: readonly DocumentInterface[]): Document[] {
  return found.map(({ pageContent, metadata, id }) => new Document({ pageContent, metadata, ...(id !== undefined && { id }) }));
}
