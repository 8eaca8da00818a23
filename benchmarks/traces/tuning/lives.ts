/** How long answers live, where questions come back after longer than they were given. */
import { replay } from "./replay.ts";
import type { Row } from "./report.ts";
import { bestOf } from "./rows.ts";
import { entryBytes, upperTier } from "./tiers.ts";
import { drift, inTurn, popular, seeded } from "./workloads.ts";

const MINUTE = 60_000;
const SPACING_MS = 30;

export async function ttlRow(requests: number): Promise<Row> {
  const random = seeded(3);
  const { name, ids } = inTurn("questions that return late, then soon, then late", [
    [popular(3_000, 0.6, 0, random), requests / 2],
    [drift(300, 4, 1_000_000, random), requests / 4],
    [popular(3_000, 0.6, 0, random), requests / 4],
  ]);
  const bytes = 4_000 * (await entryBytes());
  const run = (ttl: number, max?: number): ReturnType<typeof replay> =>
    replay(ids, {
      ...{ ttl, spacingMs: SPACING_MS, tiers: [upperTier(bytes)] },
      tuning: max === undefined ? undefined : { mode: "apply", ttl: { max } },
    });
  const fixed = new Map<number, number>();
  for (const minutes of [1, 2, 4, 8, 12]) fixed.set(minutes, (await run(minutes * MINUTE)).hitRate);
  const { hitRate: tuned, decisions } = await run(MINUTE, 12 * MINUTE);
  const [minutes, best] = bestOf(fixed);
  return { name, changes: true, fixed: fixed.get(1) ?? 0, tuned, best, bestName: `${minutes} min`, decisions };
}
