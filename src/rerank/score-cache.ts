/** Scores that were paid for once, in the tiers of the cache: a question that is asked again costs no call. */
import { parseTiers } from "../cache/cache-options.ts";
import { createCompression } from "../cache/compression.ts";
import type { CacheTier } from "../cache/tier.ts";
import { TieredStore } from "../cache/tiered-store.ts";
import { memoryTier } from "../cache/tiers/memory.ts";
import type { Clock } from "../core/clock.ts";
import { StrataConfigError, StrataError } from "../core/errors.ts";
import type { Emit } from "../core/events.ts";
import { digest, digestAfter, keyPrefix, type Digest } from "../core/key.ts";
import { parseDuration, refuseUnknown, type Duration } from "../core/options.ts";
import { scopeDigest, type Scope } from "../core/scope.ts";
import { sharedTurns } from "../embeddings/turns.ts";
import type { Reranker } from "./reranker.ts";

export interface ScoreCacheOptions {
  /** Read in this order; default `[memoryTier({ maxBytes: "16mb" })]`. Closed by `close()`. */
  readonly tiers?: readonly CacheTier[] | undefined;
  /** How long a score lives; default `"7d"`. */
  readonly ttl?: Duration | undefined;
  /** Whose scores these are; default `"global"`. */
  readonly scope?: Scope | "global" | undefined;
}

const MAX_QUEUED_BYTES = 16 * 1024 * 1024;
const TAGS = ["strata:rerank"];
const SCORE_BYTES = 8;

export interface ScoreCacheContext {
  readonly clock: Clock;
  readonly random: () => number;
  readonly emit: Emit;
}

export class ScoreCache {
  readonly #store: TieredStore;
  readonly #clock: Clock;
  readonly #scope: Digest;
  readonly #ttlMs: number;

  /** @throws {@link StrataConfigError} naming the option */
  constructor(options: ScoreCacheOptions, { clock, random, emit }: ScoreCacheContext) {
    if (typeof options !== "object" || options === null)
      throw new StrataConfigError("scoreCache", options, "true, false or an object");
    refuseUnknown("scoreCache", options, ["tiers", "ttl", "scope"]);
    const tiers = options.tiers === undefined ? [memoryTier({ maxBytes: "16mb" })] : parseTiers(options.tiers);
    const compression = createCompression({ algorithm: "none" });
    this.#clock = clock;
    this.#scope = scopeDigest(options.scope ?? "global");
    this.#ttlMs = parseDuration("scoreCache.ttl", options.ttl ?? "7d");
    this.#store = new TieredStore({ tiers, clock, random, emit, maxQueuedBytes: MAX_QUEUED_BYTES, compression });
  }

  /** Keys of the scores of these texts. A score that depends on the texts beside it is kept under all of them, in their order. */
  async keys({ name, model = "", scoreKind, listwise }: Reranker, query: string, texts: readonly string[]): Promise<Digest[]> {
    const beside = listwise === true || scoreKind === "ordinal" ? digest("texts", ...texts) : "";
    const prefix = keyPrefix("rerank", this.#scope, name, model, scoreKind, beside, query);
    const turn = sharedTurns(this.#clock);
    const keys: Digest[] = [];
    for (const text of texts) {
      // A text of megabytes takes milliseconds.
      const pause = turn();
      if (pause !== undefined) await pause;
      keys.push(digestAfter(prefix, text));
    }
    return keys;
  }

  /** `undefined` for each that is not there. Never rejects. */
  get(keys: readonly Digest[]): Promise<(number | undefined)[]> {
    return Promise.all(keys.map(async (key) => (await this.#store.get(key, this.#scope, decodeScore))?.value));
  }

  /** @param costMs that a hit saves */
  set(key: Digest, score: number, costMs: number): void {
    const payload = Buffer.allocUnsafe(SCORE_BYTES);
    payload.writeDoubleLE(score);
    const expiresAt = this.#clock.now() + this.#ttlMs;
    void this.#store.set({ key, scope: this.#scope, payload, value: score, tags: TAGS, expiresAt, cost: costMs });
  }

  clear(): Promise<number> {
    return this.#store.clear({ scope: this.#scope, tag: TAGS[0] });
  }

  close(): Promise<void> {
    return this.#store.close();
  }
}

function decodeScore(payload: Buffer): number {
  const score = payload.byteLength === SCORE_BYTES ? payload.readDoubleLE() : Number.NaN;
  if (!Number.isFinite(score)) throw new StrataError("CORRUPT", "A stored score is no number.");
  return score;
}
