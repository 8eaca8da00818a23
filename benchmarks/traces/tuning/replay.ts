/** A stream of requests through a real cache: a miss is stored, time passes with the requests, the clock is a manual one. */
import { manualClock } from "../../../src/core/clock.ts";
import { TieredCache } from "../../../src/cache/tiered-cache.ts";
import type { CacheTier } from "../../../src/cache/tier.ts";
import type { TuningOptions } from "../../../src/cache/tuning/tuning-options.ts";
import type { TuningDecision } from "../../../src/cache/tuning/decision.ts";
import { seeded } from "./workloads.ts";

export interface ReplayOptions {
  readonly tiers: readonly CacheTier[];
  readonly tuning?: TuningOptions | undefined;
  readonly ttl?: number | undefined;
  /** Time between two requests, ms; default 10. */
  readonly spacingMs?: number | undefined;
  /** What is stored; default a short text. */
  readonly value?: ((id: number) => string) | undefined;
  /** Whether to wait for what is written behind, now and then: for tiers that write to a disk. */
  readonly settle?: boolean | undefined;
  /** Sees the cache now and then. */
  readonly watch?: ((cache: TieredCache) => void) | undefined;
}

export interface Replayed {
  /** Shares of the requests. */
  readonly hitRate: number;
  readonly firstTier: number;
  /** With a hit below the first tier at 0.9, as tuning counts. */
  readonly worth: number;
  readonly decisions: readonly TuningDecision[];
}

/** Requests between two steps of the clock. */
const STRIDE = 128;
export const VALUE: string = "an answer ".repeat(20);

export async function replay(ids: Int32Array, options: ReplayOptions): Promise<Replayed> {
  const clock = manualClock();
  const { tiers, tuning, ttl, spacingMs = 10, value = () => VALUE, watch, settle = false } = options;
  const cache = new TieredCache({ tiers, tuning, ttl, clock, random: seeded(1), compression: "auto" });
  let hits = 0;
  for (let at = 0; at < ids.length; at++) {
    const key = String(ids[at]);
    if ((await cache.get(key)) !== undefined) hits++;
    else await cache.set(key, value(ids[at] as number));
    if (at % STRIDE !== STRIDE - 1) continue;
    if (settle) await cache.flush();
    await clock.advance(STRIDE * spacingMs);
    watch?.(cache);
  }
  const first = cache.stats().tiers[0]?.hits ?? 0;
  const decisions = cache.tuning.decisions().toReversed();
  await cache.close();
  const [hitRate, firstTier] = [hits / ids.length, first / ids.length];
  return { hitRate, firstTier, worth: firstTier + 0.9 * (hitRate - firstTier), decisions };
}
