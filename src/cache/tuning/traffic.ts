/**
 * The sample of the traffic that ghosts are fed with: all requests of a fixed share of the keys, chosen by the key itself. Spatial
 * sampling keeps every re-use of a sampled key, so that a cache of a thousandth of the size that sees a thousandth of the keys
 * hits about as often as the real one (SHARDS: C. Waldspurger et al., FAST 2015; miniature simulations: the same, ATC 2017).
 *
 * Keys are SHA-256 already, so the first 18 bits of a key are its hash. The share halves when the largest ghost holds more than
 * it may ("fixed-size SHARDS"), or when more is asked than is worked off.
 *
 * A request outside the sample costs one look at three characters. Those within wait in a bounded list; when it is full, what comes
 * is not seen, so that a burst makes tuning blind for a moment and never the cache slow.
 */
import type { Clock } from "../../core/clock.ts";
import type { Digest } from "../../core/key.ts";
import type { Observation } from "./observation.ts";

const BITS = 18;
const ALL = 1 << BITS;
const CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/** What a character of base64url stands for. */
const VALUES = new Uint8Array(128);
for (let value = 0; value < CHARACTERS.length; value++) VALUES[CHARACTERS.charCodeAt(value)] = value;

/** Observations that may wait. */
const LONGEST_QUEUE = 4_096;

/** Where the store says what happens; implemented by {@link Traffic}. */
export interface TrafficWatch {
  /** Whether a key is of the sample. */
  wants(key: Digest): boolean;
  /** Counts a lookup, of whatever key. */
  count(): void;
  lookup(key: Digest, tier: number, rawBytes: number, cost: number, expiresAt: number | undefined): void;
  store(key: Digest, payload: Uint8Array, cost: number, expiresAt: number | undefined): void;
  remove(keys: readonly Digest[]): void;
  clear(): void;
}

export interface TrafficOptions {
  readonly clock: Clock;
  /** The cache's own time to live, as it is now. */
  readonly ttlMs: () => number | undefined;
  /** How long past that answers are kept. */
  readonly staleMs: number;
  /** Something waits to be taken. */
  readonly onWaiting: () => void;
  /** Sees the bytes of values that are stored under sampled keys, to measure how well they pack; keeps none. */
  readonly onValue?: ((payload: Uint8Array, cost: number) => void) | undefined;
}

export class Traffic implements TrafficWatch {
  /** All lookups since the last `takeCounts`. */
  #lookups = 0;
  /** Those that the sample stands for, as far as it saw them. */
  #missed = 0;
  #threshold = ALL;
  #waiting: Observation[] = [];
  readonly #options: TrafficOptions;

  constructor(options: TrafficOptions) {
    this.#options = options;
  }

  /** The share of the keys that are in the sample. */
  get rate(): number {
    return this.#threshold / ALL;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  wants(key: Digest): boolean {
    const place =
      ((VALUES[key.charCodeAt(0) & 127] as number) << 12) |
      ((VALUES[key.charCodeAt(1) & 127] as number) << 6) |
      (VALUES[key.charCodeAt(2) & 127] as number);
    return place < this.#threshold;
  }

  count(): void {
    this.#lookups++;
  }

  lookup(key: Digest, tier: number, rawBytes: number, cost: number, expiresAt: number | undefined): void {
    this.#add("lookup", key, { tier, rawBytes, cost, expiresAt });
  }

  store(key: Digest, payload: Uint8Array, cost: number, expiresAt: number | undefined): void {
    this.#options.onValue?.(payload, cost);
    this.#add("store", key, { tier: -1, rawBytes: payload.byteLength, cost, expiresAt });
  }

  remove(keys: readonly Digest[]): void {
    for (const key of keys) if (this.wants(key)) this.#add("remove", key, GONE);
  }

  clear(): void {
    this.#add("clear", "", GONE);
  }

  /** The oldest that wait, at most so many. */
  take(most: number): Observation[] {
    return this.#waiting.splice(0, most);
  }

  /** Lookups since this was asked last, in all, and of the sample those that were not seen because too much waited. */
  takeCounts(): { readonly lookups: number; readonly missed: number } {
    const counts = { lookups: this.#lookups, missed: this.#missed };
    this.#lookups = 0;
    this.#missed = 0;
    return counts;
  }

  /** Halves the sample. What waits of the other half is let go. */
  halve(): void {
    this.#threshold = Math.max(1, this.#threshold >> 1);
    this.#waiting = this.#waiting.filter(({ key, kind }) => kind === "clear" || this.wants(key));
  }

  #add(
    kind: Observation["kind"],
    key: Digest,
    of: Pick<Observation, "tier" | "rawBytes" | "cost"> & { readonly expiresAt: number | undefined },
  ): void {
    if (this.#waiting.length >= LONGEST_QUEUE) {
      if (kind === "lookup") this.#missed++;
      return;
    }
    const { clock, staleMs } = this.#options;
    const { tier, rawBytes, cost, expiresAt } = of;
    const lifeMs = expiresAt === undefined ? Infinity : expiresAt - clock.now();
    const ttlMs = this.#options.ttlMs();
    // Lives are shortened by up to a tenth at random; anything else was asked for by the caller.
    const isOwn = ttlMs === undefined ? lifeMs === Infinity : lifeMs <= ttlMs + staleMs;
    const follows = isOwn && (kind === "lookup" || ttlMs === undefined || lifeMs >= 0.9 * ttlMs + staleMs);
    const at = clock.monotonic();
    this.#waiting.push({ kind, key, at, rawBytes, cost, tier, lifeMs, ttlMs: follows ? ttlMs : undefined });
    if (this.#waiting.length === 1) this.#options.onWaiting();
  }
}

const GONE = { tier: -1, rawBytes: 0, cost: 0, expiresAt: undefined } as const;
