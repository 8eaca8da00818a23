import { createHash } from "node:crypto";
import { Embeddings } from "@langchain/core/embeddings";
import type { CallOptions } from "../../src/core/abort.ts";

/** Embeddings that are made of a hash, and that tell what they were asked. */
export class CountingEmbeddings extends Embeddings {
  readonly dimensions: number;
  readonly calls: { readonly kind: "query" | "document"; readonly texts: readonly string[]; readonly signal?: AbortSignal }[] =
    [];
  /** Runs before each answer: may wait, may throw. */
  before: (texts: readonly string[], signal?: AbortSignal) => Promise<void> | void = () => undefined;

  constructor(dimensions = 16) {
    super({});
    this.dimensions = dimensions;
  }

  get sent(): number {
    return this.calls.reduce((sum, { texts }) => sum + texts.length, 0);
  }

  async embedDocuments(texts: string[], options: CallOptions = {}): Promise<number[][]> {
    return this.#answer("document", texts, options);
  }

  async embedQuery(text: string, options: CallOptions = {}): Promise<number[]> {
    const [vector] = await this.#answer("query", [text], options);
    return vector ?? [];
  }

  async #answer(kind: "query" | "document", texts: readonly string[], { signal }: CallOptions): Promise<number[][]> {
    this.calls.push({ kind, texts: [...texts], ...(signal && { signal }) });
    await this.before(texts, signal);
    return texts.map((text) => vectorOf(`${kind}:${text}`, this.dimensions));
  }
}

/** Numbers from -1 to 1 that depend on the text alone, as float32 holds them. */
export function vectorOf(text: string, dimensions: number): number[] {
  const seed = createHash("sha256").update(text).digest();
  return Array.from({ length: dimensions }, (_, at) => Math.fround(((seed[at % 32] as number) + 1 + at) / (257 + at)));
}
