/** The vectors of chunks: made by the user's embeddings, kept in a vector index, one partition for a scope and a model. */
import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import { waitOrAbort, type CallOptions } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import { StrataError } from "../core/errors.ts";
import { Guard } from "../core/guard.ts";
import { digest, type Digest } from "../core/key.ts";
import type { VectorIndex, VectorRecord } from "../vectors/vector-index.ts";
import { placeName, readPlaceName } from "./document-search.ts";
import type { ChunkPlace, StoredDocument } from "./document-table.ts";

export interface DocumentVectorsOptions {
  readonly embeddings: EmbeddingsInterface;
  readonly model: string;
  readonly index: VectorIndex;
  readonly clock: Clock;
  readonly random: () => number;
}

/** Texts in one call to the embeddings, and vectors in one call to the index. */
const AT_ONCE = 256;
/** Of a search; the first one may have to load a model. */
const EMBED_DEADLINE_MS = 10_000;
const INDEX_DEADLINE_MS = 2_000;

export class DocumentVectors {
  readonly #options: DocumentVectorsOptions;
  readonly #embedder: Guard;
  readonly #searcher: Guard;

  constructor(options: DocumentVectorsOptions) {
    this.#options = options;
    const { clock, random } = options;
    this.#embedder = new Guard({ name: "The embeddings of the document store", clock, random, deadlineMs: EMBED_DEADLINE_MS });
    this.#searcher = new Guard({ name: "The index of the document store", clock, random, deadlineMs: INDEX_DEADLINE_MS });
  }

  get index(): VectorIndex {
    return this.#options.index;
  }

  /** Embeds and adds every chunk; what there is under the same names is replaced. @throws what the embeddings or the index throw */
  async add(scope: Digest, documents: readonly StoredDocument[], options: CallOptions): Promise<void> {
    const all = documents.flatMap(({ key, parts }) => parts.map(({ text }, at) => ({ key, at, text })));
    for (let from = 0; from < all.length; from += AT_ONCE) {
      options.signal?.throwIfAborted();
      const batch = all.slice(from, from + AT_ONCE);
      const vectors = await this.#embed(
        batch.map(({ text }) => text),
        options,
      );
      const records: VectorRecord[] = [];
      for (const [position, place] of batch.entries()) {
        const vector = Float32Array.from(vectors[position] ?? []);
        // A text without any token may have a vector of zeros; it is found by its words, of which it has none either.
        if (vector.some((x) => x !== 0)) records.push({ id: placeName(place), vector, tags: [place.key] });
      }
      await this.#options.index.add(this.partition(scope), records, options);
    }
  }

  /** The nearest chunks, nearest first. */
  async search(scope: Digest, query: string, k: number, options: CallOptions): Promise<(ChunkPlace & { similarity: number })[]> {
    const vector = Float32Array.from(await this.embedQuery(query, options));
    if (!vector.some((x) => x !== 0)) return [];
    return this.searchVector(scope, vector, k, options);
  }

  embedQuery(query: string, options: CallOptions): Promise<number[]> {
    const ask = this.#options.embeddings as Cancellable;
    return Promise.resolve(this.#embedder.run((call) => ask.embedQuery(query, call), options));
  }

  async searchVector(
    scope: Digest,
    vector: Float32Array,
    k: number,
    options: CallOptions,
  ): Promise<(ChunkPlace & { similarity: number })[]> {
    const { index } = this.#options;
    const matches = await this.#searcher.run((call) => index.search(this.partition(scope), vector, { ...call, k }), options);
    return matches.flatMap(({ id, similarity }) => {
      const place = readPlaceName(id);
      return place === undefined ? [] : [{ ...place, similarity }];
    });
  }

  async remove(scope: Digest, keys: readonly Digest[], options: CallOptions = {}): Promise<void> {
    for (const tag of keys) await this.#options.index.remove({ partition: this.partition(scope), tag }, options);
  }

  async forget(scope: Digest): Promise<void> {
    await this.#options.index.remove({ partition: this.partition(scope) });
  }

  partition(scope: Digest): Digest {
    return digest("documents", this.#options.model, scope);
  }

  async #embed(texts: string[], options: CallOptions): Promise<number[][]> {
    const ask = this.#options.embeddings as Cancellable;
    const vectors = await waitOrAbort(ask.embedDocuments(texts, options), options.signal);
    if (vectors.length !== texts.length) {
      throw new StrataError("BAD_ANSWER", `The embeddings gave ${vectors.length} vectors for ${texts.length} texts.`);
    }
    return vectors;
  }
}

/** Ours take a signal; others pass it by. */
interface Cancellable {
  embedDocuments(texts: string[], options: CallOptions): Promise<number[][]>;
  embedQuery(text: string, options: CallOptions): Promise<number[]>;
}
