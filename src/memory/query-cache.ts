/**
 * Results of recalls, by owner, options, and position of the owner's log: what was found before a message came is never looked at
 * after it, so nothing has to be invalidated; the first result of a new position takes the place of what was found before. Within one such
 * place a query is found by its spelling (`query-likeness.ts`).
 */
import { LRUCache } from "lru-cache";
import type { Clock } from "../core/clock.ts";
import { digest, type Digest } from "../core/key.ts";
import { isSameQuery, shapeOf, type QueryShape } from "./query-likeness.ts";

/** What a query is asked of: the owner, what the owner's log was, and everything that the result depends on. */
export interface QueryPlace {
  readonly ownerId: string;
  readonly position: string;
  readonly options: readonly string[];
}

export interface QueryCacheLimits {
  /** Places kept. */
  readonly maxEntries: number;
  readonly ttlMs: number;
}

interface Kept<T> {
  readonly shape: QueryShape;
  readonly value: T;
  /** Of the monotonic clock, ms. */
  readonly until: number;
}

/** Of one owner and one set of options, at the position that was asked last. */
interface Results<T> {
  readonly ownerId: string;
  readonly position: string;
  readonly list: readonly Kept<T>[];
}

/** Spellings compared within a place. */
const MOST_IN_PLACE = 64;
/** For each place that may be kept, so many results of all: most places have one or two. */
const RESULTS_A_PLACE = 8;
/** Nobody types a longer question twice; what is pasted once is not worth its memory. */
const LONGEST_QUERY = 2_000;

export class QueryCache<T> {
  readonly #clock: Clock;
  readonly #limits: QueryCacheLimits;
  readonly #places: LRUCache<Digest, Results<T>>;
  #hits = 0;
  #misses = 0;

  constructor(clock: Clock, limits: QueryCacheLimits) {
    this.#clock = clock;
    this.#limits = limits;
    const max = limits.maxEntries;
    this.#places = new LRUCache({
      max,
      maxSize: Math.max(MOST_IN_PLACE, max * RESULTS_A_PLACE),
      sizeCalculation: ({ list }) => list.length,
    });
  }

  get hits(): number {
    return this.#hits;
  }

  get misses(): number {
    return this.#misses;
  }

  find(place: QueryPlace, query: string, isKnown: (word: string) => boolean): T | undefined {
    if (query.length > LONGEST_QUERY) {
      this.#misses++;
      return undefined;
    }
    const shape = shapeOf(query);
    const now = this.#clock.monotonic();
    const kept = this.#at(place).find((one) => one.until > now && isSameQuery(shape, one.shape, isKnown));
    if (kept === undefined) this.#misses++;
    else this.#hits++;
    return kept?.value;
  }

  keep(place: QueryPlace, query: string, value: T): void {
    if (query.length > LONGEST_QUERY) return;
    const key = keyOf(place);
    const shape = shapeOf(query);
    const now = this.#clock.monotonic();
    const others = this.#at(place).filter((one) => one.until > now && one.shape.key !== shape.key);
    const list = [{ shape, value, until: now + this.#limits.ttlMs }, ...others].slice(0, MOST_IN_PLACE);
    this.#places.set(key, { ownerId: place.ownerId, position: place.position, list });
  }

  #at(place: QueryPlace): readonly Kept<T>[] {
    const results = this.#places.get(keyOf(place));
    return results?.position === place.position ? results.list : [];
  }

  forget(ownerId: string): void {
    for (const [key, place] of this.#places) if (place.ownerId === ownerId) this.#places.delete(key);
  }

  clear(): void {
    this.#places.clear();
  }
}

function keyOf({ ownerId, options }: QueryPlace): Digest {
  return digest("recall", ownerId, ...options);
}
