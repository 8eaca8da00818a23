/** The documents of a system: added, searched, and told to the model. */
import { extname } from "node:path";
import type { Document, DocumentInterface } from "@langchain/core/documents";
import type { RunnableConfig } from "@langchain/core/runnables";
import { LRUCache } from "lru-cache";
import type { TieredCache } from "../../cache/tiered-cache.ts";
import { onAbort, type CallOptions } from "../../core/abort.ts";
import type { Clock } from "../../core/clock.ts";
import { StrataConfigError } from "../../core/errors.ts";
import type { Observer } from "../../core/events.ts";
import type { Scope } from "../../core/scope.ts";
import { CachedRetriever } from "../../rag/cached-retriever.ts";
import { ContextBuilder } from "../../rag/context-builder.ts";
import { documentRetriever } from "../../rag/document-retriever.ts";
import type { Metadata } from "../../rag/document-table.ts";
import type { DocumentStore } from "../../rag/document-store.ts";
import type { DocumentSearchOptions, FoundMetadata } from "../../rag/search-options.ts";
import { ingest, type IngestOptions, type IngestReport } from "../../rag/ingest.ts";
import type { IngestSource } from "../../rag/sources.ts";
import type { RerankCompressor } from "../../rerank/rerank-compressor.ts";
import type { DocumentsConfig } from "../config/strata-config.ts";
import { openSection } from "../config/section.ts";

/**
 * What can be added: a text, or a document of LangChain; with `path` a file (`.txt`, `.md`, `.pdf` by the package `unpdf`, `.json`) or a
 * folder of them. A text is never taken for a path, whoever wrote it.
 */
export type KnowledgeSource =
  | string
  | { readonly text: string; readonly id?: string; readonly metadata?: object }
  | { readonly path: string }
  | DocumentInterface;

export interface AddContextOptions extends Pick<IngestOptions, "batchSize" | "onProgress" | "signal"> {
  /** Of a single text: what it is replaced and removed by. Default: made of the text itself. */
  readonly id?: string | undefined;
  /** Of a single text. */
  readonly metadata?: object | undefined;
  /** Whose documents these become; default everybody's. */
  readonly scope?: Scope | "global" | undefined;
}

export interface SearchOptions extends DocumentSearchOptions {
  /** Whether the found are ordered anew; default: whether the config says `rerank`. */
  readonly rerank?: boolean | undefined;
  /** The tier of the user, for a rerank policy with shares by tier. */
  readonly tier?: string | undefined;
}

export interface KnowledgeOptions {
  readonly store: DocumentStore;
  /** Keeps what was found and what was built of it. */
  readonly cache: TieredCache;
  readonly rerank: RerankCompressor;
  readonly reranksByDefault: boolean;
  readonly config: DocumentsConfig;
  readonly observer: Observer | undefined;
  readonly clock: Clock;
}

const DEFAULT_K = 5;
const DEFAULT_TOKENS = 2_000;
/** Found for the reranker to choose from. */
const CANDIDATES = 30;
const FILES = new Set([".txt", ".md", ".markdown", ".pdf", ".json"]);

/** What a result depends on besides the question and the scope. */
interface Asked {
  readonly k: number;
  readonly rerank: boolean;
  readonly tier?: string;
  /** Of the scope's documents. */
  readonly version: string;
  readonly filter?: Metadata;
  readonly threshold?: number;
}

/** Budgets of tokens that a builder is kept for. */
const MOST_BUILDERS = 16;

export class Knowledge {
  readonly #options: KnowledgeOptions;
  readonly #ending = new AbortController();
  readonly #adding = new Set<Promise<unknown>>();

  readonly #retriever: CachedRetriever;
  readonly #builders = new LRUCache<number, ContextBuilder>({ max: MOST_BUILDERS });

