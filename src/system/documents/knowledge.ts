/** The documents of a system: added, searched, and told to the model. */
import { extname } from "node:path";
import type { DocumentInterface } from "@langchain/core/documents";
import { onAbort, type CallOptions } from "../../core/abort.ts";
import type { Clock } from "../../core/clock.ts";
import { StrataConfigError } from "../../core/errors.ts";
import type { Scope } from "../../core/scope.ts";
import type { DocumentSearchOptions, DocumentStore, FoundMetadata } from "../../rag/document-store.ts";
import { ingest, type IngestOptions, type IngestReport } from "../../rag/ingest.ts";
import type { IngestSource } from "../../rag/sources.ts";
import type { RerankCompressor } from "../../rerank/rerank-compressor.ts";
import type { DocumentsConfig } from "../config/strata-config.ts";
import { openSection } from "../config/section.ts";
import { contextText } from "./context-text.ts";

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
}

export interface KnowledgeOptions {
  readonly store: DocumentStore;
  readonly rerank: RerankCompressor;
  readonly reranksByDefault: boolean;
  readonly config: DocumentsConfig;
  readonly clock: Clock;
}

const DEFAULT_K = 5;
const DEFAULT_TOKENS = 2_000;
/** Found for the reranker to choose from. */
const CANDIDATES = 30;
const FILES = new Set([".txt", ".md", ".markdown", ".pdf", ".json"]);

export class Knowledge {
  readonly #options: KnowledgeOptions;
  readonly #ending = new AbortController();
  readonly #adding = new Set<Promise<unknown>>();

  constructor(options: KnowledgeOptions) {
    this.#options = options;
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

  async search(query: string, options: SearchOptions = {}): Promise<DocumentInterface<FoundMetadata>[]> {
    const { store, rerank, reranksByDefault, config } = this.#options;
    const { rerank: isReranked = reranksByDefault, k = config.k ?? DEFAULT_K, ...rest } = options;
    if (!isReranked) return store.search(query, { ...rest, k });
    const found = await store.search(query, { ...rest, k: Math.max(k, CANDIDATES) });
    const ordered = await rerank.compressDocuments(found, query);
    return ordered.slice(0, k) as DocumentInterface<FoundMetadata>[];
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
    const found = await this.search(question, { k, scope, ...(signal && { signal }) });
    return contextText(found, tokenBudget);
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
