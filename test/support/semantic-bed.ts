import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import type { TieredCacheOptions } from "../../src/cache/cache-options.ts";
import { cacheModel } from "../../src/cache/model/cached-model.ts";
import type { SemanticOptions } from "../../src/cache/semantic/semantic-options.ts";
import { TieredCache } from "../../src/cache/tiered-cache.ts";
import { memoryTier } from "../../src/cache/tiers/memory.ts";
import { manualClock, type ManualClock } from "../../src/core/clock.ts";
import type { StrataEvent } from "../../src/core/events.ts";
import type { VectorFilter, VectorIndex, VectorMatch, VectorRecord, VectorSearch } from "../../src/vectors/vector-index.ts";
import { ScriptedModel, type Script } from "./scripted-model.ts";

/** Words as dimensions: texts that share words are near each other, and by how much can be worked out by hand. */
export class WordEmbeddings implements EmbeddingsInterface {
  readonly texts: string[] = [];
  readonly model: string;
  readonly #dimensions: number;
  /** In place of the usual answer. */
  answer: ((text: string) => number[] | Promise<number[]>) | undefined;

  constructor(model = "words-1", dimensions = 512) {
    this.model = model;
    this.#dimensions = dimensions;
  }

  async embedQuery(text: string): Promise<number[]> {
    this.texts.push(text);
    return this.answer === undefined ? this.vector(text) : this.answer(text);
  }

  async embedDocuments(texts: string[]): Promise<number[][]> {
    return Promise.all(texts.map((text) => this.embedQuery(text)));
  }

  vector(text: string): number[] {
    const vector = Array.from({ length: this.#dimensions }, () => 0);
    for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? []) {
      let hash = 7;
      for (const char of word) hash = (hash * 31 + char.charCodeAt(0)) % 1_000_003;
      vector[hash % this.#dimensions]! += 1;
    }
    return vector;
  }
}

/** A plain index that notes what it is asked, and can be told to misbehave. */
export class ListIndex implements VectorIndex {
  readonly name: string = "list";
  readonly partitions: Map<string, Map<string, VectorRecord>> = new Map();
  searches = 0;
  closed = 0;
  /** Runs before each operation. */
  before: ((operation: "add" | "search" | "remove") => void | Promise<void>) | undefined;
  /** In place of what was found. */
  found: ((matches: readonly VectorMatch[]) => readonly VectorMatch[]) | undefined;

  get size(): number {
    return [...this.partitions.values()].reduce((sum, records) => sum + records.size, 0);
  }

  async add(partition: string, records: readonly VectorRecord[]): Promise<void> {
    await this.before?.("add");
    const known = this.partitions.get(partition) ?? new Map<string, VectorRecord>();
    for (const record of records) known.set(record.id, record);
    this.partitions.set(partition, known);
  }

  async search(partition: string, vector: Float32Array, { k }: VectorSearch): Promise<readonly VectorMatch[]> {
    this.searches++;
    await this.before?.("search");
    const matches = [...(this.partitions.get(partition)?.values() ?? [])].map(({ id, vector: other }) => {
      return { id, similarity: cosine(vector, other) };
    });
    const nearest = matches.toSorted((a, b) => b.similarity - a.similarity).slice(0, k);
    return this.found?.(nearest) ?? nearest;
  }

  async remove({ partition, ids, tag }: VectorFilter): Promise<number> {
    await this.before?.("remove");
    let removed = 0;
    for (const [name, records] of this.partitions) {
      if (partition !== undefined && name !== partition) continue;
      for (const [id, { tags = [] }] of records) {
        if ((ids !== undefined && !ids.includes(id)) || (tag !== undefined && !tags.includes(tag))) continue;
        records.delete(id);
        removed++;
      }
    }
    return removed;
  }

  async stats(): Promise<{ vectors: number; bytes: undefined }> {
    return { vectors: this.size, bytes: undefined };
  }

  async close(): Promise<void> {
    this.closed++;
  }
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (const [at, value] of a.entries()) {
    dot += value * (b[at] ?? 0);
    aa += value ** 2;
    bb += (b[at] ?? 0) ** 2;
  }
  return dot / Math.sqrt(aa * bb);
}

export interface SemanticBed {
  readonly clock: ManualClock;
  readonly cache: TieredCache;
  readonly embeddings: WordEmbeddings;
  readonly index: ListIndex;
  readonly original: ScriptedModel;
  readonly model: ScriptedModel;
  /** Asks, and waits until what was learned is written. */
  readonly ask: (question: string, config?: object) => Promise<{ text: string; strata: Record<string, unknown> | undefined }>;
  readonly events: StrataEvent[];
}

export interface SemanticBedOptions extends Omit<TieredCacheOptions, "semantic" | "clock"> {
  readonly semantic?: Partial<SemanticOptions>;
  readonly script?: Script;
}

/** A cached model over a cache with a semantic step, on a clock moved by hand. The model counts up its answers. */
export function semanticBed({ semantic, script, ...options }: SemanticBedOptions = {}): SemanticBed {
  const clock = manualClock();
  const events: StrataEvent[] = [];
  const embeddings = new WordEmbeddings();
  const index = new ListIndex();
  const cache = new TieredCache({
    ...{ tiers: [memoryTier()], scope: { tenant: "acme" }, random: () => 0, coalesce: false },
    observer: (event) => void events.push(event),
    ...options,
    clock,
    semantic: { embeddings, index, ...semantic },
  });
  const original = new ScriptedModel({ model: "scripted-1", reply: ({ number }) => `answer ${number}`, ...script });
  const model = cacheModel(original, { cache });
  return {
    ...{ clock, cache, embeddings, index, original, model, events },
    async ask(question, config = {}) {
      const answer = await model.invoke(question, config);
      await cache.flush();
      return { text: answer.text, strata: answer.response_metadata["strata"] as Record<string, unknown> | undefined };
    },
  };
}
