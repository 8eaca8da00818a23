/**
 * Documents that are found again: texts in a table (`document-table.ts`), their words in memory, their vectors in an index.
 *
 * What there is, the table alone says. Vectors are added before it and removed after it, so a process that dies in between leaves
 * vectors that name no chunk, which no search gives, and never a document that is there by half.
 */
import { Document } from "@langchain/core/documents";
import type { BaseRetriever } from "@langchain/core/retrievers";
import type { RunnableConfig } from "@langchain/core/runnables";
import { LRUCache } from "lru-cache";
import type { CallOptions } from "../core/abort.ts";
import { StrataConfigError, StrataError } from "../core/errors.ts";
import { guardObserver, type Emit, type RagFaultEvent } from "../core/events.ts";
import type { Digest } from "../core/key.ts";
import { parseClock, parseFunction, refuseUnknown, requireMethods } from "../core/options.ts";
import type { Json } from "../core/plain.ts";
import type { Scope } from "../core/scope.ts";
import { defaultIndex, openTable, parseModel, type DocumentStoreOptions } from "./document-places.ts";
import { documentRetriever } from "./document-retriever.ts";
import { fuse, type FoundPlace } from "./document-search.ts";
import type { DocumentHeader, DocumentTable, Metadata, TableScope } from "./document-table.ts";
import { DocumentVectors } from "./document-vectors.ts";
import { DocumentView } from "./document-view.ts";
import { acceptDocument, type PreparedDocument } from "./prepared-document.ts";
import { scopeOfCall, type ScopeOfCall } from "./scope-of-call.ts";
import {
  candidates,
  checkSearch,
  matches,
  MOST_CANDIDATES,
  type DocumentCallOptions,
  type DocumentSearchOptions,
  type FoundMetadata,
} from "./search-options.ts";

export interface DocumentInfo {
  readonly id: string;
  readonly chunks: number;
  readonly metadata: Metadata;
}

const OPTIONS = ["path", "sql", "table", "embeddings", "model", "index", "scope", "observer", "clock", "random"];
/** Scopes whose words are in memory at the same time; others are read again when they are asked. */
const MOST_VIEWS = 64;
const DEFAULT_K = 5;

/**
 * A store of documents, by scope: put in, found by words and meaning, replaced and removed by id.
 * @example
 * ```ts
 * const store = new DocumentStore({ path: ".strata/documents", embeddings: new LocalEmbeddings(), model: "static" });
 * await ingest({ store, from: ["handbook/", "faq.json"] });
 * const found = await store.search("how do I return a parcel?", { k: 5 });
 * ```
 */
export class DocumentStore {
  readonly #table: DocumentTable;
  readonly #vectors: DocumentVectors | undefined;
  readonly #model: string;
  readonly #scopeOf: ScopeOfCall;
  readonly #emit: Emit;
  readonly #views: LRUCache<Digest, DocumentView>;
  #closing: Promise<void> | undefined;

