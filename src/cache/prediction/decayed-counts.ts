/**
 * What is asked most lately, in bounded memory: the Space-Saving sketch (Metwally, Agrawal & El Abbadi, "Efficient Computation of
 * Frequent and Top-k Elements in Data Streams", ICDT 2005), which keeps so many counters and gives that of the rarest to whoever comes
 * new, with exponential forward decay (Cormode, Shkapenyuk, Srivastava & Xu, "Forward Decay", ICDE 2009): a count that is added later
 * weighs more, so that nothing has to be gone through to let the old ones fade.
 *
 * A weight is never too low, and too high by at most the weight of the rarest counter.
 */
import { LRUCache } from "lru-cache";

export interface DecayedCountsOptions {
  /** After so many ms a count weighs half. */
  readonly halfLifeMs: number;
  /** Counters kept. */
  readonly capacity: number;
}

export interface Counted<T> {
  readonly name: string;
  readonly thing: T;
  /** Times that it was counted, those of long ago as fractions. */
  readonly weight: number;
}

interface Counter<T> {
  thing: T;
  /** In the unit of the landmark. */
  weight: number;
}

/** Weights grow by this power of two until they are all divided again; a double holds 2^1023. */
const MOST_DOUBLINGS = 500;

export class DecayedCounts<T> {
  readonly #options: DecayedCountsOptions;
  /** In the order of the last use, so that of equally rare counters the one that was not seen for longest goes. */
  readonly #counters: LRUCache<string, Counter<T>>;
  #landmark = 0;

  constructor(options: DecayedCountsOptions) {
    this.#options = options;
    this.#counters = new LRUCache({ max: options.capacity });
  }

  get size(): number {
    return this.#counters.size;
  }

  /** Changes what is known of a thing without counting it; nothing for one that is not remembered. */
  update(name: string, change: (thing: T) => T): void {
    const counter = this.#counters.peek(name);
    if (counter !== undefined) counter.thing = change(counter.thing);
  }

  /** @param now of a clock that never goes back, ms @param update what is known of the thing from now on */
  count(name: string, now: number, update: (thing: T | undefined) => T): void {
    if (this.#counters.size === 0 || this.#doublings(now) > MOST_DOUBLINGS) this.#rebase(now);
    const one = 2 ** this.#doublings(now);
    const known = this.#counters.get(name);
    if (known !== undefined) {
      known.weight += one;
      known.thing = update(known.thing);
      return;
    }
    const inherited = this.#counters.size < this.#options.capacity ? 0 : this.#dropRarest();
    this.#counters.set(name, { thing: update(undefined), weight: inherited + one });
  }

  /** Adds what was counted elsewhere, or before; nothing where it weighs less than the rarest that there is room for. */
  add(name: string, now: number, weight: number, thing: T): void {
    if (this.#counters.size === 0 || this.#doublings(now) > MOST_DOUBLINGS) this.#rebase(now);
    const added = weight * 2 ** this.#doublings(now);
    const known = this.#counters.get(name);
    if (known !== undefined) known.weight += added;
    else if (this.#counters.size < this.#options.capacity) this.#counters.set(name, { thing, weight: added });
  }

  /** The heaviest first. */
  top(n: number, now: number): Counted<T>[] {
    const unit = 2 ** this.#doublings(now);
    return Array.from(this.#counters.entries(), ([name, { thing, weight }]) => ({ name, thing, weight: weight / unit }))
      .toSorted((a, b) => b.weight - a.weight)
      .slice(0, n);
  }

  clear(): void {
    this.#counters.clear();
  }

  /** Goes through all counters: a thousand take some microseconds, and only names that are not among them cost it. */
  #dropRarest(): number {
    let rarest: string | undefined;
    let weight = Infinity;
    for (const name of this.#counters.rkeys()) {
      const counter = this.#counters.peek(name);
      if (counter === undefined || counter.weight >= weight) continue;
      rarest = name;
      ({ weight } = counter);
    }
    if (rarest !== undefined) this.#counters.delete(rarest);
    return weight;
  }

  #doublings(now: number): number {
    return (now - this.#landmark) / this.#options.halfLifeMs;
  }

  #rebase(now: number): void {
    const factor = 2 ** -this.#doublings(now);
    for (const counter of this.#counters.values()) counter.weight *= factor;
    this.#landmark = now;
  }
}
