/**
 * The contract of `VectorIndex` as tests. This package's own indexes are held to it; `test/contract/broken-vector-indexes.test.ts`
 * shows that it fails those that do not keep it.
 */
import { describe } from "vitest";
import { vectorIndexBed, type MakeVectorIndex, type VectorIndexCapabilities } from "./vector-index-contract/bed.ts";
import { endingContract } from "./vector-index-contract/ending.ts";
import { isolationContract } from "./vector-index-contract/isolation.ts";
import { lifeContract } from "./vector-index-contract/lives.ts";
import { refusalContract } from "./vector-index-contract/refusals.ts";
import { removalContract } from "./vector-index-contract/removal.ts";
import { searchingContract } from "./vector-index-contract/searching.ts";

/**
 * Declares the tests that every vector index must pass, under `describe(name)`. Needs `vitest` and `fast-check`.
 *
 * Every index that `make` built is closed by the suite; what else `make` opened, the caller ends in `afterAll`. Partitions of the tests
 * are small: an index that is approximate for many vectors is to be exact for a hundred.
 * @param make builds an index; called at least once for each test
 * @param capabilities what this index can do beyond the minimum; each adds the tests that prove it
 * @example
 * ```ts
 * describeVectorIndex("flatIndex", ({ clock }) => flatIndex({ clock }));
 * ```
 */
export function describeVectorIndex(name: string, make: MakeVectorIndex, capabilities: VectorIndexCapabilities = {}): void {
  const bed = vectorIndexBed(make, capabilities);
  describe(name, () => {
    searchingContract(bed);
    isolationContract(bed);
    removalContract(bed);
    lifeContract(bed);
    refusalContract(bed);
    endingContract(bed);
  });
}

export type { MakeVectorIndex, VectorIndexCapabilities, VectorIndexContext } from "./vector-index-contract/bed.ts";
