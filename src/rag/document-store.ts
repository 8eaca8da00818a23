/**
 * Documents that are found again: texts in a table (`document-table.ts`), their words in memory, their vectors in an index.
 *
 * What there is, the table alone says. Vectors are added before it and removed after it, so a process that dies in between leaves
 * vectors that name no chunk, which no search gives, and never a document that is there by half.
 */
import { resolve } from "node:path";
import { Document } from "@langchain/core/documents";
import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import type { BaseRetriever } from "@langchain/core/retrievers";
import type { RunnableConfig } from "@langchain/core/runnables";
import { LRUCache } from "lru-cache";
import type { ScopeOption } from "../cache/call-control.ts";
import type { SqlClient } from "../clients/sql.ts";
import type { CallOptions } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import { StrataConfigError, StrataError } from "../core/errors.ts";
import { guardObserver, type Emit, type Observer, type RagFaultEvent } from "../core/events.ts";
import { digest, type Digest } from "../core/key.ts";
import { parseClock, parseCount, parseFunction, parseNumber, refuseUnknown, requireMethods } from "../core/options.ts";
import { toPlain } from "../core/plain.ts";
import type { Scope } from "../core/scope.ts";
import { flatIndex } from "../vectors/indexes/flat.ts";
import type { VectorIndex } from "../vectors/vector-index.ts";
import { documentRetriever } from "./document-retriever.ts";
import { fuse, type FoundPlace } from "./document-search.ts";
import type { Chunk, DocumentHeader, DocumentTable, Metadata, StoredDocument, TableScope } from "./document-table.ts";
import { DocumentVectors } from "./document-vectors.ts";
import { DocumentView } from "./document-view.ts";
import { scopeOfCall, type ScopeOfCall } from "./scope-of-call.ts";
import { diskTable } from "./tables/disk.ts";
import { memoryTable } from "./tables/memory.ts";
import { sqlTable } from "./tables/sql.ts";

