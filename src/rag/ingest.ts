/**
 * Documents, files and folders into a store, in batches. Each document goes in whole or not at all, and what is there already is passed
 * over, so a run that was ended by a crash or a signal is resumed by doing it again.
 */
import type { DocumentInterface } from "@langchain/core/documents";
import type { Clock } from "../core/clock.ts";
import { StrataConfigError } from "../core/errors.ts";
import { parseClock, parseCount, parseFunction, refuseUnknown } from "../core/options.ts";
import type { Digest } from "../core/key.ts";
import type { Scope } from "../core/scope.ts";
import { chunkText, parseSplit, type Split, type SplitOptions } from "./chunk-text.ts";
import { DocumentStore } from "./document-store.ts";
import type { PreparedDocument } from "./prepared-document.ts";
import { storeTarget, vectorStoreTarget, type AddableStore, type IngestTarget, type KnownDocument } from "./ingest-target.ts";
import type { SourceDocument } from "./source-file.ts";
import { listSources, readSource, type IngestSource, type ReadSource } from "./sources.ts";

export interface IngestOptions {
  /** A {@link DocumentStore}, or any vector store of LangChain. */
  readonly store: DocumentStore | AddableStore;
  /**
   * Documents of LangChain; paths of files (`.txt`, `.md`, `.pdf` with the package `unpdf`, `.json` knowledge bases) and of folders of
   * them. A document's id is its `id`, else made of what it is; a file's is its path as given, an entry's of a knowledge base
   * `path#id`.
   */
  readonly from: IngestSource | readonly IngestSource[];
  /** Chunks that go in together, at least; default 256. A document is never divided. */
  readonly batchSize?: number | undefined;
  /** How texts are cut. */
  readonly split?: SplitOptions | undefined;
  /** Ends the run: the batch under way is given up whole, what is done stays, and the report says `stopped`. */
  readonly signal?: AbortSignal | undefined;
  /** Told after each file and batch. */
  readonly onProgress?: ((progress: IngestProgress) => void) | undefined;
  /**
   * Whether what is there already, unchanged, is passed over; default `true`. A vector store of LangChain cannot tell what it holds: for
   * one, the path of a file to note it in; without, everything is added each time.
   */
  readonly resume?: boolean | string | undefined;
  /** Whose documents these become in a {@link DocumentStore}; default the store's own. */
  readonly scope?: Scope | "global" | undefined;
  /** For tests; default the machine's. */
  readonly clock?: Clock | undefined;
}

export interface IngestProgress {
  /** Files and documents of `from` that were read, failed ones included. */
  readonly done: number;
  /** How many there are. */
  readonly total: number;
  /** Documents stored, new or in place of others. */
  readonly stored: number;
  /** Chunks stored. */
  readonly chunks: number;
  /** Documents that were there unchanged. */
  readonly unchanged: number;
  /** New documents left out because one with the same text is there under another id. */
  readonly duplicates: number;
  /** Entries that their knowledge base no longer has, removed. */
  readonly removed: number;
  /** Files that could not be used. */
  readonly failed: number;
}

export interface IngestReport extends Omit<IngestProgress, "failed" | "total"> {
  /** What could not be used, and why; each error names the file. */
  readonly failed: readonly { readonly source: string; readonly error: Error }[];
  /** Whether the signal ended it before the last batch. */
  readonly stopped: boolean;
  readonly ms: number;
}

const OPTIONS = ["store", "from", "batchSize", "split", "signal", "onProgress", "resume", "scope", "clock"];
const BATCH = 256;

/**
 * Puts documents into a store. A file that cannot be used is in the report, and the others go on; what the store or the embeddings
 * throw ends the run, and doing it again goes on after the last batch.
 * @throws {@link StrataConfigError} naming the option; what the store throws
 * @example
 * ```ts
 * const report = await ingest({ store, from: ["handbook/", "faq.json"], onProgress: ({ chunks }) => console.log(chunks) });
 * ```
 */