  constructor(options: KnowledgeOptions) {
    this.#options = options;
    const { store, cache, observer } = options;
    const askedOf = (config: RunnableConfig): Asked & { readonly scope: Scope | "global" } =>
      config.configurable?.["asked"] as never;
    this.#retriever = new CachedRetriever({
      ...{ cache, observer, scope: "global", indexVersion: "in the filters" },
      retriever: documentRetriever(
        (query, config) => this.#find(query, { asked: askedOf(config), ...(config.signal && { signal: config.signal }) }),
        // The rest is in the filters and in the scope of the call.
        { index: () => store.identity(), asked: () => null },
      ),
      filters: (config) => {
        const { scope: _scope, ...asked } = askedOf(config);
        return { ...asked };
      },
    });
  }

  async add(sources: KnowledgeSource | readonly KnowledgeSource[], options: AddContextOptions = {}): Promise<IngestReport> {
    openSection("addContext", options, ["id", "metadata", "scope", "batchSize", "onProgress", "signal"]);
    const { id, metadata, signal, ...rest } = options;
    const list = (Array.isArray(sources) ? sources : [sources]) as readonly KnowledgeSource[];
    const from = list.map(readSource);
    if (id !== undefined || metadata !== undefined) {
      const [only] = from;
      if (from.length !== 1 || typeof only !== "object")
        throw new StrataConfigError("addContext.id", id, "nothing, unless there is one text");
      from[0] = { ...only, ...(id !== undefined && { id }), metadata: { ...only.metadata, ...metadata } };
    }
    const { store, config } = this.#options;
    const stop = new AbortController();
    const releases = [this.#ending.signal, ...(signal === undefined ? [] : [signal])].map((one) =>
      onAbort(one, () => stop.abort(one.reason)),
    );
    const split = { size: config.chunkSize, overlap: config.chunkOverlap };
    const adding = ingest({ ...rest, store, from, signal: stop.signal, split });
    this.#adding.add(adding);
    try {
      return await adding;
    } finally {
      this.#adding.delete(adding);
      for (const release of releases) release();
    }
  }

  /** What was found before for the same question is given again until a document of the scope changes. */
  async search(query: string, options: SearchOptions = {}): Promise<DocumentInterface<FoundMetadata>[]> {
    openSection("search", options, ["k", "filter", "threshold", "scope", "signal", "rerank", "tier"]);
    const { store, reranksByDefault, config } = this.#options;
    const { scope = "global", signal, rerank = reranksByDefault, k = config.k ?? DEFAULT_K, filter, threshold, tier } = options;
    const version = await store.version({ scope, signal });
    const asked: Asked = {
      k,
      rerank,
      version,
      ...(filter !== undefined && { filter }),
      ...(threshold !== undefined && { threshold }),
      ...(rerank && tier !== undefined && { tier }),
    };
    const found = await this.#retriever.invoke(query, {
      configurable: { strata: { scope, ...(tier !== undefined && { tier }) }, asked: { ...asked, scope } },
      ...(signal && { signal }),
    });
    return found as DocumentInterface<FoundMetadata>[];
  }

  /** The documents for a question, and the text that tells them to a model. */
  async contextFor(
    question: string,
    options: CallOptions & {
      readonly k?: number | undefined;
      readonly tokenBudget?: number | undefined;
      readonly scope?: Scope | undefined;
    },
  ): Promise<{ readonly text: string; readonly documents: readonly DocumentInterface[] }> {
    const { tokenBudget = this.#options.config.tokenBudget ?? DEFAULT_TOKENS, k, scope, signal } = options;
    const found = await this.search(question, { k, scope, signal });
    const { text, sources } = await this.#builderFor(tokenBudget).build(question, found, { scope: scope ?? "global" });
    return { text, documents: sources.map(({ document }) => document) };
  }

  async #find(
    query: string,
    { asked, signal }: { readonly asked: Asked & { readonly scope: Scope | "global" }; readonly signal?: AbortSignal },
  ): Promise<Document[]> {
    const { store, rerank } = this.#options;
    const { k, filter, threshold, scope } = asked;
    const found = await store.search(query, { filter, threshold, scope, signal, k: asked.rerank ? Math.max(k, CANDIDATES) : k });
    return asked.rerank ? (await rerank.compressDocuments(found, query)).slice(0, k) : found;
  }

  #builderFor(tokenBudget: number): ContextBuilder {
    const { cache, observer } = this.#options;
    const known = this.#builders.get(tokenBudget);
    if (known !== undefined) return known;
    const builder = new ContextBuilder({ tokenBudget, cache, observer });
    this.#builders.set(tokenBudget, builder);
    return builder;
  }

  /** Stops what is being added, between two batches, and waits for it. */
  async end(): Promise<void> {
    this.#ending.abort();
    await Promise.allSettled(this.#adding);
  }
}

function readSource(source: KnowledgeSource): IngestSource {
  if (typeof source === "string") {
    const isPath = !/\s/.test(source) && FILES.has(extname(source).toLowerCase());
    if (isPath)
      throw new StrataConfigError(
        "addContext.sources",
        source,
        `a text; for a file, { path: ${JSON.stringify(source.slice(0, 60))} }`,
      );
    if (source.trim() !== "") return { pageContent: source, metadata: {} };
  } else if (typeof source === "object" && source !== null) {
    if ("pageContent" in source) return source;
    if ("path" in source && typeof source.path === "string" && source.path !== "") return source.path;
    if ("text" in source && typeof source.text === "string" && source.text.trim() !== "") {
      const { text, id, metadata = {} } = openSection("addContext.sources", source, ["text", "id", "metadata"]) as typeof source;
      return { pageContent: text, metadata: { ...metadata }, ...(id !== undefined && { id }) };
    }
  }
  throw new StrataConfigError(
    "addContext.sources",
    source,
    "a text, { text, id }, { path } of a file or folder, or a document of LangChain",
  );
}