export interface DocumentStoreOptions {
  /**
   * A folder to keep texts and vectors in; made, private to the user and ignored by git, when it is not there. Several processes may
   * share it. Default, without `sql` as well: this process's memory.
   */
  readonly path?: string | undefined;
  /** In place of `path`: a database, from `pgClient` or `pgliteClient`, which stays the caller's. */
  readonly sql?: SqlClient | undefined;
  /** Begins the names of the tables in `sql`; default `"strata_documents"`. */
  readonly table?: string | undefined;
  /** For finding by meaning; default: by words alone. Not used before the first document or question, so that no model is loaded in vain. */
  readonly embeddings?: EmbeddingsInterface | undefined;
  /** Names what `embeddings` makes, version included; needed with them. Documents of another model are embedded anew when they come again. */
  readonly model?: string | undefined;
  /** Where the vectors lie; closed by `close()`. Default `flatIndex()`, in `path` when there is one. With `sql`: `pgvectorIndex({ sql })`. */
  readonly index?: VectorIndex | undefined;
  /** Whose documents; default `"global"`. A function finds it in the call's configuration. */
  readonly scope?: ScopeOption | undefined;
  /** Sees every event. */
  readonly observer?: Observer | undefined;
  /** For tests; default the machine's. */
  readonly clock?: Clock | undefined;
  /** From 0 to 1; for tests; default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** Whose documents a call is about, and how long it may go on. */
export interface DocumentCallOptions extends CallOptions {
  /** Default: the store's own. */
  readonly scope?: Scope | "global" | undefined;
}

export interface DocumentSearchOptions extends DocumentCallOptions {
  /** How many chunks at most; 1 to 200, default 5. */
  readonly k?: number | undefined;
  /**
   * What a document's metadata must be equal to. Words are looked for in all documents; by meaning the 1,000 nearest chunks are looked
   * through, so that a filter that leaves few may be served by words alone.
   */
  readonly filter?: Metadata | undefined;
  /** Only chunks whose cosine to the query is at least this, -1 to 1; those found by words alone are left out. Default: none. */
  readonly threshold?: number | undefined;
}

/** What is known of a found chunk, besides its document's metadata and its own. */
export interface FoundMetadata {
  readonly [key: string]: unknown;
  /** The document's id. */
  readonly documentId: string;
  /** Which of its chunks, from 0. */
  readonly chunk: number;
  /** Of the fusion of words and meaning: higher is better, nothing else. */
  readonly score: number;
  /** Cosine to the query; absent for what words alone found. */
  readonly similarity?: number;
}

/** A document as it goes in, cut up already; `ingest` cuts. */
export interface PreparedDocument {
  /** 1 to 2,048 characters. */
  readonly id: string;
  readonly metadata?: Metadata | undefined;
  readonly chunks: readonly Chunk[];
}

export interface DocumentInfo {
  readonly id: string;
  readonly chunks: number;
  readonly metadata: Metadata;
}

const OPTIONS = ["path", "sql", "table", "embeddings", "model", "index", "scope", "observer", "clock", "random"];
const MAX_ID = 2_048;
const MAX_K = 200;
/** Chunks that either search gives to the fusion. */
const LEAST_CANDIDATES = 50;
const CANDIDATES_PER_RESULT = 4;
const MOST_CANDIDATES = 1_000;
/** Scopes whose words are in memory at the same time; others are read again when they are asked. */
const MOST_VIEWS = 64;

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
    const last = new Map(documents.map((document) => [document.id, this.#accept(scope, document)]));
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
    return documentRetriever((query, config) => this.#search(query, { ...options, signal: config.signal }, config));
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

  /** What `ingest` needs to know of what is there. @internal */
  async known(options: DocumentCallOptions = {}): Promise<readonly DocumentHeader[]> {
    const { scope, call } = this.#begin("known", options);
    return this.#table.headers(scope.scope, call);
  }

  /** The key that a document would be stored under: equal keys, equal documents. @internal */
  keyOf(document: PreparedDocument, options: DocumentCallOptions = {}): Digest {
    return this.#accept(this.#begin("keyOf", options).scope, document).key;
  }

  async #search(query: string, options: DocumentSearchOptions, config?: RunnableConfig): Promise<Document<FoundMetadata>[]> {
    const { k = 5, filter, threshold, ...rest } = options;
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

  #accept({ scope }: TableScope, { id, metadata = {}, chunks }: PreparedDocument): StoredDocument {
    if (typeof id !== "string" || id === "" || id.length > MAX_ID)
      throw new StrataConfigError("document.id", id, `a text of 1 to ${MAX_ID} characters`);
    if (!Array.isArray(chunks) || !chunks.every((chunk) => typeof (chunk as Partial<Chunk> | null)?.text === "string")) {
      throw new StrataConfigError("document.chunks", chunks, "a list of { text, metadata }");
    }
    const parts = chunks.map(({ text, metadata: own }) => ({
      text,
      ...(own !== undefined && { metadata: toPlain(own, "metadata") as Metadata }),
    }));
    const plain = toPlain(metadata, "metadata") as Metadata;
    const key = digest("document", scope, id, this.#model, JSON.stringify(plain), JSON.stringify(parts));
    const text = textDigest(parts.map((part) => part.text));
    return { id, key, text, metadata: plain, chunks: parts.length, parts };
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

/** Of a whole text, however it is cut. */
export function textDigest(parts: readonly string[]): Digest {
  return digest("document-text", JSON.stringify(parts));
}

function openTable({ path, sql, table }: DocumentStoreOptions, onDamage: () => void): DocumentTable {
  if (table !== undefined && sql === undefined)
    throw new StrataConfigError("DocumentStore.table", table, "nothing, where there is no `sql`");
  if (sql !== undefined) {
    requireMethods("DocumentStore.sql", sql, ["query", "transaction"], "an SqlClient, from pgClient or pgliteClient");
    if (path !== undefined) throw new StrataConfigError("DocumentStore.path", path, "nothing, where there is `sql`");
    return sqlTable({ sql, table: table ?? "strata_documents" });
  }
  if (path === undefined) return memoryTable();
  if (typeof path !== "string" || path === "") throw new StrataConfigError("DocumentStore.path", path, "the path of a folder");
  return diskTable({ path: resolve(path), onDamage });
}

function defaultIndex({ path, sql }: DocumentStoreOptions): VectorIndex {
  if (sql !== undefined) {
    throw new StrataConfigError(
      "DocumentStore.index",
      undefined,
      "an index, such as pgvectorIndex({ sql }), with `sql` and `embeddings`",
    );
  }
  return flatIndex(path === undefined ? {} : { path: resolve(path, "vectors") });
}

function parseModel({ embeddings, model }: DocumentStoreOptions): string {
  if (model === undefined && embeddings === undefined) return "";
  if (typeof model !== "string" || model === "") {
    throw new StrataConfigError("DocumentStore.model", model, 'a text that names what the embeddings make, such as "minilm"');
  }
  return model;
}

function checkSearch(owner: string, options: DocumentSearchOptions): void {
  refuseUnknown(owner, options, ["k", "filter", "threshold", "scope", "signal"]);
  const { k, filter, threshold } = options;
  if (k !== undefined && parseCount(`${owner}.k`, k) > MAX_K) throw new StrataConfigError(`${owner}.k`, k, `at most ${MAX_K}`);
  if (filter !== undefined) toPlain(filter, `${owner}.filter`);
  if (threshold !== undefined) parseNumber(`${owner}.threshold`, threshold, -1, 1);
}

function candidates(k: number): number {
  return Math.max(LEAST_CANDIDATES, CANDIDATES_PER_RESULT * k);
}

function matches(metadata: Metadata, filter: Metadata): boolean {
  return Object.entries(filter).every(([name, wanted]) => JSON.stringify(metadata[name]) === JSON.stringify(wanted));
}
