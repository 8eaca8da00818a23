/** One tier of a ghost: keys, sizes and lives under a real eviction policy, scaled down. */
import type { Digest } from "../../core/key.ts";
import { HITS_HANDED_OVER, type Eviction, type EvictionName } from "../eviction.ts";
import { createEviction } from "../evictions/create-eviction.ts";

export interface GhostEntry {
  /** What it takes of the tier's bytes. */
  readonly bytes: number;
  readonly rawBytes: number;
  readonly cost: number;
  /** On the monotonic clock; `Infinity` = never. */
  readonly deadline: number;
  /** How often it was found here. */
  hits: number;
  /** Counts up with the uses of its tier. */
  usedAt: number;
}

export interface GhostLimits {
  /** Of the real tier; `Infinity` = no bound. */
  readonly maxBytes: number;
  readonly maxEntries: number;
  readonly eviction: EvictionName;
}

/** What a tier without bounds remembers at most, in the ghost. */
const MOST_ENTRIES = 2_048;

export class GhostTier {
  readonly #entries = new Map<Digest, GhostEntry>();
  #limits: GhostLimits;
  #uses = 0;
  #rate: number;
  #policy: Eviction;

  /** @param rate the share of the keys that it is shown, and so of the room that it has */
  constructor(limits: GhostLimits, rate: number) {
    this.#limits = limits;
    this.#rate = rate;
    this.#policy = this.#makePolicy();
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Whether the tier has a bound, so that its ghost is as large as the sample makes it. */
  get isBounded(): boolean {
    return this.#limits.maxBytes < Infinity || this.#limits.maxEntries < Infinity;
  }

  /** The entry, if it is there and alive; a use of it. */
  use(key: Digest, now: number): GhostEntry | undefined {
    const entry = this.peek(key, now);
    if (entry === undefined) return undefined;
    entry.hits++;
    this.#policy.hit(key);
    entry.usedAt = ++this.#uses;
    return entry;
  }

  peek(key: Digest, now: number): GhostEntry | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.deadline > now) return entry;
    this.remove(key);
    return undefined;
  }

  /** @returns what had to go, itself included where it has no room */
  admit(key: Digest, entry: GhostEntry): [Digest, GhostEntry][] {
    if (entry.bytes > this.#limits.maxBytes) {
      this.remove(key);
      return [[key, entry]];
    }
    entry.usedAt = ++this.#uses;
    this.#entries.set(key, entry);
    this.#policy.admit(key, Math.max(1, Math.round(entry.bytes)), entry.cost);
    return this.#shrink();
  }

  remove(key: Digest): void {
    if (this.#entries.delete(key)) this.#policy.remove(key);
  }

  clear(): void {
    this.#entries.clear();
    this.#policy.clear();
  }

  /** Takes other limits, as the real tier does: another policy begins with what is there, in the order of use. */
  limit(limits: GhostLimits): void {
    const isOther = limits.eviction !== this.#limits.eviction;
    this.#limits = limits;
    if (isOther) this.#rebuild();
    else this.#policy.resize(this.#capacity);
    this.#shrink();
  }

  /** Goes on with fewer keys: those that `keeps` says. */
  thin(rate: number, keeps: (key: Digest) => boolean): void {
    this.#rate = rate;
    for (const key of [...this.#entries.keys()]) if (!keeps(key)) this.remove(key);
    this.#policy.resize(this.#capacity);
    this.#shrink();
  }

  /** Begins with what another one holds. */
  copy(other: GhostTier): void {
    this.clear();
    for (const [key, entry] of other.#entries) this.#entries.set(key, { ...entry });
    this.#uses = other.#uses;
    this.#rebuild();
    this.#shrink();
  }

  get #capacity(): number {
    return this.#limits.maxBytes * this.#rate;
  }

  #makePolicy(): Eviction {
    const policy = createEviction(this.#limits.eviction);
    policy.resize(this.#capacity);
    return policy;
  }

  #rebuild(): void {
    this.#policy = this.#makePolicy();
    const inOrder = [...this.#entries].toSorted(([, a], [, b]) => a.usedAt - b.usedAt);
    for (const [key, entry] of inOrder) this.#give(this.#policy, key, entry);
  }

  /** As a real tier hands over what it holds to another policy. */
  #give(policy: Eviction, key: Digest, { bytes, cost, hits }: GhostEntry): void {
    policy.admit(key, Math.max(1, Math.round(bytes)), cost);
    for (let use = 0; use < Math.min(hits, HITS_HANDED_OVER); use++) policy.hit(key);
  }

  #shrink(): [Digest, GhostEntry][] {
    const most = Math.min(this.isBounded ? Infinity : MOST_ENTRIES, this.#limits.maxEntries * this.#rate);
    const gone: [Digest, GhostEntry][] = [];
    while (this.#policy.bytes > this.#capacity || this.#policy.entries > most) {
      const key = this.#policy.evict();
      if (key === undefined) break;
      const entry = this.#entries.get(key);
      this.#entries.delete(key);
      if (entry !== undefined) gone.push([key, entry]);
    }
    return gone;
  }
}
