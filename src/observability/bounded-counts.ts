/**
 * Counts by a word that comes from outside: a user's policy, a provider's name. The set of words has a bound, so that a policy that makes
 * up a word for each call cannot fill memory or a metrics server; what comes after the bound counts as `"other"`.
 */
export class BoundedCounts {
  readonly #counts = new Map<string, number>();
  readonly #bound: number;

  constructor(bound: number) {
    this.#bound = bound;
  }

  add(word: string, amount = 1): void {
    const known = this.#counts.get(word);
    if (known !== undefined) this.#counts.set(word, known + amount);
    else if (this.#counts.size < this.#bound) this.#counts.set(word, amount);
    else this.#counts.set(OTHER, (this.#counts.get(OTHER) ?? 0) + amount);
  }

  get(word: string): number {
    return this.#counts.get(word) ?? 0;
  }

  entries(): IterableIterator<[string, number]> {
    return this.#counts.entries();
  }

  toObject(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }
}

export const OTHER = "other";
