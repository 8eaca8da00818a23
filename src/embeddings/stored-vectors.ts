/** Vectors in the tiers: their keys, their sliding lives, and that they all have the same dimensions. */
import { isPromise, type MaybePromise } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import { DigestMemo } from "../core/digest-memo.ts";
import { StrataError } from "../core/errors.ts";
import { keyPrefix, type Digest } from "../core/key.ts";
import type { Found, TieredStore } from "../cache/tiered-store.ts";
import type { Kind, Resolved } from "./embedding-calls.ts";
import { acceptVector, decodeVector, encodeVector } from "./vector-codec.ts";

export interface StoredVectorsOptions {
  readonly store: TieredStore;
  readonly clock: Clock;
  readonly model: string;
  readonly dimensions: number | undefined;
  readonly scope: Digest;
  readonly ttlMs: number | undefined;
}

/** What tells these entries from others in a tier that is shared. */
const TAGS = ["strata:embedding"];
/** A hit writes a new life when this share of the old one has passed: at most eight writes a life, and no life is an eighth short. */
const REFRESH_AFTER = 1 / 8;

export class StoredVectors {
  readonly #options: StoredVectorsOptions;
  readonly #digests = new DigestMemo();
  readonly #prefixes: Readonly<Record<Kind, string>>;
  #dimensions: number | undefined;

  constructor(options: StoredVectorsOptions) {
    this.#options = options;
    const { scope, model, dimensions } = options;
    this.#dimensions = dimensions;
    const prefix = (kind: Kind): string => keyPrefix("embedding", scope, model, String(dimensions ?? ""), kind);
    this.#prefixes = { query: prefix("query"), document: prefix("document") };
  }

  /** Numbers a vector, once that is known. */
  get dimensions(): number | undefined {
    return this.#dimensions;
  }

  key(kind: Kind, text: string): Digest {
    return this.#digests.digestAfter(this.#prefixes[kind], text);
  }

  /** Never rejects: what fails is missing. */
  get(key: Digest): MaybePromise<Resolved | undefined> {
    const found = this.#options.store.get(key, this.#options.scope, this.#decode);
    return isPromise(found) ? found.then((late) => this.#use(key, late)) : this.#use(key, found);
  }

  /** Checks, stores and gives what a provider answered. @throws {@link StrataError} `BAD_ANSWER` */
  put(key: Digest, answer: unknown, cost: number): Float32Array {
    const vector = acceptVector(answer, this.#dimensions);
    this.#dimensions = vector.length;
    this.#store(key, vector, cost);
    return vector;
  }

  /** Removes every vector of this scope, of any model; gives how many there were in the fullest tier. */
  clear(): Promise<number> {
    return this.#options.store.clear({ scope: this.#options.scope, tag: TAGS[0] });
  }

  /** Lets go of the texts that it remembers. */
  close(): void {
    this.#digests.clear();
  }

  #use(key: Digest, found: Found<Float32Array> | undefined): Resolved | undefined {
    if (found === undefined) return undefined;
    const { value: vector, expiresAt, cost } = found;
    // Looked up before the dimensions were known.
    if (this.#dimensions !== undefined && vector.length !== this.#dimensions) return undefined;
    this.#dimensions = vector.length;
    const { ttlMs, clock } = this.#options;
    if (ttlMs !== undefined) {
      const left = expiresAt === undefined ? Infinity : expiresAt - clock.now();
      if (left <= ttlMs * (1 - REFRESH_AFTER)) this.#store(key, vector, cost);
    }
    return { vector, from: "tier", cost };
  }

  #store(key: Digest, vector: Float32Array, cost: number): void {
    const { store, clock, scope, ttlMs } = this.#options;
    const expiresAt = ttlMs === undefined ? undefined : clock.now() + ttlMs;
    void store.set({ key, scope, payload: encodeVector(vector), value: vector, tags: TAGS, expiresAt, cost });
  }

  readonly #decode = (payload: Buffer): Float32Array => {
    const vector = decodeVector(payload);
    if (this.#dimensions !== undefined && vector.length !== this.#dimensions) {
      throw new StrataError("CORRUPT", `A stored vector has ${vector.length} dimensions where there are ${this.#dimensions}.`);
    }
    return vector;
  };
}