export async function ingest(options: IngestOptions): Promise<IngestReport> {
  refuseUnknown("ingest", options, OPTIONS);
  const { signal } = options;
  const run = new IngestRun({
    target: targetOf(options),
    split: parseSplit("ingest.split", options.split),
    batchSize: parseCount("ingest.batchSize", options.batchSize ?? BATCH),
    isResumed: options.resume !== false,
    signal,
    onProgress: parseFunction("ingest.onProgress", options.onProgress),
  });
  const clock = parseClock(options.clock);
  const startedAt = clock.monotonic();
  try {
    await run.all(parseFrom(options.from));
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
  return run.report(clock.monotonic() - startedAt);
}

/**
 * Removes documents from a vector store of LangChain with their chunks, as `DocumentStore.remove` does from ours.
 * @param options.resume the file that `ingest` noted them in
 * @returns how many documents were removed
 * @throws {@link StrataConfigError} naming the option; what the store throws
 */
export async function removeIngested(options: {
  readonly store: DocumentStore | AddableStore;
  readonly ids: readonly string[];
  readonly resume?: string | undefined;
  readonly scope?: Scope | "global" | undefined;
  readonly signal?: AbortSignal | undefined;
}): Promise<number> {
  refuseUnknown("removeIngested", options, ["store", "ids", "resume", "scope", "signal"]);
  if (!(options.store instanceof DocumentStore) && typeof options.resume !== "string") {
    throw new StrataConfigError("removeIngested.resume", options.resume, "the path that ingest was given as `resume`");
  }
  const { ids, signal } = options;
  return targetOf(options).remove(ids, signal === undefined ? {} : { signal });
}

interface RunOptions {
  readonly target: IngestTarget;
  readonly split: Split;
  readonly batchSize: number;
  readonly isResumed: boolean;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: IngestProgress) => void) | undefined;
}

class IngestRun {
  readonly #options: RunOptions;
  /** What is there, or is about to be, by id; and the ids that have a text. */
  readonly #known = new Map<string, KnownDocument>();
  readonly #texts = new Map<Digest, Set<string>>();
  /** Duplicates by id, and where to read them again: whose text they have may get another one, or go, later in the run. */
  readonly #leftOut = new Map<string, { readonly source: IngestSource; readonly text: Digest }>();
  readonly #failed: { source: string; error: Error }[] = [];
  #batch: PreparedDocument[] = [];
  #batchChunks = 0;
  #total = 0;
  #isDone = false;
  readonly #counts = { done: 0, stored: 0, chunks: 0, unchanged: 0, duplicates: 0, removed: 0 };

  constructor(options: RunOptions) {
    this.#options = options;
  }

