/** Eviction alone, and the division of one budget between two tiers. */
import type { EvictionName } from "../../../src/cache/eviction.ts";
import { EVICTION_NAMES } from "../../../src/cache/evictions/create-eviction.ts";
import { replay } from "./replay.ts";
import type { Row } from "./report.ts";
import { entryBytes, lowerTier, upperTier } from "./tiers.ts";
import type { Workload } from "./workloads.ts";

/** 33 requests a second: an epoch of a minute is 2,000 requests. */
const SPACING_MS = 30;
/** Shares of the budget that the memory may have, for the best in hindsight; the third is the one that is given. */
const SHARES = [0.06, 0.12, 0.2, 0.35, 0.5, 0.75];
const GIVEN_SHARE = 0.2;

export async function evictionRow({ name, ids, changes }: Workload, room: number, eviction: EvictionName): Promise<Row> {
  const bytes = room * (await entryBytes());
  const run = (policy: EvictionName, tuned = false): ReturnType<typeof replay> =>
    replay(ids, {
      tiers: [upperTier(bytes, policy)],
      spacingMs: SPACING_MS,
      tuning: tuned ? { mode: "apply" } : undefined,
    });
  const fixed = new Map<EvictionName, number>();
  for (const policy of EVICTION_NAMES) fixed.set(policy, (await run(policy)).hitRate);
  const { hitRate: tuned, decisions } = await run(eviction, true);
  const [bestName, best] = bestOf(fixed);
  return {
    name,
    changes,
    fixed: fixed.get(eviction) ?? 0,
    tuned,
    best,
    bestName: `\`${bestName}\``,
    decisions,
  };
}

export async function sizeRow({ name, ids, changes }: Workload, room: number): Promise<Row> {
  const budget = room * (await entryBytes());
  const run = (share: number, tuned = false): ReturnType<typeof replay> => {
    const memory = Math.round(budget * share);
    return replay(ids, {
      tiers: [upperTier(memory), lowerTier(budget - memory)],
      spacingMs: SPACING_MS,
      // How hard values are packed has a section of its own.
      tuning: tuned ? { mode: "apply", budget, settings: ["size", "eviction", "movement"] } : undefined,
    });
  };
  const fixed = new Map<number, number>();
  for (const share of SHARES) fixed.set(share, (await run(share)).worth);
  const { worth: tuned, decisions } = await run(GIVEN_SHARE, true);
  const [share, best] = bestOf(fixed);
  const bestName = `memory ${share * 100} %`;
  return { name, changes, fixed: fixed.get(GIVEN_SHARE) ?? 0, tuned, best, bestName, decisions };
}

export function bestOf<T>(rates: ReadonlyMap<T, number>): [T, number] {
  return [...rates].reduce((a, b) => (b[1] > a[1] ? b : a));
}
