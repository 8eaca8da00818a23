/**
 * One look and at most one call to the provider for the texts of one batch, shared text by text with every batch that asks for
 * them meanwhile.
 *
 * A text is under way from the moment it is looked up, not from the moment it is found missing: between the two another caller
 * could otherwise fetch it, store it and be gone. Who waits holds the call; when the last one has left, it is aborted.
 */
import type { CallOptions, MaybePromise } from "../core/abort.ts";
import type { Digest } from "../core/key.ts";

export type Kind = "query" | "document";

/** A vector, and where it came from. */
export interface Resolved {
  readonly vector: Float32Array;
  readonly from: "tier" | "near" | "provider";
  /** Milliseconds that not asking the provider saves. */
  readonly cost: number;
}

/** One text under way. */
export interface Flight {
  readonly key: Digest;
  readonly text: string;
  readonly call: SharedCall;
  readonly result: Promise<Resolved>;
  /** The look into the tiers, where it was begun. */
  look?: MaybePromise<Resolved | undefined> | "missed";
  settle(resolved: Resolved): void;
  fail(error: unknown): void;
}

export class SharedCall {
  readonly kind: Kind;
  readonly flights: Flight[] = [];
  /** The texts that the provider was asked for; a failure says something of these. */
  asked: readonly Flight[] = [];
  /** Every text has its vector or its failure. */
  ended = false;
  readonly #controller = new AbortController();
  readonly #under: Map<Digest, Flight>;
  #holders = 0;

  /** @param under where the texts that are under way are found */
  constructor(kind: Kind, under: Map<Digest, Flight>) {
    this.kind = kind;
    this.#under = under;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Adds a text. One that another call has under way stays that call's for those who come later. */
  add(key: Digest, text: string): Flight {
    const { promise, resolve, reject } = deferred<Resolved>();
    const end = (): void => {
      if (this.#under.get(key) === flight) this.#under.delete(key);
    };
    const flight: Flight = {
      ...{ key, text, call: this, result: promise },
      settle: (resolved) => {
        end();
        resolve(resolved);
      },
      fail: (error) => {
        end();
        reject(error as Error);
      },
    };
    // Everybody who waited may have left.
    promise.catch(() => undefined);
    if (!this.#under.has(key)) this.#under.set(key, flight);
    this.flights.push(flight);
    return flight;
  }

  hold(): void {
    this.#holders++;
  }

  release(reason: unknown): void {
    if (--this.#holders === 0) this.abort(reason);
  }

  /** Whoever comes from now on must not join what is given up. */
  abort(reason: unknown): void {
    if (this.ended) return;
    for (const flight of this.flights) if (this.#under.get(flight.key) === flight) this.#under.delete(flight.key);
    this.#controller.abort(reason);
  }
}

/** A provider of vectors. Those that take a signal, as `LocalEmbeddings` does, get it as a second argument. */
export interface Provider {
  embedDocuments(texts: string[], options?: CallOptions): Promise<number[][]>;
  embedQuery(text: string, options?: CallOptions): Promise<number[]>;
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: Error) => void } {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
}
