/**
 * Where the texts of documents are kept: documents by scope and id, each with its chunks. It knows nothing of vectors, words or
 * models.
 *
 * - `put` and `remove` do all of it or nothing, whatever ends the process: a document is there with all of its chunks, or not at all.
 * - A document's `key` names its content: what was written under a key never changes, so that whoever holds a chunk's place (a vector
 *   index, a reader in another process) finds that text there or none.
 * - `version` of a scope differs after every change of it; `identity` tells the place from every other.
 * - Scopes never meet: nothing is given of a scope but to who names it.
 */
import type { CallOptions, MaybePromise } from "../core/abort.ts";
import type { Digest } from "../core/key.ts";
import type { Json } from "../core/plain.ts";

export type Metadata = { readonly [key: string]: Json };

/** A document without its text. */
export interface DocumentHeader {
  /** The user's name for it, unique in its scope. */
  readonly id: string;
  /** Of scope, id and everything it was made from. */
  readonly key: Digest;
  /** Of its whole text: equal texts under other ids are known by it. */
  readonly text: Digest;
  readonly metadata: Metadata;
  /** How many chunks it has. */
  readonly chunks: number;
}

export interface Chunk {
  readonly text: string;
  /** What is true of this part alone, such as a page. */
  readonly metadata?: Metadata | undefined;
}

export interface StoredDocument extends DocumentHeader {
  readonly parts: readonly Chunk[];
}

/** One chunk of one document. */
export interface ChunkPlace {
  readonly key: Digest;
  /** From 0. */
  readonly at: number;
}

/** Whose documents. */
export interface TableScope {
  readonly scope: Digest;
  /** The wider scopes that it lies within, with which it is forgotten. */
  readonly within: readonly Digest[];
}

export interface DocumentTable {
  /** Labels errors and statistics: `"memory"`, `"disk"`, `"sql"`. */
  readonly name: string;
  /** Adds documents in the place of those with the same ids. Gives what was replaced by other content. */
  put(scope: TableScope, documents: readonly StoredDocument[], options?: CallOptions): Promise<readonly DocumentHeader[]>;
  /** Removes documents with their chunks; gives those that were there. */
  remove(scope: TableScope, ids: readonly string[], options?: CallOptions): Promise<readonly DocumentHeader[]>;
  version(scope: Digest, options?: CallOptions): MaybePromise<string>;
  /**
   * A random text, kept with the documents, that no other place has: `version` counts, so that the same one of two places means nothing.
   * The same for all who have the place open, and for ever.
   */
  identity(options?: CallOptions): MaybePromise<string>;
  /** All documents of a scope, in any order. */
  headers(scope: Digest, options?: CallOptions): MaybePromise<readonly DocumentHeader[]>;
  /** Chunks by their places, in that order; `undefined` where there is none (any more). */
  chunks(scope: Digest, places: readonly ChunkPlace[], options?: CallOptions): MaybePromise<readonly (Chunk | undefined)[]>;
  /** Removes everything of a scope, and of every scope that lies within it. Gives the scopes that had something. */
  forget(scope: Digest, options?: CallOptions): Promise<readonly { readonly scope: Digest; readonly documents: number }[]>;
  /** May be called twice. */
  close(): Promise<void>;
}
