/**
 * Rerankers in order, until one gives scores. Each is behind a guard of its own (retry, breaker), and has an equal share of the time
 * that is left, so that the first one cannot take it all by hanging.
 */
import { waitOrAbort } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import { StrataError } from "../core/errors.ts";
import type { Emit } from "../core/events.ts";
import { Guard } from "../core/guard.ts";
import { acceptAnswer, type Scores } from "./accepted-call.ts";
import { askedMs, faultOf, isFatal, isWorthRetry, type RerankFault } from "./provider-error.ts";
import type { Reranker, RerankUsage, UsageSum } from "./reranker.ts";
import type { ScoreCache } from "./score-cache.ts";

export interface ChainOptions {
  readonly rerankers: readonly Reranker[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly emit: Emit;
  readonly retries: number;
  readonly deadlineMs: number;
  readonly cache: ScoreCache | undefined;
}

export interface ChainScores {
  readonly reranker: Reranker;
  readonly scores: Scores;
  /** Texts that a reranker was asked for, and texts whose scores were kept from before; of distinct texts. */
  readonly asked: number;
  readonly cached: number;
}

export interface ChainOutcome {
  /** `undefined` when none gave scores. */
  readonly result: ChainScores | undefined;
  readonly faults: readonly RerankFault[];
  readonly usage: UsageSum;
}

const RETRY_BASE_MS = 250;
/** The deadline of a try comes first, so that a reranker that hangs is told from a caller who left. */
const GRACE_MS = 5;

export class RerankerChain {
  readonly #options: ChainOptions;
  readonly #guards: readonly Guard[];

  constructor(options: ChainOptions) {
    this.#options = options;
    const { clock, random, emit, retries, deadlineMs } = options;
    this.#guards = options.rerankers.map(({ name }) => {
      const retry = { retries, baseMs: RETRY_BASE_MS, maxMs: deadlineMs, worthIt: isWorthRetry, askedMs };
      const onBreaker = (state: "open" | "closed"): void => emit?.({ type: "rerank.state", reranker: name, state });
      const breaker = { failures: 3, pauseMs: 1_000, maxPauseMs: 30_000 };
      return new Guard({ name: `The reranker ${name}`, clock, random, retry, breaker, onBreaker, fatal: isFatal });
    });
  }

  /** Never rejects but with the reason of the caller's signal. */
  async score(query: string, texts: readonly string[], signal: AbortSignal | undefined): Promise<ChainOutcome> {
    const { rerankers, clock, deadlineMs, emit } = this.#options;
    const until = clock.monotonic() + deadlineMs;
    const faults: RerankFault[] = [];
    const usage = { searches: 0, tokens: 0, cost: 0 };
    const onUsage = ({ searches = 0, tokens = 0, cost = 0 }: RerankUsage): void => {
      usage.searches += searches;
      usage.tokens += tokens;
      usage.cost += cost;
    };
    for (const [index, reranker] of rerankers.entries()) {
      signal?.throwIfAborted();
      const left = until - clock.monotonic();
      if (left <= 0) break;
      try {
        const shareMs = left / (rerankers.length - index);
        const result = await this.#ask({ reranker, guard: this.#guards[index] as Guard, query, texts, signal, shareMs, onUsage });
        return { result, faults, usage };
      } catch (error) {
        if (signal?.aborted === true) throw signal.reason;
        const fault = faultOf(reranker.name, error);
        faults.push(fault);
        emit?.({ type: "rerank.fault", ...fault });
      }
    }
    return { result: undefined, faults, usage };
  }

  async close(): Promise<void> {
    await this.#options.cache?.close();
  }

  async #ask({ reranker, guard, query, texts, signal, shareMs, onUsage }: Ask): Promise<ChainScores> {
    const { clock, cache } = this.#options;
    const distinct = [...new Set(texts)];
    const keys = (await cache?.keys(reranker, query, distinct)) ?? [];
    const known = (cache && (await waitOrAbort(cache.get(keys), signal))) ?? [];
    const missing = distinct.flatMap((_, index) => (known[index] === undefined ? [index] : []));
    if (missing.length > 0) {
      const wanted = missing.map((index) => distinct[index] as string);
      const ending = new AbortController();
      const cancel = clock.setTimer(shareMs + GRACE_MS, () =>
        ending.abort(
          new StrataError("TIMEOUT", `The reranker ${reranker.name} did not answer within ${Math.round(shareMs)} ms.`),
        ),
      );
      const start = clock.monotonic();
      try {
        const either = signal === undefined ? ending.signal : AbortSignal.any([signal, ending.signal]);
        const scores = await guard.run(
          async (call) => acceptAnswer(reranker, wanted, await reranker.rerank(query, [...wanted], { ...call, onUsage })),
          { signal: either, deadlineMs: shareMs },
        );
        const costMs = (clock.monotonic() - start) / missing.length;
        for (const [at, index] of missing.entries()) {
          const score = scores[at] as number;
          known[index] = score;
          cache?.set(keys[index] as string, score, costMs);
        }
      } finally {
        cancel();
        // What is still under way for nobody is ended, requests included.
        ending.abort();
      }
    }
    const byText = new Map(distinct.map((text, index) => [text, known[index] as number]));
    return {
      reranker,
      scores: texts.map((text) => byText.get(text) as number),
      asked: missing.length,
      cached: distinct.length - missing.length,
    };
  }
}

interface Ask {
  readonly reranker: Reranker;
  readonly guard: Guard;
  readonly query: string;
  readonly texts: readonly string[];
  readonly signal: AbortSignal | undefined;
  readonly shareMs: number;
  readonly onUsage: (usage: RerankUsage) => void;
}
