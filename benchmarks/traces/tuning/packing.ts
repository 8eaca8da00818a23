/** How hard a real disk tier packs answers of 2 KB, where it is too small for all of them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Effort } from "../../../src/cache/compressions/plan.ts";
import { diskTier } from "../../../src/cache/tiers/disk.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { samples } from "../../micro/compression-corpus.ts";
import { replay } from "./replay.ts";
import type { Row } from "./report.ts";
import { bestOf } from "./rows.ts";
import { inTurn, popular, seeded } from "./workloads.ts";

const KEYS = 4_000;
const DISK_BYTES = 4 * 1024 * 1024;
const MEMORY_BYTES = 512 * 1024;

export async function compressionRow(requests: number): Promise<Row> {
  const random = seeded(5);
  const { name, ids } = inTurn("popular, other questions from the middle on", [
    [popular(KEYS, 0.7, 0, random), Math.floor(requests / 2)],
    [popular(KEYS, 0.7, 1_000_000, random), Math.floor(requests / 2)],
  ]);
  // Two families of answers: one that packs well, one that packs badly.
  const texts = (["docs", "prose"] as const)
    .flatMap((family) => samples(family, "a", 2_048, 200))
    .map(({ generation }) => generation.text);
  const run = async (effort: Effort, tuned = false): ReturnType<typeof replay> => {
    const path = mkdtempSync(join(tmpdir(), "strata-tuning-"));
    try {
      return await replay(ids, {
        tiers: [memoryTier({ maxBytes: MEMORY_BYTES }), { ...diskTier({ path, maxBytes: DISK_BYTES }), compression: effort }],
        spacingMs: 30,
        value: (id) => `${id}: ${texts[id % texts.length]}`,
        settle: true,
        tuning: tuned ? { mode: "apply", settings: ["compression"], minSamples: 500 } : undefined,
      });
    } finally {
      rmSync(path, { recursive: true, force: true });
    }
  };
  const fixed = new Map<Effort, number>();
  for (const effort of ["none", "fast", "best"] as const) fixed.set(effort, (await run(effort)).worth);
  const { worth: tuned, decisions } = await run("none", true);
  const [bestName, best] = bestOf(fixed);
  return { name, changes: true, fixed: fixed.get("none") ?? 0, tuned, best, bestName: `\`${bestName}\``, decisions };
}
