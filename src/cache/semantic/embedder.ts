/**
 * The embedding model behind a guard. Whatever it does wrong (it throws, hangs, gives a vector that is not finite, is all zero or
 * has other dimensions than before) is one error, so that the step is passed by, and after a few is not tried for a while.
 */
import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import { StrataError } from "../../core/errors.ts";
import type { Guard } from "../../core/guard.ts";
import { digest, type Digest } from "../../core/key.ts";

export class Embedder {
  /** What tells its vectors from those of another model; with the dimensions it is part of every partition. */
  readonly identity: Digest;
  readonly #embeddings: EmbeddingsInterface;
  readonly #guard: Guard;
  #dimensions: number | undefined;

  constructor(embeddings: EmbeddingsInterface, name: string | undefined, guard: Guard) {
    this.identity = embeddingIdentity(embeddings, name);
    this.#embeddings = embeddings;
    this.#guard = guard;
  }

  /** @throws what the guard and the model throw, and {@link StrataError} `CORRUPT` for a vector that cannot be used */
  async embed(text: string): Promise<Float32Array> {
    return this.#guard.run(async () => this.#usable(await this.#embeddings.embedQuery(text)));
  }

  #usable(given: unknown): Float32Array {
    const isList = Array.isArray(given) || ArrayBuffer.isView(given);
    const vector = Float32Array.from(isList ? (given as ArrayLike<number>) : []);
    let squares = 0;
    for (const value of vector) squares += value * value;
    // Also false for NaN; a square that is not finite is as useless as one that is not there.
    if (!(squares > 0 && Number.isFinite(squares))) throw unusable("it is empty, all zero or not finite");
    this.#dimensions ??= vector.length;
    if (vector.length !== this.#dimensions) throw unusable(`it has ${vector.length} dimensions; before, ${this.#dimensions}`);
    return vector;
  }
}

function unusable(reason: string): StrataError {
  return new StrataError("CORRUPT", `A vector of the embedding model cannot be used: ${reason}.`);
}

/** What embedding classes call the model and its settings. */
const NAMES = [
  ...["model", "modelName", "modelId", "name", "version", "revision", "digest", "deployment", "dimensions", "baseURL", "baseUrl"],
  ...["taskType", "inputType", "pooling"],
];

/** LangChain has no word for it; so: the class, what it says of its model, and the name that the user gives. */
function embeddingIdentity(embeddings: EmbeddingsInterface, name: string | undefined): Digest {
  const { info } = embeddings as { readonly info?: unknown };
  return digest("embeddings", name ?? "", embeddings.constructor.name, JSON.stringify([saidOf(embeddings), saidOf(info)]));
}

function saidOf(owner: unknown): unknown[] {
  const own = (owner ?? {}) as Readonly<Record<string, unknown>>;
  return NAMES.map((key) => (typeof own[key] === "string" || typeof own[key] === "number" ? own[key] : null));
}
