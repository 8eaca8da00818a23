import type { Digest } from "../../core/key.ts";

/** One thing that happened to a key of the sample: digests, sizes and times, nothing of what was asked or answered. */
export interface Observation {
  readonly kind: "lookup" | "store" | "remove" | "clear";
  readonly key: Digest;
  /** On the monotonic clock, ms. */
  readonly at: number;
  /** Of the value as it is before compression; 0 where it is not known. */
  readonly rawBytes: number;
  /** Milliseconds that a hit saves. */
  readonly cost: number;
  /** Of a lookup: the place of the tier that had it; -1 = none. */
  readonly tier: number;
  /** How long it lives from here on, ms; `Infinity` = for ever. */
  readonly lifeMs: number;
  /** The cache's own time to live when it was stored, for a life that follows it; `undefined` for any other. */
  readonly ttlMs: number | undefined;
}

/** What a lookup is worth that was answered by the tier at this place: 0 to 1. */
export function worthOf(tier: number): number {
  if (tier < 0) return 0;
  return tier === 0 ? 1 : LOWER_HIT;
}

/**
 * A hit below the first tier saves the model's call as well, but takes ten to a thousand times as long: it counts a tenth less. So
 * a point of hit rate is never given away for fewer than ten points of first-tier hits.
 */
const LOWER_HIT = 0.9;
