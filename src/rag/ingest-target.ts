/** Where `ingest` puts documents: our own store, or any vector store of LangChain with a ledger of what went into it. */
import { appendFile, mkdir, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { Document } from "@langchain/core/documents";
import { waitOrAbort, type CallOptions } from "../core/abort.ts";
import { StrataConfigError } from "../core/errors.ts";
import { digest, type Digest } from "../core/key.ts";
import type { Scope } from "../core/scope.ts";
import type { DocumentStore } from "./document-store.ts";
import { textDigest, type PreparedDocument } from "./prepared-document.ts";

/** What is there under an id. */
export interface KnownDocument {
  readonly id: string;
  /** Of everything it was made from. */
  readonly key: Digest;
  /** Of its text. */
  readonly text: Digest;
}

export interface IngestTarget {
  known(options: CallOptions): Promise<readonly KnownDocument[]>;
  describe(document: PreparedDocument): KnownDocument;
  /** All or nothing; documents with the same ids are replaced. */
  put(documents: readonly PreparedDocument[], options: CallOptions): Promise<void>;
  remove(ids: readonly string[], options: CallOptions): Promise<number>;
}

/** What is asked of a vector store of LangChain. */
export interface AddableStore {
  addDocuments(documents: Document[], options?: { ids?: string[] }): Promise<unknown>;
  delete?(options: { ids: string[] }): Promise<unknown>;
}

export function storeTarget(store: DocumentStore, scope: Scope | "global" | undefined): IngestTarget {
  const own = scope === undefined ? {} : { scope };
  return {
    known: (options) => store.known({ ...own, ...options }),
    describe: (document) => ({
      id: document.id,
      key: store.keyOf(document, own),
      text: textDigest(document.chunks.map(({ text }) => text)),
    }),
    put: (documents, options) => store.put(documents, { ...own, ...options }),
    remove: (ids, options) => store.remove(ids, { ...own, ...options }),
  };
}

/** A line of the ledger: a document that is in the store with its chunks (`ids`), or none of them. */
interface LedgerLine extends KnownDocument {
  readonly ids: readonly string[];
}

/**
 * Any vector store. Chunks have ids of their own, made of their document, so that a store that knows ids holds none of them twice,
 * also when a run was cut off. What went in is written down after it, one line of JSON a document.
 * @param path of the ledger; without it nothing is known of earlier runs
 */
export function vectorStoreTarget(store: AddableStore, path: string | undefined): IngestTarget {
  const ledger = new Map<string, LedgerLine>();
  let reading: Promise<void> | undefined;

  async function load(): Promise<void> {
    if (path === undefined) return;
    const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return "";
      throw error;
    });
    for (const line of text.split("\n")) {
      const entry = readLine(line);
      if (entry === undefined) continue;
      if (entry.ids.length === 0) ledger.delete(entry.id);
      else ledger.set(entry.id, entry);
    }
  }

  async function note(lines: readonly LedgerLine[]): Promise<void> {
    for (const line of lines) {
      if (line.ids.length === 0) ledger.delete(line.id);
      else ledger.set(line.id, line);
    }
    if (path === undefined || lines.length === 0) return;
    await mkdir(dirname(path), { recursive: true });
    // A leading line break, so that a line that a kill cut off does not swallow this one.
    await appendFile(path, lines.map((line) => `\n${JSON.stringify(line)}`).join(""), { mode: 0o600 });
  }

  async function drop(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    if (store.delete === undefined) {
      throw new StrataConfigError(
        "ingest.store",
        store,
        "a vector store with delete(), which replacing and removing documents needs",
      );
    }
    await store.delete({ ids: [...ids] });
  }

  const target: IngestTarget = {
    async known() {
      await (reading ??= load());
      return [...ledger.values()];
    },
    describe({ id, metadata, chunks }) {
      const key = digest("ingested", id, JSON.stringify(metadata ?? {}), JSON.stringify(chunks));
      return { id, key, text: textDigest(chunks.map(({ text }) => text)) };
    },
    async put(documents, options) {
      await target.known(options);
      const lines = documents.map((document): LedgerLine => {
        const known = target.describe(document);
        return { ...known, ids: document.chunks.map((_chunk, at) => `${digest("chunk", document.id)}-${at}`) };
      });
      const chunks = documents.flatMap(({ id, metadata, chunks: parts }, index) =>
        parts.map(({ text, metadata: own }, at) => {
          const name = lines[index]?.ids[at];
          return new Document({
            pageContent: text,
            metadata: { ...metadata, ...own, documentId: id, chunk: at },
            ...(name !== undefined && { id: name }),
          });
        }),
      );
      const before = lines.flatMap(({ id }) => ledger.get(id)?.ids ?? []);
      // Stores that add under the same id twice (LangChain's own memory store) need the old ones gone first.
      await drop(before);
      await waitOrAbort(store.addDocuments(chunks, { ids: chunks.map(({ id }) => id ?? "") }), options.signal);
      await note(lines);
    },
    async remove(ids, options) {
      const wanted = new Set(ids);
      await target.known(options);
      const gone = [...ledger.values()].filter(
        ({ id }) => wanted.has(id) || (id.includes("#") && wanted.has(id.slice(0, id.lastIndexOf("#")))),
      );
      await drop(gone.flatMap((line) => line.ids));
      await note(gone.map((line) => ({ ...line, ids: [] })));
      return gone.length;
    },
  };
  return target;
}

/** Lines that a kill cut off, and what somebody else wrote, are passed over: their documents are ingested again. */
function readLine(line: string): LedgerLine | undefined {
  try {
    const entry = JSON.parse(line) as Partial<LedgerLine> | null;
    const { id, key, text, ids } = entry ?? {};
    const isLine = [id, key, text].every((part) => typeof part === "string") && Array.isArray(ids);
    return isLine ? (entry as LedgerLine) : undefined;
  } catch {
    return undefined;
  }
}