  /** @throws {@link StrataConfigError} naming the option */
  constructor(options: DocumentStoreOptions = {}) {
    refuseUnknown("DocumentStore", options, OPTIONS);
    const { embeddings, scope = "global" } = options;
    this.#emit = guardObserver(parseFunction("DocumentStore.observer", options.observer));
    this.#scopeOf = scopeOfCall("DocumentStore", scope);
    this.#table = openTable(options, () => undefined);
    this.#model = parseModel(options);
    if (embeddings !== undefined) {
      requireMethods("DocumentStore.embeddings", embeddings, ["embedDocuments", "embedQuery"], "LangChain embeddings");
      this.#vectors = new DocumentVectors({
        embeddings,
        model: this.#model,
        index: options.index ?? defaultIndex(options),
        clock: parseClock(options.clock),
        random: parseFunction("DocumentStore.random", options.random) ?? Math.random,
      });
    }
    this.#views = new LRUCache({ max: MOST_VIEWS });
  }

  /**
   * Adds documents in the place of those with the same ids: all of them, with all of their chunks, or none.
   * @throws {@link StrataConfigError} for what is no document; what the embeddings or the table throw
   */
  async put(documents: readonly PreparedDocument[], options: DocumentCallOptions = {}): Promise<void> {
    const { scope, call } = this.#begin("put", options);
    const last = new Map(documents.map((document) => [document.id, acceptDocument(scope.scope, this.#model, document)]));
    const stored = [...last.values()];
    if (stored.length === 0) return;
    await this.#vectors?.add(scope.scope, stored, call);
    const replaced = await this.#table.put(scope, stored, call);
    await this.#dropVectors(scope, replaced);
  }

  /** Removes documents with their chunks; those of a file that held several (`kb.json#7`) also by the name of the file. Gives how many. */
  async remove(ids: readonly string[], options: DocumentCallOptions = {}): Promise<number> {
    const { scope, call } = this.#begin("remove", options);
    if (!Array.isArray(ids)) throw new StrataConfigError("remove.ids", ids, "a list of ids");
    const wanted = new Set(ids);
    const known = (await this.#table.headers(scope.scope, call)).map(({ id }) => id);
    const named = known.filter((id) => wanted.has(id) || (id.includes("#") && wanted.has(id.slice(0, id.lastIndexOf("#")))));
    if (named.length === 0) return 0;
    const gone = await this.#table.remove(scope, named, call);
    await this.#dropVectors(scope, gone);
    return gone.length;
  }

  /**
   * The chunks that fit a question best, best first, with their scores in the metadata ({@link FoundMetadata}). Where the embeddings or
   * the index fail, by words alone; an event tells.
   */
  async search(query: string, options: DocumentSearchOptions = {}): Promise<Document<FoundMetadata>[]> {
    return this.#search(query, options);
  }

  /** A LangChain retriever over {@link search}; the scope may come with the call's configuration. */
  asRetriever(options: Omit<DocumentSearchOptions, "signal"> = {}): BaseRetriever<FoundMetadata> {
    checkSearch("asRetriever", options);
    const { k = DEFAULT_K, filter = null, threshold = null, scope } = options;
    return documentRetriever((query, config) => this.#search(query, { ...options, signal: config.signal }, config), {
      index: () => this.identity(),
      asked: (config) => ({ k, filter, threshold, scope: this.#scopeOf(scope, config).scope }),
    });
  }

  /** Ids, sizes and metadata of all documents of a scope. */
  async list(options: DocumentCallOptions = {}): Promise<DocumentInfo[]> {
    const { scope, call } = this.#begin("list", options);
    const headers = await this.#table.headers(scope.scope, call);
    return headers.map(({ id, chunks, metadata }) => ({ id, chunks, metadata })).toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  /** Another text after every change of the scope's documents: for whoever caches what was found. */
  async version(options: DocumentCallOptions = {}): Promise<string> {
    const { scope, call } = this.#begin("version", options);
    return this.#table.version(scope.scope, call);
  }

  /** Removes everything of a scope and of the scopes within it. Gives how many documents. */
  async forget(scope: Scope | "global"): Promise<number> {
    const { scope: name } = this.#begin("forget", { scope }).scope;
    const gone = await this.#table.forget(name);
    for (const each of new Set([name, ...gone.map((one) => one.scope)])) {
      this.#views.delete(each);
      await this.#vectors?.forget(each);
    }
    return gone.reduce((sum, { documents }) => sum + documents, 0);
  }

  /** Closes what the store opened, and `index`. May be called twice. */
  close(): Promise<void> {
    this.#closing ??= Promise.all([this.#table.close(), this.#vectors?.index.close()]).then(() => undefined);
    return this.#closing;
  }

  /** What is searched here, told from every other store: the place of the documents, and the model that finds them. @internal */
  async identity(): Promise<Json> {
    return [await this.#table.identity(), this.#model];
  }

  /** What `ingest` needs to know of what is there. @internal */
  async known(options: DocumentCallOptions = {}): Promise<readonly DocumentHeader[]> {
    const { scope, call } = this.#begin("known", options);
    return this.#table.headers(scope.scope, call);
  }

  /** The key that a document would be stored under: equal keys, equal documents. @internal */
  keyOf(document: PreparedDocument, options: DocumentCallOptions = {}): Digest {
    return acceptDocument(this.#begin("keyOf", options).scope.scope, this.#model, document).key;
  }

  async #search(query: string, options: DocumentSearchOptions, config?: RunnableConfig): Promise<Document<FoundMetadata>[]> {
    const { k = DEFAULT_K, filter, threshold, ...rest } = options;
    checkSearch("search", options);
    if (typeof query !== "string") throw new StrataConfigError("query", query, "a text");
    const { scope, call } = this.#begin("search", rest, config);
    const view = this.#viewOf(scope.scope);
    // The model works while the table is looked at.
    const meaning = this.#byMeaning(scope.scope, query, filter === undefined ? candidates(k) : MOST_CANDIDATES, call);
    await view.refresh(call).catch(async (error: unknown) => {
      await meaning;
      throw error;
    });
    const isWanted = ({ metadata }: DocumentHeader): boolean => filter === undefined || matches(metadata, filter);
    const byMeaning = (await meaning).filter(({ key }) => {
      const header = view.find(key);
      return header !== undefined && isWanted(header);
    });
    const fused = fuse(view.search(query, candidates(k), isWanted), byMeaning);
    const best = threshold === undefined ? fused : fused.filter(({ similarity }) => (similarity ?? -Infinity) >= threshold);
    return this.#documents(scope.scope, view, best.slice(0, k), call);
  }

  async #byMeaning(scope: Digest, query: string, k: number, call: CallOptions): ReturnType<DocumentVectors["search"]> {
    if (this.#vectors === undefined || query.trim() === "") return [];
    try {
      return await this.#vectors.search(scope, query, k, call);
    } catch (error) {
      call.signal?.throwIfAborted();
      this.#fault("embeddings", error);
      return [];
    }
  }

  async #documents(
    scope: Digest,
    view: DocumentView,
    places: readonly FoundPlace[],
    call: CallOptions,
  ): Promise<Document<FoundMetadata>[]> {
    const chunks = await this.#table.chunks(scope, places, call);
    return places.flatMap((place, index) => {
      const header = view.find(place.key);
      const chunk = chunks[index];
      // Removed a moment ago, perhaps by another process.
      if (header === undefined || chunk === undefined) return [];
      const { score, similarity, at } = place;
      const own = { documentId: header.id, chunk: at, score, ...(similarity !== undefined && { similarity }) };
      const metadata: FoundMetadata = { ...header.metadata, ...chunk.metadata, ...own };
      return [new Document({ id: `${header.id}#${at}`, pageContent: chunk.text, metadata })];
    });
  }

  #viewOf(scope: Digest): DocumentView {
    const view = this.#views.get(scope) ?? new DocumentView(this.#table, scope);
    this.#views.set(scope, view);
    return view;
  }

  async #dropVectors(scope: TableScope, gone: readonly DocumentHeader[]): Promise<void> {
    if (gone.length === 0) return;
    try {
      await this.#vectors?.remove(
        scope.scope,
        gone.map(({ key }) => key),
      );
    } catch (error) {
      // They name no chunk any more, so nobody finds them.
      this.#fault("index", error);
    }
  }

  #begin(_call: string, options: DocumentCallOptions, config?: RunnableConfig): { scope: TableScope; call: CallOptions } {
    if (this.#closing !== undefined) throw new StrataError("CLOSED", "The document store is closed.");
    const { scope, signal } = options;
    signal?.throwIfAborted();
    return { scope: this.#scopeOf(scope, config), call: signal === undefined ? {} : { signal } };
  }

  #fault(part: RagFaultEvent["part"], error: unknown): void {
    this.#emit?.({ type: "rag.fault", part, code: error instanceof StrataError ? error.code : "ENGINE" });
  }
}
