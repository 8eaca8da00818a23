/** What happened within a period, and how it went. */
import type { Histogram } from "../core/histogram.ts";
import { valueIn } from "./channels.ts";
import type { MetricsSummary, Trend, TrendedNumber } from "./metrics-snapshot.ts";
import type { Slot } from "./recorder.ts";
import { SERIES, type PlainSeries, type SeriesInfo } from "./series.ts";

export interface SummaryContext {
  readonly now: number;
  readonly periodMs: number;
  readonly slots: readonly Slot[];
  /** Lookups within the period. */
  readonly lookups: Histogram;
  readonly currency: string;
}

/** A change of less than this is none. */
const STEADY = 0.05;

export function summarise({ now, periodMs, slots, lookups, currency }: SummaryContext): MetricsSummary {
  const ms = slots.reduce((total, slot) => total + slot.ms, 0);
  const sum = (column: string): number => slots.reduce((total, slot) => total + orZero(slot.get(column)), 0);
  const trended = (name: PlainSeries): TrendedNumber => ({
    value: valueIn(infoOf(name), slots),
    trend: trendOf(infoOf(name), slots),
  });
  const requests = sum("requests");
  const lags = slots.map((slot) => slot.get("history.lag")).filter((lag) => !Number.isNaN(lag));
  return {
    ...{ from: now - periodMs, to: now, periodMs, requests, requestsPerSecond: ms === 0 ? 0 : (requests / ms) * 1000 },
    ...{ hits: sum("hits"), misses: sum("misses"), hitRate: trended("hitRate") },
    latency: {
      p50: lookups.quantile(0.5) ?? null,
      p95: lookups.quantile(0.95) ?? null,
      p99: lookups.quantile(0.99) ?? null,
      trend: trendOf(infoOf("latency.p95"), slots),
    },
    saved: { tokens: sum("saved.tokens"), money: sum("saved.money"), currency, ms: sum("saved.time") * 1000 },
    semantic: {
      ...{ lookups: sum("semantic.lookups"), hits: sum("semantic.served"), adapted: sum("semantic.adapted") },
      ...{ hitRate: trended("semantic.hitRate"), similarity: trended("semantic.similarity") },
      wrongRate: trended("semantic.wrongRate"),
    },
    ...{ errors: sum("errors"), errorRate: trended("errorRate") },
    embeddings: {
      ...{ texts: sum("embeddings.texts"), hitRate: trended("embeddings.hitRate") },
      savedMs: sum("embeddings.savedTime") * 1000,
    },
    history: { messages: sum("history.messages"), worstLagMs: lags.length === 0 ? null : Math.max(...lags) },
    recalls: sum("recalls"),
    reranks: { count: sum("reranks"), cost: sum("rerank.cost") },
  };
}

/** The last third of the period against what was before, each taken as a whole. */
export function trendOf(info: SeriesInfo, slots: readonly Slot[]): Trend {
  const told = slots.filter((slot) => valueIn(info, [slot]) !== null);
  if (told.length < 3) return "insufficient-data";
  const border = told.length - Math.ceil(told.length / 3);
  const [before, after] = [valueIn(info, told.slice(0, border)), valueIn(info, told.slice(border))];
  if (before === null || after === null) return "insufficient-data";
  if (after > before * (1 + STEADY)) return "increasing";
  return after < before * (1 - STEADY) ? "decreasing" : "stable";
}

function infoOf(name: PlainSeries): SeriesInfo {
  return { name, ...SERIES[name] };
}

function orZero(value: number): number {
  return Number.isNaN(value) ? 0 : value;
}
