/** One value of the queue under test. */
export interface Item {
  readonly key: string;
  readonly version: number;
  readonly size: number;
}

export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** An engine whose writes end when the test says so, as it says. */
export class Engine {
  /** Every batch that it was given, oldest first. */
  readonly batches: Item[][] = [];
  readonly stored: Map<string, Item> = new Map();
  readonly givenUp: { readonly error: unknown; readonly batch: readonly Item[] }[] = [];
  readonly #waiting: ((error: Error | undefined) => void)[] = [];

  get underWay(): number {
    return this.#waiting.length;
  }

  readonly write = (batch: readonly Item[]): Promise<void> => {
    this.batches.push([...batch]);
    return new Promise((resolve, reject) => {
      this.#waiting.push((error) => {
        if (error !== undefined) return reject(error);
        for (const item of batch) this.stored.set(item.key, item);
        resolve();
      });
    });
  };

  /** Ends the batch under way, waiting for one to begin; gives the queue the time to take the next. */
  async finish(error?: Error): Promise<void> {
    if (this.#waiting.length === 0) await turn();
    this.#waiting.shift()?.(error);
    await turn();
  }
}
