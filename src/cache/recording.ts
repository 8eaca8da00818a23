import { waitOrAbort } from "../core/abort.ts";

/**
 * What one producer makes, read by any number of readers, each from the beginning and at its own speed. It is kept in memory
 * until the last reader is gone: for one model's answer that is little, and whoever comes late misses nothing.
 */
export class Recording<T> {
  readonly #items: T[] = [];
  #ended = false;
  #more: Promise<void>;
  #tell: () => void = () => undefined;

  constructor() {
    this.#more = this.#nextTurn();
  }

  push(item: T): void {
    this.#items.push(item);
    this.#wake();
  }

  /** Nothing more comes, for whatever reason; readers end after the last item. */
  end(): void {
    this.#ended = true;
    this.#wake();
  }

  /** @throws the signal's reason as soon as it aborts */
  async *read(signal: AbortSignal | undefined): AsyncGenerator<T, void, undefined> {
    for (let at = 0; ;) {
      while (at < this.#items.length) {
        signal?.throwIfAborted();
        yield this.#items[at++] as T;
      }
      if (this.#ended) return;
      await waitOrAbort(this.#more, signal);
    }
  }

  #wake(): void {
    const tell = this.#tell;
    this.#more = this.#nextTurn();
    tell();
  }

  #nextTurn(): Promise<void> {
    return new Promise((resolve) => {
      this.#tell = resolve;
    });
  }
}
