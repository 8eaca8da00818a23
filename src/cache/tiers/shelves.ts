/**
 * The keys of a tier on one shelf, or, under a quota, on a shelf for each scope; each shelf has an eviction policy of its own.
 *
 * A scope above its quota loses its own entries, whoever comes; when the tier as a whole is full, the largest of a few shelves
 * taken at random gives way ("power of choices", M. Mitzenmacher, IEEE TPDS 2001), so that no list of shelves by size is kept.
 */
import type { Digest } from "../../core/key.ts";
import type { Eviction, EvictionName } from "../eviction.ts";
import { createEviction } from "../evictions/create-eviction.ts";
import type { TierEntry } from "../tier.ts";

export interface Shelf {
  readonly scope: Digest;
  readonly policy: Eviction;
  /** Its place in the list, for taking it out. */
  at: number;
}

/** Shelves compared when the tier is full. */
const CHOICES = 8;

export class Shelves {
  readonly #quotaBytes: number;
  readonly #random: () => number;
  readonly #byScope = new Map<Digest, Shelf>();
  #all: Shelf[] = [];
  #eviction: EvictionName;
  #capacity: number;

  /** @param quotaBytes of one scope; `Infinity` = one shelf for all */
  constructor(eviction: EvictionName, capacity: number, quotaBytes: number, random: () => number) {
    this.#eviction = eviction;
    this.#capacity = capacity;
    this.#quotaBytes = quotaBytes;
    this.#random = random;
  }

  /** Puts an entry on its shelf, or notes its new size. */
  admit(entry: TierEntry, size: number): Shelf {
    const shelf = this.#shelf(this.#quotaBytes === Infinity ? "" : (entry.scope ?? ""));
    shelf.policy.admit(entry.key, size, entry.cost ?? 1);
    return shelf;
  }

  /** Takes a key off that left for another reason; one that was evicted is off already. */
  remove(key: Digest, shelf: Shelf): void {
    shelf.policy.remove(key);
    this.#dropEmpty(shelf);
  }

  /** The key to go next from a shelf above its quota. */
  evictOver(shelf: Shelf): Digest | undefined {
    if (shelf.policy.bytes <= this.#quotaBytes) return undefined;
    return this.#evictFrom(shelf);
  }

  /** The key to go next when the tier is full. */
  evict(): Digest | undefined {
    let largest = this.#all[0];
    if (this.#all.length > 1) {
      for (let choice = 0; choice < CHOICES; choice++) {
        const shelf = this.#all[Math.floor(this.#random() * this.#all.length)];
        if (shelf !== undefined && shelf.policy.bytes > (largest?.policy.bytes ?? 0)) largest = shelf;
      }
    }
    return largest === undefined ? undefined : this.#evictFrom(largest);
  }

  resize(capacity: number): void {
    this.#capacity = capacity;
    for (const { policy } of this.#all) policy.resize(this.#shelfCapacity());
  }

  /** Starts anew with another policy. Gives what there is, those first that would have gone first: the caller admits them. */
  reset(eviction: EvictionName): readonly Digest[] {
    const order: Digest[] = [];
    for (const { policy } of this.#all) for (let key = policy.evict(); key !== undefined; key = policy.evict()) order.push(key);
    this.#eviction = eviction;
    this.clear();
    return order;
  }

  clear(): void {
    this.#byScope.clear();
    this.#all = [];
  }

  #shelf(scope: Digest): Shelf {
    const known = this.#byScope.get(scope);
    if (known !== undefined) return known;
    const shelf: Shelf = { scope, policy: createEviction(this.#eviction), at: this.#all.length };
    shelf.policy.resize(this.#shelfCapacity());
    this.#byScope.set(scope, shelf);
    this.#all.push(shelf);
    return shelf;
  }

  #shelfCapacity(): number {
    return Math.min(this.#capacity, this.#quotaBytes);
  }

  #evictFrom(shelf: Shelf): Digest | undefined {
    const key = shelf.policy.evict();
    this.#dropEmpty(shelf);
    return key;
  }

  /** Scopes come and go; the one shelf without a quota stays, with what its policy has learned. */
  #dropEmpty(shelf: Shelf): void {
    if (this.#quotaBytes === Infinity || shelf.policy.entries > 0 || this.#byScope.get(shelf.scope) !== shelf) return;
    this.#byScope.delete(shelf.scope);
    const last = this.#all.pop();
    if (last === undefined || last === shelf) return;
    last.at = shelf.at;
    this.#all[shelf.at] = last;
  }
}
