import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll } from "vitest";
import { diskTier } from "../../src/cache/tiers/disk.ts";
import { memoryTier } from "../../src/cache/tiers/memory.ts";
import { describeTier } from "../../src/testing/describe-tier.ts";

const root = mkdtempSync(join(tmpdir(), "strata-tiers-"));
afterAll(() => rmSync(root, { recursive: true }));

for (const eviction of ["lru", "lfu", "s3-fifo", "adaptive", "hybrid"] as const) {
  describeTier(`memoryTier, ${eviction}`, () => memoryTier({ eviction }));
}

describeTier("diskTier", ({ place }) => diskTier({ path: join(root, place) }), {
  persistent: true,
  shared: true,
});
