/** The figures of one or several processes as one: counts are added up, shares are worked out from the sums. */
import { Histogram } from "../../core/histogram.ts";
import type { SharedMetrics } from "./shared-metrics.ts";

export interface GoneProcess {
  readonly name: string;
  readonly pid: number;
  readonly host?: string | undefined;
  /** Since it was last heard of. */
  readonly ms: number;
}

export interface TopFigures {
  readonly processes: readonly {
    readonly name: string;
    readonly pid: number;
    readonly host?: string | undefined;
    readonly requestsPerSecond: number;
    readonly rss: number;
  }[];
  /** Processes that have said nothing for a while and did not say goodbye. */
  readonly gone: readonly GoneProcess[];
  readonly hits: number;
  readonly misses: number;
  /** 0 to 1; `null` before there was a lookup. */
  readonly hitRate: number | null;
  readonly requestsPerSecond: number;
  /** Of all lookups, ms; of the slowest process where one of an older release does not say enough. */
  readonly p50: number | null;
  readonly p99: number | null;
  readonly saved: { readonly tokens: number; readonly money: number; readonly currency: string; readonly ms: number };
  readonly tiers: readonly {
    readonly name: string;
    readonly state: "on" | "off";
    readonly hits: number;
    readonly entries: number | null;
    readonly bytes: number | null;
    readonly faults: number;
  }[];
  readonly semantic: { readonly lookups: number; readonly served: number; readonly adapted: number; readonly missed: number };
  readonly recalls: number;
  readonly reranked: number;
  readonly queueDepth: number;
  readonly errors: number;
  readonly rss: number;
}

export function topFigures(all: readonly SharedMetrics[], gone: readonly GoneProcess[] = []): TopFigures {
  const sum = (of: (metrics: SharedMetrics["metrics"]) => number): number =>
    all.reduce((total, { metrics }) => total + of(metrics), 0);
  const most = (of: (metrics: SharedMetrics["metrics"]) => number | null): number | null =>
    all.reduce<number | null>((top, { metrics }) => {
      const value = of(metrics);
      return value === null ? top : Math.max(top ?? 0, value);
    }, null);
  const hits = sum(({ cache }) => cache.hits);
  const misses = sum(({ cache }) => cache.misses);
  const together = merged(all);
  return {
    processes: all.map(({ name, pid, host, metrics }) => ({
      ...{ name, pid, ...(host !== undefined && { host }) },
      requestsPerSecond: metrics.requestsPerSecond,
      rss: metrics.process.rss,
    })),
    gone,
    ...{ hits, misses, hitRate: hits + misses === 0 ? null : hits / (hits + misses) },
    requestsPerSecond: sum((metrics) => metrics.requestsPerSecond),
    p50: together === undefined ? most(({ cache }) => cache.latency.p50) : (together.quantile(0.5) ?? null),
    p99: together === undefined ? most(({ cache }) => cache.latency.p99) : (together.quantile(0.99) ?? null),
    saved: {
      ...{ tokens: sum(({ saved }) => saved.tokens), money: sum(({ saved }) => saved.money), ms: sum(({ saved }) => saved.ms) },
      currency: all[0]?.metrics.saved.currency ?? "USD",
    },
    tiers: tiersOf(all),
    semantic: {
      ...{ lookups: sum(({ semantic }) => semantic.lookups), served: sum(({ semantic }) => semantic.served) },
      ...{ adapted: sum(({ semantic }) => semantic.adapted), missed: sum(({ semantic }) => semantic.missed) },
    },
    recalls: sum(({ memory }) => memory.recalls),
    reranked: sum(({ rerank }) => rerank.reranked),
    queueDepth: sum((metrics) => metrics.queueDepth),
    errors: sum((metrics) => metrics.errorCount),
    rss: sum((metrics) => metrics.process.rss),
  };
}

/** The lookups of all; `undefined` unless every process says what its quantiles are made of. */
function merged(all: readonly SharedMetrics[]): Histogram | undefined {
  const together = new Histogram();
  for (const { lookups } of all) {
    if (lookups === undefined) return undefined;
    together.addParts(lookups);
  }
  return together;
}

/** Processes share what a disk or a Redis holds, so sizes are the largest that one sees, not the sum. */
function tiersOf(all: readonly SharedMetrics[]): TopFigures["tiers"] {
  const tiers = new Map<string, TopFigures["tiers"][number]>();
  const larger = (one: number | null, other: number | null): number | null =>
    one === null ? other : other === null ? one : Math.max(one, other);
  for (const { metrics } of all) {
    for (const { name, state, hits, entries, bytes, faults } of metrics.tiers) {
      const known = tiers.get(name);
      tiers.set(name, {
        ...{ name, state: state === "off" || known?.state === "off" ? "off" : "on" },
        ...{ hits: hits + (known?.hits ?? 0), faults: faults + (known?.faults ?? 0) },
        ...{ entries: larger(entries, known?.entries ?? null), bytes: larger(bytes, known?.bytes ?? null) },
      });
    }
  }
  return [...tiers.values()];
}
