/** Shared metrics as a line of text, as it goes over a socket and through Redis; and read with distrust. */
import { Histogram, type HistogramParts } from "../../core/histogram.ts";
import type { MetricsSnapshot } from "../metrics-snapshot.ts";
import type { Metrics } from "../metrics.ts";
import type { SharedMetrics } from "./shared-metrics.ts";
import { topFigures } from "./top-figures.ts";

/** Metrics as `createMetrics()` gives them. */
export type ShareableMetrics = Pick<Metrics, "snapshot"> & Partial<Pick<Metrics, "durations">>;

/** A snapshot has some 10 KB; longer than this it becomes with hundreds of models, errors or vetoes only. */
export const LONGEST_SHARED: number = 64 * 1024;

export interface SharedName {
  readonly name: string;
  readonly host?: string | undefined;
}

/** As JSON, of {@link LONGEST_SHARED} characters at most. No prompt, no answer, no key and no scope is in a snapshot. */
export function sharedLine({ name, host }: SharedName, { snapshot, durations }: ShareableMetrics): string {
  const whole: SharedMetrics = {
    ...{ name, pid: process.pid, ...(host !== undefined && { host }) },
    metrics: snapshot(),
    lookups: allLookups(durations?.()),
  };
  const line = JSON.stringify(whole);
  return line.length <= LONGEST_SHARED ? line : JSON.stringify({ ...whole, metrics: withoutLists(whole.metrics) });
}

/** What was said by {@link sharedLine}, maybe by another release; `undefined` when it is nothing of the kind. */
export function readShared(line: string): SharedMetrics | undefined {
  try {
    const said = JSON.parse(line) as Partial<SharedMetrics> | null;
    const isShared = typeof said?.pid === "number" && typeof said.name === "string" && typeof said.metrics?.cache === "object";
    return isShared && hasFigures(said as SharedMetrics) ? (said as SharedMetrics) : undefined;
  } catch {
    return undefined;
  }
}

/** One process that says something else, or of another release, must not take the screen from all. @throws where a part is not there */
function hasFigures(shared: SharedMetrics): boolean {
  const { saved, semantic, tiers, p50, p99, ...rest } = topFigures([shared]);
  const { hits, misses, requestsPerSecond, recalls, reranked, queueDepth, errors, rss } = rest;
  const counts = [
    hits,
    misses,
    requestsPerSecond,
    recalls,
    reranked,
    queueDepth,
    errors,
    rss,
    saved.tokens,
    saved.money,
    saved.ms,
  ];
  const isCount = (value: unknown): boolean => Number.isFinite(value);
  const isKnown = (value: unknown): boolean => value === null || isCount(value);
  return (
    [...counts, ...Object.values(semantic)].every(isCount) &&
    [p50, p99].every(isKnown) &&
    typeof saved.currency === "string" &&
    tiers.every(
      (tier) =>
        typeof tier.name === "string" && [tier.hits, tier.faults].every(isCount) && [tier.entries, tier.bytes].every(isKnown),
    )
  );
}

function allLookups(durations: ReturnType<Metrics["durations"]> | undefined): HistogramParts | undefined {
  if (durations === undefined) return undefined;
  const all = new Histogram();
  for (const histogram of durations.get("lookup")?.values() ?? []) all.add(histogram);
  return all.toParts();
}

/** The counts that `strata top` shows stay; what is listed by name goes. */
function withoutLists(metrics: MetricsSnapshot): MetricsSnapshot {
  return {
    ...metrics,
    tiers: metrics.tiers.slice(0, 16),
    saved: { ...metrics.saved, byModel: [] },
    semantic: { ...metrics.semantic, vetoes: {}, reasons: {} },
    rerank: { ...metrics.rerank, reasons: {}, off: [] },
    errors: [],
  };
}
