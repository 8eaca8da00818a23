/** How hard a real disk tier packs answers of 2 KB, where it is too small for all of them. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Effort } from "../../../src/cache/compressions/plan.ts";
import { diskTier } from "../../../src/cache/tiers/disk.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
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
  const texts = passages();
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

/** Markdown of 2 KB, as answers are: passages of this package's own documentation. */
function passages(): string[] {
  const folder = new URL("../../../docs/guides/", import.meta.url);
  const text = readdirSync(folder)
    .toSorted()
    .map((name) => readFileSync(new URL(name, folder), "utf8"))
    .join("\n");
  return Array.from({ length: Math.floor(text.length / 2_048) }, (_, at) => text.slice(at * 2_048, (at + 1) * 2_048));
}