  async all(from: readonly IngestSource[]): Promise<void> {
    const { target, signal } = this.#options;
    for (const known of await target.known(this.#call)) this.#know(known);
    const sources = await listSources(from);
    this.#total = sources.length;
    for (const source of sources) {
      signal?.throwIfAborted();
      if (typeof source === "object" && "error" in source) this.#failed.push(source);
      else {
        const read = await this.#read(source);
        for (const document of read.documents) await this.#take(source, document);
        if (read.holdsMany) await this.#removeOthers(read.source, new Set(read.documents.map(({ id }) => id)));
      }
      this.#counts.done++;
      this.#tell();
    }
    await this.#takeLeftOut();
    await this.#flush();
    this.#isDone = true;
  }

  report(ms: number): IngestReport {
    return { ...this.#counts, failed: this.#failed, stopped: !this.#isDone, ms };
  }

  get #call(): { readonly signal?: AbortSignal } {
    const { signal } = this.#options;
    return signal === undefined ? {} : { signal };
  }

  /** Nothing of what cannot be used, which is noted. */
  async #read(source: IngestSource): Promise<Exclude<ReadSource, { readonly error: Error }>> {
    const read = await readSource(source);
    if (!("error" in read)) return read;
    this.#failed.push(read);
    return { source: read.source, documents: [], holdsMany: false };
  }

  async #take(source: IngestSource, document: SourceDocument): Promise<void> {
    const prepared = this.#prepare(document);
    const known = this.#options.target.describe(prepared);
    const before = this.#known.get(known.id);
    if (this.#options.isResumed && before?.key === known.key) this.#counts.unchanged++;
    else if (before === undefined && this.#texts.has(known.text)) {
      this.#counts.duplicates++;
      this.#leftOut.set(known.id, { source, text: known.text });
    } else if (prepared.chunks.length === 0)
      this.#failed.push({ source: known.id, error: new Error(`${known.id} holds no text`) });
    else {
      // Two of one id in a batch would be one document with the chunks of the last; the first is stored before.
      if (this.#batch.some(({ id }) => id === known.id)) await this.#flush();
      this.#know(known);
      this.#batch.push(prepared);
      this.#batchChunks += prepared.chunks.length;
      if (this.#batchChunks >= this.#options.batchSize) await this.#flush();
    }
  }

  /** What was left out for the sake of a document that has not kept its text. */
  async #takeLeftOut(): Promise<void> {
    for (const [id, { source, text }] of this.#leftOut) {
      if (this.#texts.has(text)) continue;
      this.#options.signal?.throwIfAborted();
      this.#counts.duplicates--;
      const { documents } = await this.#read(source);
      for (const document of documents.filter((one) => one.id === id)) await this.#take(source, document);
    }
  }

  #prepare({ id, metadata, parts }: SourceDocument): PreparedDocument {
    const chunks = parts.flatMap(({ text, metadata: own }) =>
      chunkText(text, this.#options.split).map((piece) => ({ text: piece, ...(own !== undefined && { metadata: own }) })),
    );
    return { id, metadata, chunks };
  }

  /** Entries that were in the file when it was read before. */
  async #removeOthers(source: string, present: ReadonlySet<string>): Promise<void> {
    const gone = [...this.#known.keys()].filter((id) => id.startsWith(`${source}#`) && !present.has(id));
    if (gone.length === 0) return;
    await this.#flush();
    this.#counts.removed += await this.#options.target.remove(gone, this.#call);
    for (const id of gone) this.#forget(id);
  }

  async #flush(): Promise<void> {
    const batch = this.#batch;
    const chunks = this.#batchChunks;
    if (batch.length === 0) return;
    await this.#options.target.put(batch, this.#call);
    this.#batch = [];
    this.#batchChunks = 0;
    this.#counts.stored += batch.length;
    this.#counts.chunks += chunks;
    this.#tell();
  }

  #know(known: KnownDocument): void {
    this.#forget(known.id);
    this.#leftOut.delete(known.id);
    this.#known.set(known.id, known);
    this.#texts.set(known.text, (this.#texts.get(known.text) ?? new Set()).add(known.id));
  }

  #forget(id: string): void {
    const before = this.#known.get(id);
    if (before === undefined) return;
    this.#known.delete(id);
    const holders = this.#texts.get(before.text);
    holders?.delete(id);
    if (holders?.size === 0) this.#texts.delete(before.text);
  }

  #tell(): void {
    this.#options.onProgress?.({ ...this.#counts, total: this.#total, failed: this.#failed.length });
  }
}

function targetOf({ store, scope, resume }: Pick<IngestOptions, "store" | "scope" | "resume">): IngestTarget {
  if (store instanceof DocumentStore) {
    if (resume !== undefined && typeof resume !== "boolean")
      throw new StrataConfigError("ingest.resume", resume, "true or false: a DocumentStore knows what it holds");
    return storeTarget(store, scope);
  }
  if (typeof (store as Partial<AddableStore> | undefined)?.addDocuments !== "function") {
    throw new StrataConfigError("ingest.store", store, "a DocumentStore, or a vector store with addDocuments()");
  }
  if (scope !== undefined)
    throw new StrataConfigError("ingest.scope", scope, "nothing: a vector store of LangChain knows no scopes");
  if (resume === true || resume === "") {
    throw new StrataConfigError(
      "ingest.resume",
      resume,
      "the path of a file: a vector store of LangChain cannot tell what it holds",
    );
  }
  return vectorStoreTarget(store, typeof resume === "string" ? resume : undefined);
}

function parseFrom(from: IngestOptions["from"]): readonly IngestSource[] {
  const all: readonly unknown[] = Array.isArray(from) ? from : [from];
  for (const source of all) {
    const isDocument = typeof (source as Partial<DocumentInterface> | null)?.pageContent === "string";
    if (source === "" || (typeof source !== "string" && !isDocument)) {
      throw new StrataConfigError("ingest.from", source, "documents of LangChain, and paths of files and folders");
    }
  }
  return all as readonly IngestSource[];
}
