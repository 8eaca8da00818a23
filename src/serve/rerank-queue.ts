/**
 * One reranker for many callers. Calls that come within a few milliseconds of each other and ask the same query become one call, in
 * which each distinct text is read once: applications that search the same corpus send the same candidates. Where the score of a text
 * depends on the texts beside it, only calls with the same texts come together: no caller's scores tell of another's texts. Others run
 * beside each other, a few at a time, in the order in which they came; what waits longer than the queue is long is refused, as a
 * hosted model refuses what is too much for it.
 */
import { waitOrAbort } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import { StrataError } from "../core/errors.ts";
import { digest } from "../core/key.ts";
import { bestFirst, type RerankedText, type Reranker } from "../rerank/reranker.ts";

export interface RerankQueueOptions {
  readonly reranker: Reranker;
  readonly clock: Clock;
  /** How long a call waits for others of the same query, ms; default 3. */
  readonly windowMs?: number | undefined;
  /** Calls to the reranker at the same time; default 4. */
  readonly concurrency?: number | undefined;
  /** Texts that may wait or be under way; default 4,096. */
  readonly maxTexts?: number | undefined;
}

interface RerankQueueSettings extends RerankQueueOptions {
  readonly windowMs: number;
  readonly concurrency: number;
  readonly maxTexts: number;
}

interface Batch {
  /** Under which it gathers. */
  readonly name: string;
  readonly query: string;
  /** Distinct, with their places. */
  readonly texts: Map<string, number>;
  readonly ending: AbortController;
  readonly scores: Promise<readonly number[]>;
  readonly settle: { resolve(scores: readonly number[]): void; reject(error: unknown): void };
  waiting: number;
}

export class RerankQueue {
  readonly #options: RerankQueueSettings;
  /** Still open for others. */
  readonly #gathering = new Map<string, Batch>();
  readonly #ready: Batch[] = [];
  #running = 0;
  #texts = 0;
  #calls = 0;
  #batches = 0;

  constructor({ windowMs = 3, concurrency = 4, maxTexts = 4_096, ...options }: RerankQueueOptions) {
    this.#options = { ...options, windowMs, concurrency, maxTexts };
  }

  /** Calls so far, and how many calls to the reranker they became. */
  stats(): { readonly calls: number; readonly batches: number; readonly waitingTexts: number } {
    return { calls: this.#calls, batches: this.#batches, waitingTexts: this.#texts };
  }

  /** As the reranker's own. @throws {@link StrataError} `QUEUE_FULL`; else what the reranker throws */
  async rerank(query: string, texts: readonly string[], signal: AbortSignal): Promise<readonly RerankedText[]> {
    signal.throwIfAborted();
    if (texts.length === 0) return [];
    if (this.#texts + texts.length > this.#options.maxTexts) {
      throw new StrataError("QUEUE_FULL", "The model is overloaded.");
    }
    this.#calls++;
    this.#texts += texts.length;
    const { listwise = false } = this.#options.reranker;
    const name = listwise ? digest("rerank", query, ...texts) : query;
    const batch = this.#gathering.get(name) ?? this.#open(name, query);
    batch.waiting++;
    const places = texts.map((text) => {
      const place = batch.texts.get(text) ?? batch.texts.size;
      batch.texts.set(text, place);
      return place;
    });
    try {
      const scores = await waitOrAbort(batch.scores, signal);
      return bestFirst(places.map((place) => scores[place] as number));
    } finally {
      this.#texts -= texts.length;
      batch.waiting--;
      if (batch.waiting === 0) {
        this.#close(batch);
        batch.ending.abort();
      }
    }
  }

  #open(name: string, query: string): Batch {
    const settle: { resolve: (scores: readonly number[]) => void; reject: (error: unknown) => void } = {
      resolve: () => undefined,
      reject: () => undefined,
    };
    const scores = new Promise<readonly number[]>((resolve, reject) => Object.assign(settle, { resolve, reject }));
    scores.catch(() => undefined);
    const batch: Batch = { name, query, texts: new Map(), ending: new AbortController(), scores, settle, waiting: 0 };
    this.#gathering.set(name, batch);
    this.#options.clock.setTimer(this.#options.windowMs, () => {
      this.#close(batch);
      this.#ready.push(batch);
      this.#pump();
    });
    return batch;
  }

  /** Takes no more callers: it is on its way, or nobody waits for it. */
  #close(batch: Batch): void {
    if (this.#gathering.get(batch.name) === batch) this.#gathering.delete(batch.name);
  }

  #pump(): void {
    while (this.#running < this.#options.concurrency) {
      const batch = this.#ready.shift();
      if (batch === undefined) return;
      if (batch.waiting === 0) continue;
      this.#running++;
      this.#batches++;
      void this.#run(batch).finally(() => {
        this.#running--;
        this.#pump();
      });
    }
  }

  async #run({ query, texts, ending, settle }: Batch): Promise<void> {
    try {
      const ranked = await this.#options.reranker.rerank(query, [...texts.keys()], { signal: ending.signal });
      const scores = Array.from<number>({ length: texts.size });
      for (const { index, score } of ranked) scores[index] = score;
      if (ranked.length !== texts.size) throw new StrataError("BAD_ANSWER", "The reranker left texts out.");
      settle.resolve(scores);
    } catch (error) {
      settle.reject(error);
    }
  }
}
