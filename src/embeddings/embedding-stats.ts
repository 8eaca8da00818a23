/** Counts of one `CachedEmbeddings`, and the snapshot that `stats()` gives. */
import type { LevelStats } from "../cache/level.ts";

export interface EmbeddingsStats {
  /** Texts asked for, repeats included. */
  readonly texts: number;
  /** Texts that a tier had. Repeats within a batch are counted once here, in `near` and in `coalesced`. */
  readonly hits: number;
  /** Texts that took the vector of a nearly equal one. */
  readonly near: number;
  /** Texts that were awaited from another caller's call. */
  readonly coalesced: number;
  /** Texts that did not have to be sent: `texts` less those that were. */
  readonly textsSaved: number;
  /** Calls to the provider; a further try is no further call. */
  readonly providerCalls: number;
  /** Those that failed. */
  readonly providerFailures: number;
  /** Texts that were sent with them. */
  readonly providerTexts: number;
  /** What hits and reuse saved, as long as the provider took when it made the vectors. */
  readonly msSaved: number;
  /** Stored vectors that were found damaged, foreign or of other dimensions, and made anew. */
  readonly rejected: number;
  /** Numbers a vector; `undefined` before the first. */
  readonly dimensions: number | undefined;
  /** Texts remembered for near-duplicate reuse. */
  readonly remembered: number;
  /** By tier, in their order. */
  readonly tiers: readonly LevelStats[];
}

export class EmbeddingCounters {
  texts = 0;
  hits = 0;
  near = 0;
  coalesced = 0;
  providerCalls = 0;
  providerFailures = 0;
  providerTexts = 0;
  msSaved = 0;

  snapshot(rest: Pick<EmbeddingsStats, "rejected" | "dimensions" | "remembered" | "tiers">): EmbeddingsStats {
    const { texts, hits, near, coalesced, providerCalls, providerFailures, providerTexts, msSaved } = this;
    const textsSaved = Math.max(0, texts - providerTexts);
    return { texts, hits, near, coalesced, textsSaved, providerCalls, providerFailures, providerTexts, msSaved, ...rest };
  }
}
