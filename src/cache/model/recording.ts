import { waitOrAbort } from "../../core/abort.ts";

/**
 * What one producer makes, read by any number of readers, each from the beginning. The producer goes no further than the fastest
 * reader has asked, so that what nobody reads to its end is not made to its end. Everything is kept in memory until the last reader
 * is gone: for one model's answer that is little, and whoever comes late misses nothing.
 */
export class Recording<T> {
  readonly #items: T[] = [];
  #wanted = 0;
  #ended = false;
  #pushed: Signal = newSignal();
  #asked: Signal = newSignal();

  push(item: T): void {
    this.#items.push(item);
    this.#pushed = raise(this.#pushed);
  }

  /** Nothing more comes, for whatever reason; readers end after the last item. */
  end(): void {
    this.#ended = true;
    this.#pushed = raise(this.#pushed);
  }

  /** Asks for all that is to come. */
  wantAll(): void {
    this.#wanted = Infinity;
    this.#asked = raise(this.#asked);
  }

  /**
   * For the producer: waits until somebody asks for more than there is.
   * @throws the signal's reason as soon as it aborts
   */
  async untilWanted(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    while (this.#wanted <= this.#items.length) await waitOrAbort(this.#asked.raised, signal);
  }

  /** @throws the signal's reason as soon as it aborts */
  async *read(signal: AbortSignal | undefined): AsyncGenerator<T, void, undefined> {
    for (let at = 0; ;) {
      while (at < this.#items.length) {
        signal?.throwIfAborted();
        yield this.#items[at++] as T;
      }
      if (this.#ended) return;
      if (at >= this.#wanted) {
        this.#wanted = at + 1;
        this.#asked = raise(this.#asked);
      }
      await waitOrAbort(this.#pushed.raised, signal);
    }
  }
}

interface Signal {
  readonly raised: Promise<void>;
  readonly raise: () => void;
}

function newSignal(): Signal {
  let raise: () => void = () => undefined;
  const raised = new Promise<void>((resolve) => {
    raise = resolve;
  });
  return { raised, raise };
}

/** Wakes whoever waits; gives the signal for the next time. */
function raise(signal: Signal): Signal {
  signal.raise();
  return newSignal();
}
