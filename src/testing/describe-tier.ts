/**
 * The contract of `CacheTier` as tests. A tier that passes can be given to `TieredCache`: this package's own tiers are held to
 * it, and so can be anybody's. `test/contract/broken-tiers.test.ts` shows that it fails those that do not keep the contract.
 */
import { describe } from "vitest";
import { concurrencyContract } from "./tier-contract/concurrency.ts";
import { endingContract } from "./tier-contract/ending.ts";
import { limitContract } from "./tier-contract/limits.ts";
import { lifeContract } from "./tier-contract/lives.ts";
import { listingContract } from "./tier-contract/listing.ts";
import { placeContract } from "./tier-contract/places.ts";
import { readingContract } from "./tier-contract/reading.ts";
import { removalContract } from "./tier-contract/removal.ts";
import { tierBed, type MakeTier, type TierCapabilities } from "./tier-contract/tier-bed.ts";

/**
 * Declares the tests that every tier must pass, under `describe(name)`. Needs `vitest` and `fast-check`.
 *
 * Every tier that `make` built is closed by the suite; what else `make` opened, the caller ends in `afterAll`.
 * @param make builds a tier; called at least once for each test
 * @param capabilities what this tier can do beyond the minimum; each adds the tests that prove it
 * @example
 * ```ts
 * const root = mkdtempSync(join(tmpdir(), "tiers-"));
 * afterAll(() => rmSync(root, { recursive: true }));
 * describeTier("diskTier", ({ place }) => diskTier({ path: join(root, place) }), {
 *   persistent: true,
 *   shared: true,
 * });
 * ```
 */
export function describeTier(name: string, make: MakeTier, capabilities: TierCapabilities = {}): void {
  const bed = tierBed(make, capabilities);
  describe(name, () => {
    readingContract(bed);
    lifeContract(bed);
    removalContract(bed);
    listingContract(bed);
    placeContract(bed);
    limitContract(bed);
    concurrencyContract(bed);
    endingContract(bed);
  });
}

export type { MakeTier, TierCapabilities, TierContext } from "./tier-contract/tier-bed.ts";
