import type { CacheTier } from "../tier.ts";
import type { TieredStore } from "../tiered-store.ts";
import type { TuningControls } from "./tunable.ts";

export interface Controlled {
  readonly tiers: readonly CacheTier[];
  readonly store: TieredStore;
  readonly answers: { ttlMs: number | undefined };
}

/** Reads and changes the settings of a cache that runs, through what `configure()` changes too. */
export function tuningControls({ tiers, store, answers }: Controlled): TuningControls {
  return {
    plan: () => ({
      tiers: tiers.map((tier) => {
        const { maxBytes = Infinity, maxEntries = Infinity, eviction = "lru" } = tier.stats();
        return { name: tier.name, maxBytes, maxEntries, eviction, compression: store.effort(tier.name) };
      }),
      ttlMs: answers.ttlMs,
      promoteAfter: store.promoteAfter,
    }),
    get ttlMs() {
      return answers.ttlMs;
    },
    limit: (name, limits) => tiers.find((tier) => tier.name === name)?.configure?.(limits),
    compress: (name, effort) => store.packWith(name, effort),
    live(ttlMs) {
      answers.ttlMs = ttlMs;
    },
    promoteAfter(hits) {
      store.promoteAfter = hits;
    },
  };
}
