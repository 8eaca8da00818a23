/**
 * What was chosen, how it went, and what people said of it: for statistics, and for the router.
 *
 * Outcomes are weighed by the inverse of the probability with which the strategy was chosen (Horvitz & Thompson, 1952), so that what
 * the router seldom tries is not judged by whom it tried it on; and shrunk towards "as good as the others" by pseudo-counts, so that
 * a user's first few verdicts move little. No text of a query is kept.
 */
import type { Clock } from "../core/clock.ts";
import { STRATEGIES, type Strategy } from "./strategy.ts";

export interface RecallRecord {
  readonly id: string;
  readonly ownerId: string;
  readonly strategy: Strategy;
  /** Unix ms. */
  readonly at: number;
  readonly latencyMs: number;
  readonly results: number;
  readonly cacheHit: boolean;
  readonly propensity: number;
  readonly isExploration: boolean;
}

/** How a strategy did. */
export interface StrategyUse {
  readonly strategy: Strategy;
  readonly uses: number;
  /** 0 to 1, of all uses. */
  readonly share: number;
  readonly meanLatencyMs: number;
  readonly p95LatencyMs: number;
  readonly meanResults: number;
  /** 0 to 1. */
  readonly cacheHitRate: number;
  /** Recalls of which somebody reported an outcome, and their mean, 0 to 1. */
  readonly outcomes: number;
  readonly meanOutcome?: number;
  /** How often it was tried in place of the router's choice. */
  readonly explored: number;
}

export interface StrategyStats {
  /** Recalls in the period. */
  readonly recalls: number;
  readonly owners: number;
  readonly days: number;
  /** The most used first; those without a use are left out. */
  readonly strategies: readonly StrategyUse[];
  /** 0 to 1. */
  readonly cacheHitRate: number;
  readonly meanLatencyMs: number;
}

interface Entry extends RecallRecord {
  outcome: number | undefined;
}

const DAY = 86_400_000;
/** Verdicts that "as good as the others" counts as. */
const PSEUDO_COUNTS = 20;
/** One verdict on something rarely tried must not outweigh twenty others. */
const MOST_WEIGHT = 20;

/** The newest so many records, in memory. */
export class StrategyLog {
  readonly #entries = new Map<string, Entry>();
  /** By owner, so that the router need not read all. */
  readonly #judged = new Map<string, Map<string, Entry>>();
  readonly #clock: Clock;
  readonly #maxEntries: number;

  constructor(clock: Clock, maxEntries: number) {
    this.#clock = clock;
    this.#maxEntries = maxEntries;
  }

  add(record: RecallRecord): void {
    this.#entries.set(record.id, { ...record, outcome: undefined });
    for (const [id, entry] of this.#entries) {
      if (this.#entries.size <= this.#maxEntries) break;
      this.#forgetEntry(id, entry);
    }
  }

  /** `false` for a recall that is not known, or not known any more, or another owner's. */
  report(id: string, outcome: number, ownerId?: string): boolean {
    const entry = this.#entries.get(id);
    if (entry === undefined || (ownerId !== undefined && entry.ownerId !== ownerId)) return false;
    entry.outcome = outcome;
    const own = this.#judged.get(entry.ownerId) ?? new Map<string, Entry>();
    this.#judged.set(entry.ownerId, own);
    own.set(id, entry);
    return true;
  }

  /** How well a strategy has served an owner, relative to the mean over all strategies: 1 without verdicts, 0.5 to 1.5. */
  standing(ownerId: string, strategy: Strategy): number {
    const own = this.#judged.get(ownerId);
    if (own === undefined || own.size === 0) return 1;
    const all = { weight: 0, reward: 0 };
    const mine = { weight: 0, reward: 0 };
    for (const entry of own.values()) {
      const weight = Math.min(MOST_WEIGHT, 1 / Math.max(entry.propensity, 1e-3));
      for (const sum of entry.strategy === strategy ? [all, mine] : [all]) {
        sum.weight += weight;
        sum.reward += weight * (entry.outcome ?? 0);
      }
    }
    const mean = (all.reward + 0.5 * PSEUDO_COUNTS) / (all.weight + PSEUDO_COUNTS);
    const shrunk = (mine.reward + mean * PSEUDO_COUNTS) / (mine.weight + PSEUDO_COUNTS);
    return Math.min(1.5, Math.max(0.5, shrunk / mean));
  }

  stats({ ownerId, days = 7 }: { readonly ownerId?: string | undefined; readonly days?: number | undefined }): StrategyStats {
    const since = this.#clock.now() - days * DAY;
    const entries = [...this.#entries.values()].filter(
      (entry) => entry.at >= since && (ownerId === undefined || entry.ownerId === ownerId),
    );
    const strategies = STRATEGIES.map((strategy) =>
      useOf(
        strategy,
        entries.filter((entry) => entry.strategy === strategy),
        entries.length,
      ),
    );
    return {
      recalls: entries.length,
      owners: new Set(entries.map((entry) => entry.ownerId)).size,
      days,
      strategies: strategies.filter(({ uses }) => uses > 0).toSorted((a, b) => b.uses - a.uses),
      cacheHitRate: mean(entries.map(({ cacheHit }) => Number(cacheHit))),
      meanLatencyMs: mean(entries.map(({ latencyMs }) => latencyMs)),
    };
  }

  forget(ownerId: string): void {
    for (const [id, entry] of this.#entries) if (entry.ownerId === ownerId) this.#forgetEntry(id, entry);
  }

  #forgetEntry(id: string, entry: Entry): void {
    this.#entries.delete(id);
    const own = this.#judged.get(entry.ownerId);
    own?.delete(id);
    if (own?.size === 0) this.#judged.delete(entry.ownerId);
  }
}

function useOf(strategy: Strategy, entries: readonly Entry[], all: number): StrategyUse {
  const latencies = entries.map(({ latencyMs }) => latencyMs).toSorted((a, b) => a - b);
  const outcomes = entries.flatMap(({ outcome }) => outcome ?? []);
  return {
    strategy,
    uses: entries.length,
    share: entries.length / Math.max(1, all),
    meanLatencyMs: mean(latencies),
    p95LatencyMs: latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * 0.95))] ?? 0,
    meanResults: mean(entries.map(({ results }) => results)),
    cacheHitRate: mean(entries.map(({ cacheHit }) => Number(cacheHit))),
    outcomes: outcomes.length,
    ...(outcomes.length > 0 && { meanOutcome: mean(outcomes) }),
    explored: entries.filter(({ isExploration }) => isExploration).length,
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
