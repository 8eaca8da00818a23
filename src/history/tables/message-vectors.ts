/**
 * Gives messages their vectors, a moment after the commit: what this process has stored since the last pass, many at once. The first
 * pass, the one after a failure, and `drain` go through all messages, so that nothing is left out that another process stored and did
 * not come to embed, or that has vectors of another model only.
 *
 * Several processes on one database each embed what they stored themselves: a text is sent twice only where two go through all messages
 * at the same time, and is stored once. A model that fails holds up nobody; it is asked again after a pause that grows.
 */
import type { EmbeddingsInterface } from "@langchain/core/embeddings";
import { waitOrAbort, type CallOptions } from "../../core/abort.ts";
import type { Clock } from "../../core/clock.ts";
import { StrataConfigError } from "../../core/errors.ts";
import type { Digest } from "../../core/key.ts";
import { requireMethods } from "../../core/options.ts";
import { embedMissing, type Embedded } from "./embed-messages.ts";
import type { HistoryTables } from "./history-tables.ts";

/** What makes vectors of messages. */
export interface VectorModel {
  readonly embeddings: EmbeddingsInterface;
  /** Tells vectors of different models apart. */
  readonly model: string;
}

/** As users give it. */
export interface EmbeddingOptions {
  /** LangChain embeddings. */
  readonly embeddings?: EmbeddingsInterface | undefined;
  /** Names what `embeddings` makes, version included. */
  readonly embeddingModel?: string | undefined;
}

/**
 * @returns `undefined` unless both are given
 * @throws {@link StrataConfigError} naming the option
 */
export function parseVectorModel(owner: string, { embeddings, embeddingModel }: EmbeddingOptions): VectorModel | undefined {
  if (embeddings !== undefined) {
    const methods = ["embedQuery", "embedDocuments"];
    requireMethods(`${owner}.embeddings`, embeddings, methods, "LangChain embeddings, such as LocalEmbeddings");
  }
  if (embeddingModel === undefined) return undefined;
  if (typeof embeddingModel !== "string" || embeddingModel === "" || embeddingModel.length > 256) {
    throw new StrataConfigError(`${owner}.embeddingModel`, embeddingModel, 'a name of 1 to 256 characters, such as "minilm"');
  }
  if (embeddings === undefined) {
    throw new StrataConfigError(`${owner}.embeddingModel`, embeddingModel, "nothing, unless `embeddings` is given");
  }
  return { embeddings, model: embeddingModel };
}

export interface MessageVectorsOptions extends VectorModel {
  readonly tables: HistoryTables;
  readonly clock: Clock;
  /** Told when a pass fails, once for each spell. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** How long conversations gather before their messages are embedded: a model takes many texts at once for little more than one. */
const GATHER_MS = 500;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

export class MessageVectors {
  readonly #options: MessageVectorsOptions;
  readonly #ending = new AbortController();
  readonly #stored = new Set<Digest>();
  /** Whether all messages but those of `#stored` have been gone through. */
  #isCaughtUp = false;
  #failures = 0;
  #cancel: (() => void) | undefined;
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: MessageVectorsOptions) {
    this.#options = options;
  }

  /** Says that messages of these conversations were stored. */
  wake(keys: Iterable<Digest>): void {
    // Before the first pass there is no need to know them: it goes through all.
    if (this.#isCaughtUp) for (const key of keys) this.#stored.add(key);
    this.#later(GATHER_MS);
  }

  /** Every message that is committed now has a vector when this resolves. @throws what the embeddings throw */
  async drain({ signal }: CallOptions = {}): Promise<void> {
    const pass = this.#running.then(() => this.#pass(undefined, signal));
    this.#running = pass.catch(() => undefined);
    await waitOrAbort(pass, signal);
  }

  /** What has no vector is found by who comes next. */
  async close(): Promise<void> {
    this.#ending.abort();
    this.#cancel?.();
    await this.#running;
  }

  #later(ms: number): void {
    if (this.#ending.signal.aborted || this.#cancel !== undefined) return;
    this.#cancel = this.#options.clock.setTimer(
      ms,
      () => {
        this.#cancel = undefined;
        this.#running = this.#running.then(() => this.#behind());
      },
      { background: true },
    );
  }

  async #behind(): Promise<void> {
    if (this.#ending.signal.aborted) return;
    const keys = this.#isCaughtUp ? [...this.#stored] : undefined;
    this.#stored.clear();
    // What is stored from here on may be passed already.
    this.#isCaughtUp = true;
    try {
      if (keys === undefined || keys.length > 0) await this.#pass(keys, undefined);
      this.#failures = 0;
    } catch (error) {
      this.#isCaughtUp = false;
      if (this.#ending.signal.aborted) return;
      if (this.#failures === 0) this.#options.onError?.(error);
      this.#later(Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(this.#failures++, 6)));
    }
  }

  async #pass(keys: readonly Digest[] | undefined, signal: AbortSignal | undefined): Promise<void> {
    const { tables, embeddings, model } = this.#options;
    const ending = this.#ending.signal;
    const either = signal === undefined ? ending : AbortSignal.any([signal, ending]);
    const of: Embedded = keys === undefined ? { kind: "all" } : { kind: "conversations", keys };
    await embedMissing(tables, { embeddings, model, of, signal: either });
  }
}
