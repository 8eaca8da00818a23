/**
 * What was chosen, how it went, and what people said of it: for statistics, and for the router.
 *
 * Outcomes are weighed by the inverse of the probability with which the strategy was chosen (Horvitz & Thompson, 1952), so that what
 * the router seldom tries is not judged by whom it tried it on; and shrunk towards "as good as the others" by pseudo-counts, so that
 * a user's first few verdicts move little. No text of a query is kept.
 */
import { LRUCache } from "lru-cache";
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

/** What the router goes by. */
export interface Judged {
  readonly id: string;
  readonly strategy: Strategy;
  readonly propensity: number;
  readonly outcome: number;
}

export interface LoggedRecall extends RecallRecord {
  readonly outcome: number | undefined;
}

/** Where the log is kept beyond this process. */
export interface KeptLog {
  put(record: LoggedRecall): void;
  report(id: string, outcome: number, ownerId: string | undefined): Promise<boolean>;
  judged(ownerId: string): Promise<readonly Judged[]>;
  stats(ownerId: string | undefined, days: number): Promise<StrategyStats>;
  forget(ownerId: string): Promise<void>;
  close(): Promise<void>;
}

const DAY = 86_400_000;
/** Verdicts that "as good as the others" counts as. */
const PSEUDO_COUNTS = 20;
/** One verdict on something rarely tried must not outweigh twenty others. */
const MOST_WEIGHT = 20;

/** How long verdicts that other processes were told stay unread, ms. */
const REREAD = 300_000;

/** Owners whose verdicts are held. */
const JUDGED_OWNERS = 10_000;

export interface StrategyLogOptions {
  readonly clock: Clock;
  /** The newest so many recalls are known in this process. */
  readonly maxEntries: number;
  readonly kept?: KeptLog | undefined;
  /** Told of a `kept` that fails where nobody waits for it. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** The newest recalls in memory; all of them in `kept`, where there is one. */
export class StrategyLog {
  readonly #options: StrategyLogOptions;
  readonly #entries = new Map<string, LoggedRecall>();
  /** By owner, so that the router need not read all. */
  readonly #judged = new LRUCache<string, Map<string, Judged>>({ max: JUDGED_OWNERS });
  /** By owner: when `kept` was last asked, on the monotonic clock. */
  readonly #read = new LRUCache<string, number>({ max: JUDGED_OWNERS });

  constructor(options: StrategyLogOptions) {
    this.#options = options;
  }

  add(record: RecallRecord): void {
    const entry = { ...record, outcome: undefined };
    this.#entries.set(record.id, entry);
    this.#options.kept?.put(entry);
    for (const id of this.#entries.keys()) {
      if (this.#entries.size <= this.#options.maxEntries) break;
      this.#forgetEntry(id);
    }
  }

  /**
   * `false` for a recall that is not known, or not known any more, or another owner's.
   * @throws what `kept` threw, asked for a recall of another process
   */
  async report(id: string, outcome: number, ownerId?: string): Promise<boolean> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return (await this.#options.kept?.report(id, outcome, ownerId)) ?? false;
    if (ownerId !== undefined && entry.ownerId !== ownerId) return false;
    const judged = { ...entry, outcome };
    this.#entries.set(id, judged);
    this.#judgedOf(entry.ownerId).set(id, judged);
    this.#options.kept?.put(judged);
    return true;
  }

  /** How well a strategy has served an owner, relative to the mean over all strategies: 1 without verdicts, 0.5 to 1.5. */
  standing(ownerId: string, strategy: Strategy): number {
    this.#reread(ownerId);
    const own = this.#judged.get(ownerId);
    if (own === undefined || own.size === 0) return 1;
    const all = { weight: 0, reward: 0 };
    const mine = { weight: 0, reward: 0 };
    for (const judged of own.values()) {
      const weight = Math.min(MOST_WEIGHT, 1 / Math.max(judged.propensity, 1e-3));
      for (const sum of judged.strategy === strategy ? [all, mine] : [all]) {
        sum.weight += weight;
        sum.reward += weight * judged.outcome;
      }
    }
    const mean = (all.reward + 0.5 * PSEUDO_COUNTS) / (all.weight + PSEUDO_COUNTS);
    const shrunk = (mine.reward + mean * PSEUDO_COUNTS) / (mine.weight + PSEUDO_COUNTS);
    return Math.min(1.5, Math.max(0.5, shrunk / mean));
  }

  /** @throws what `kept` threw */
  async stats({
    ownerId,
    days = 7,
  }: {
    readonly ownerId?: string | undefined;
    readonly days?: number | undefined;
  }): Promise<StrategyStats> {
    const { kept, clock } = this.#options;
    if (kept !== undefined) return kept.stats(ownerId, days);
    const since = clock.now() - days * DAY;
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

  async forget(ownerId: string): Promise<void> {
    for (const [id, entry] of this.#entries) if (entry.ownerId === ownerId) this.#forgetEntry(id);
    this.#judged.delete(ownerId);
    await this.#options.kept?.forget(ownerId);
  }

  async close(): Promise<void> {
    await this.#options.kept?.close();
  }

  /** Verdicts of earlier and of other processes, behind the recall that first wants them: they shift a choice a little, if at all. */
  #reread(ownerId: string): void {
    const { kept, clock, onError } = this.#options;
    const now = clock.monotonic();
    if (kept === undefined || now - (this.#read.get(ownerId) ?? -Infinity) < REREAD) return;
    this.#read.set(ownerId, now);
    kept.judged(ownerId).then(
      (verdicts) => {
        const own = this.#judgedOf(ownerId);
        for (const judged of verdicts) if (!this.#entries.has(judged.id)) own.set(judged.id, judged);
      },
      (error: unknown) => onError?.(error),
    );
  }

  #judgedOf(ownerId: string): Map<string, Judged> {
    const own = this.#judged.get(ownerId) ?? new Map<string, Judged>();
    this.#judged.set(ownerId, own);
    return own;
  }

  #forgetEntry(id: string): void {
    const entry = this.#entries.get(id);
    this.#entries.delete(id);
    if (entry !== undefined) this.#judged.get(entry.ownerId)?.delete(id);
  }
}

function useOf(strategy: Strategy, entries: readonly LoggedRecall[], all: number): StrategyUse {
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
