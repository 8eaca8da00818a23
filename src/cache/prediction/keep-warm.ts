/** Answers that will be asked for are made anew before they run out, within a budget: nobody waits for a model because a clock struck. */
import { isPromise } from "../../core/abort.ts";
import type { Clock } from "../../core/clock.ts";
import { StrataConfigError } from "../../core/errors.ts";
import {
  parseClock,
  parseCount,
  parseDuration,
  parseFunction,
  parseNumber,
  refuseUnknown,
  type Duration,
} from "../../core/options.ts";
import type { TieredCache } from "../tiered-cache.ts";
import type { WarmOptions, WarmReport } from "../warm.ts";
import { PopularQuestions } from "./popular-questions.ts";

export interface WarmPopularOptions {
  /** The cache whose answers are renewed. */
  readonly cache: TieredCache;
  /** What is asked. */
  readonly popular: PopularQuestions;
  /** What the questions are put to, as in `cache.warm`. Without `popular.callback()`, or its own warming would make a question popular. */
  readonly model: WarmOptions["model"];
  /** Questions asked in one round at most: the budget. Default 20. */
  readonly budget?: number | undefined;
  /** Answers that run out within this are renewed; default `"5m"`. */
  readonly ahead?: Duration | undefined;
  /** Weight from which a question is worth it; default 2: asked twice lately. */
  readonly minWeight?: number | undefined;
  /** Questions under way at the same time; default 2, so that people's own come first. */
  readonly concurrency?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface KeepWarmOptions extends WarmPopularOptions {
  /** Whether what is popular is kept in the tiers of the cache: read at the start, written after each round and at the end. Default `false`. */
  readonly keep?: boolean | undefined;
  /** Time between rounds; default half of `ahead`. */
  readonly every?: Duration | undefined;
  /** Told after each round that asked something. What it throws or rejects with is let go: the rounds go on, and nothing waits for it. */
  readonly onRound?: ((report: WarmReport) => void) | undefined;
  /** For tests; default the machine's. */
  readonly clock?: Clock | undefined;
}

const OPTIONS = ["cache", "popular", "model", "budget", "ahead", "minWeight", "concurrency", "signal"];

/**
 * One round: the most popular questions whose answers are about to run out, or have, are asked anew.
 * @throws {@link StrataConfigError} naming the option
 */
export async function warmPopular(options: WarmPopularOptions): Promise<WarmReport> {
  refuseUnknown("warmPopular", options, OPTIONS);
  const { cache, popular, model, concurrency = 2, signal } = options;
  if (!(popular instanceof PopularQuestions)) throw new StrataConfigError("warmPopular.popular", popular, "a PopularQuestions");
  const budget = parseCount("warmPopular.budget", options.budget ?? 20);
  const aheadMs = parseDuration("warmPopular.ahead", options.ahead ?? "5m");
  const minWeight = parseNumber("warmPopular.minWeight", options.minWeight ?? 2, 0, Number.MAX_VALUE);
  const due = popular
    .top(MOST_LOOKED_AT)
    .filter(({ weight, expiresInMs }) => weight >= minWeight && expiresInMs !== undefined && expiresInMs <= aheadMs)
    .slice(0, budget)
    .map(({ question }) => question);
  const report = await cache.warm(due, { model, concurrency, refresh: true, ...(signal !== undefined && { signal }) });
  const failed = new Set(report.failed.map(({ query }) => query));
  if (!report.stopped) for (const question of due) if (!failed.has(question)) popular.renewed(question);
  return report;
}

/** More than anybody's budget, less than would be felt. */
const MOST_LOOKED_AT = 10_000;

/**
 * Rounds of {@link warmPopular} until it is closed. A round that fails is followed by the next one; its timer does not keep the process
 * alive.
 * @throws {@link StrataConfigError} naming the option
 */
export function keepWarm(options: KeepWarmOptions): { close(): Promise<void> } {
  const { every, onRound, keep = false, clock: givenClock, signal: givenSignal, ...round } = options;
  refuseUnknown("keepWarm", options, [...OPTIONS, "every", "keep", "onRound", "clock"]);
  if (typeof keep !== "boolean") throw new StrataConfigError("keepWarm.keep", keep, "true or false");
  const clock = parseClock(givenClock);
  const tell = letGo(parseFunction("keepWarm.onRound", onRound));
  const pauseMs =
    every === undefined ? parseDuration("keepWarm.ahead", round.ahead ?? "5m") / 2 : parseDuration("keepWarm.every", every);
  const closing = new AbortController();
  const signal = givenSignal === undefined ? closing.signal : AbortSignal.any([givenSignal, closing.signal]);
  // What cannot be read or written is not kept: the rounds go on with what this process sees.
  let underWay: Promise<void> = keep ? round.popular.load().then(noMatter, noMatter) : Promise.resolve();
  let cancel: () => void = () => undefined;

  function next(): void {
    if (signal.aborted) return;
    cancel = clock.setTimer(
      pauseMs,
      () => {
        underWay = warmPopular({ ...round, signal }).then(
          (report) => {
            if (report.done > 0) tell(report);
          },
          () => undefined,
        );
        if (keep) underWay = underWay.then(() => round.popular.save()).catch(noMatter);
        void underWay.finally(next);
      },
      { background: true },
    );
  }
  next();
  return {
    async close() {
      closing.abort(new Error("keepWarm was closed"));
      cancel();
      await underWay;
      if (keep) await round.popular.save().catch(noMatter);
    },
  };
}

function noMatter(): void {}

/** A user's function that can break nothing. One that is `async` is accepted too; unhandled, its rejection would end the process. */
function letGo(tell: KeepWarmOptions["onRound"]): (report: WarmReport) => void {
  return (report) => {
    try {
      const outcome: unknown = tell?.(report);
      if (isPromise(outcome)) outcome.then(noMatter, noMatter);
    } catch {
      // Theirs: the next round is due all the same.
    }
  };
}
