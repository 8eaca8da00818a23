/**
 * Vectors of the tokens of texts, by the small model of this package, kept in memory at 8 bits a number: to read a text with the
 * model takes ten milliseconds and more, to compare its vectors with those of a query one.
 */
import { LRUCache } from "lru-cache";
import { onnxSession, type OnnxOutput, type OnnxSession } from "../../clients/onnx-session.ts";
import { StrataError } from "../../core/errors.ts";
import { digest } from "../../core/key.ts";
import { TOKEN_OUTPUTS, type OnnxModelSource } from "../../embeddings/onnx-model.ts";
import { tokenBatch } from "../../embeddings/token-batches.ts";
import type { Tokenizer } from "../../embeddings/tokenizer.ts";

/** Vectors of length 127, rounded; token after token. */
export interface TokenVectors {
  readonly tokens: number;
  readonly dimensions: number;
  readonly values: Int8Array;
}

interface Loaded {
  readonly tokenizer: Tokenizer;
  readonly session: OnnxSession;
}

const SCALE = 127;

export class TokenVectorModel {
  readonly #open: () => OnnxModelSource;
  readonly #kept: LRUCache<string, TokenVectors> | undefined;
  #loading: Promise<Loaded> | undefined;
  #closed = false;

  /** @param maxBytes of kept vectors; 0 = none */
  constructor(open: () => OnnxModelSource, maxBytes: number) {
    this.#open = open;
    if (maxBytes > 0) {
      this.#kept = new LRUCache({ maxSize: maxBytes, sizeCalculation: ({ values }) => values.byteLength + 256 });
    }
  }

  /** Of a text that the model reads in one piece; what is beyond its longest input is cut off. */
  async of(text: string, signal: AbortSignal | undefined): Promise<TokenVectors> {
    if (this.#closed) throw new StrataError("CLOSED", "The reranker is closed.");
    const key = digest("tokens", text);
    const kept = this.#kept?.get(key);
    if (kept !== undefined) return kept;
    const { tokenizer, session } = await this.#loaded();
    const encoded = tokenizer.encode(text);
    const made = encoded.isKnown
      ? rounded(await session.run(tokenBatch([encoded], tokenizer.padding), { signal }), encoded.ids.length)
      : NOTHING;
    this.#kept?.set(key, made);
    return made;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#kept?.clear();
    const last = await this.#loading?.catch(() => undefined);
    await last?.session.close();
  }

  #loaded(): Promise<Loaded> {
    this.#loading ??= (async () => {
      const source = this.#open();
      return { tokenizer: await source.loadTokenizer(), session: onnxSession({ outputs: TOKEN_OUTPUTS, ...source.session }) };
    })().catch((error: unknown) => {
      this.#loading = undefined;
      throw error;
    });
    return this.#loading;
  }
}

const NOTHING: TokenVectors = { tokens: 0, dimensions: 0, values: new Int8Array() };

/** Without the marks of beginning and end, which are near to each other in every text. */
function rounded({ data, dimensions: shape }: OnnxOutput, length: number): TokenVectors {
  const dimensions = shape.at(-1) ?? 0;
  if (shape.length !== 3) throw new StrataError("UNAVAILABLE", `The model gives ${shape.join(" x ")}, no vector a token.`);
  const tokens = Math.max(0, length - 2);
  const values = new Int8Array(tokens * dimensions);
  for (let token = 0; token < tokens; token++) {
    const vector = data.subarray((token + 1) * dimensions, (token + 2) * dimensions);
    roundInto(values, token * dimensions, vector);
  }
  return { tokens, dimensions, values };
}

function roundInto(values: Int8Array, start: number, vector: Float32Array): void {
  let squares = 0;
  for (const part of vector) squares += part ** 2;
  const factor = SCALE / (Math.sqrt(squares) || 1);
  for (let at = 0; at < vector.length; at++) values[start + at] = Math.round((vector[at] as number) * factor);
}

/**
 * A function of its own, because it is then compiled after some hundred calls: as part of the loops around it, the first text of a process
 * took three times as long, on the event loop.
 */
function product(one: Int8Array, from: number, other: Int8Array, start: number, dimensions: number): number {
  let sum = 0;
  for (let at = 0; at < dimensions; at++) sum += (one[from + at] as number) * (other[start + at] as number);
  return sum;
}

/**
 * Late interaction: each token of the query beside the token of the text that it fits best; the mean of these cosines
 * (O. Khattab & M. Zaharia, "ColBERT", SIGIR 2020: MaxSim).
 * @param turn lets the event loop go on between two tokens of the query: of a long one, all together take tens of milliseconds
 */
export async function maxSim(query: TokenVectors, text: TokenVectors, turn: () => Promise<void> | undefined): Promise<number> {
  if (query.tokens === 0 || text.tokens === 0) return 0;
  const { dimensions } = query;
  let sum = 0;
  for (let token = 0; token < query.tokens; token++) {
    const pause = turn();
    if (pause !== undefined) await pause;
    const from = token * dimensions;
    let best = -Infinity;
    for (let other = 0; other < text.values.length; other += dimensions) {
      const dot = product(query.values, from, text.values, other, dimensions);
      if (dot > best) best = dot;
    }
    sum += best;
  }
  return Math.min(1, Math.max(-1, sum / query.tokens / SCALE ** 2));
}
