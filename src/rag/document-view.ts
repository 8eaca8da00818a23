/**
 * What one scope's documents are, in memory: their headers, and the words of their chunks. Brought up to date by comparing headers
 * with the table's, so that what other processes change is seen; texts stay in the table.
 */
import { setImmediate } from "node:timers/promises";
import type { CallOptions } from "../core/abort.ts";
import type { Digest } from "../core/key.ts";
import { comparePlaces } from "./document-search.ts";
import type { ChunkPlace, DocumentHeader, DocumentTable } from "./document-table.ts";
import { DocumentWords } from "./document-words.ts";

/** Chunks read and taken apart before the event loop gets its turn: some 10 ms. */
const CHUNKS_AT_ONCE = 100;

export class DocumentView {
  readonly #table: DocumentTable;
  readonly #scope: Digest;
  readonly #words = new DocumentWords<ChunkPlace>(comparePlaces);
  #byKey = new Map<Digest, DocumentHeader>();
  #version: string | undefined;
  #turn: Promise<void> = Promise.resolve();

  constructor(table: DocumentTable, scope: Digest) {
    this.#table = table;
    this.#scope = scope;
  }

  get documents(): readonly DocumentHeader[] {
    return [...this.#byKey.values()];
  }

  get chunks(): number {
    return this.#words.size;
  }

  find(key: Digest): DocumentHeader | undefined {
    return this.#byKey.get(key);
  }

  /** The best by words, best first. */
  search(query: string, k: number, isWanted: (header: DocumentHeader) => boolean): readonly ChunkPlace[] {
    const wanted = ({ key }: ChunkPlace): boolean => {
      const header = this.#byKey.get(key);
      return header !== undefined && isWanted(header);
    };
    return this.#words.search(query, k, wanted).map(({ thing }) => thing);
  }

  /** Takes up what changed; callers who come meanwhile wait for the same look and one more. Gives the version. */
  async refresh(options: CallOptions = {}): Promise<string> {
    const mine = this.#turn.then(() => this.#refresh(options));
    this.#turn = mine.then(
      () => undefined,
      () => undefined,
    );
    return mine;
  }

  async #refresh(options: CallOptions): Promise<string> {
    // Before the headers: what is written between the two is looked at again the next time.
    const version = await this.#table.version(this.#scope, options);
    if (version === this.#version) return version;
    const headers = await this.#table.headers(this.#scope, options);
    const now = new Map(headers.map((header) => [header.key, header]));
    const added = headers.filter(({ key }) => !this.#byKey.has(key));
    this.#words.removeWhere(({ key }) => !now.has(key));
    for (const key of this.#byKey.keys()) if (!now.has(key)) this.#byKey.delete(key);
    try {
      await this.#read(added, options);
    } catch (error) {
      // So that the next look, which adds them all again, has none of them twice.
      const half = new Set(added.map(({ key }) => key));
      this.#words.removeWhere(({ key }) => half.has(key));
      throw error;
    }
    this.#byKey = now;
    this.#version = version;
    return version;
  }
  async #read(headers: readonly DocumentHeader[], options: CallOptions): Promise<void> {
    const places = headers.flatMap(({ key, chunks }) => Array.from({ length: chunks }, (_, at): ChunkPlace => ({ key, at })));
    for (let from = 0; from < places.length; from += CHUNKS_AT_ONCE) {
      options.signal?.throwIfAborted();
      const batch = places.slice(from, from + CHUNKS_AT_ONCE);
      const chunks = await this.#table.chunks(this.#scope, batch, options);
      for (const [index, place] of batch.entries()) {
        const text = chunks[index]?.text;
        if (text !== undefined) this.#words.add(place, text);
      }
      await setImmediate();
    }
  }
}
