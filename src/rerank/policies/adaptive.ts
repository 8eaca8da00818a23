/**
 * Reranks the queries that the retriever itself was least sure of: those whose best score lies low among the best scores that this
 * retriever gave before. A fixed threshold cannot do it, because every retriever has a scale of its own (7 to 27, 100 to 114 and 0.75
 * to 0.94 were seen), and some give distances.
 *
 * Measured on TREC DL19 and DL20 with four first stages: this quantile kept nearly all of the gain with half of the calls on dense
 * retrievers, while rules on the length of the query, on keywords, and on the margin between the first scores were worse than chance.
 * Depth is the other saving: after a dense retriever 20 documents do as well as 100; after a search by words depth pays, and
 * skipping never does.
 */
import { systemClock, type Clock } from "../../core/clock.ts";
import { StrataConfigError } from "../../core/errors.ts";
import { parseCount, parseNumber, refuseUnknown } from "../../core/options.ts";
import type { RerankDecision, RerankPolicy, RerankReason, RerankSituation } from "../rerank-policy.ts";

export interface AdaptivePolicyOptions {
  /** Share of the queries that is reranked, 0 to 1, those with the lowest best scores; default 0.5. */
  readonly share?: number | undefined;
  /** The share by the tier of the user, such as `{ free: 0.3, pro: 0.6, enterprise: 1 }`; default `share` for all. */
  readonly tiers?: Readonly<Record<string, number>> | undefined;
  /** Queries of a retriever before any is skipped; default 50. Until then all are reranked. */
  readonly minHistory?: number | undefined;
  /** Share of the decisions that is turned round, so that what is learned stays true; default 0.05. */
  readonly explore?: number | undefined;
  /** Documents to look at, by the name of the retriever; default 20, and as many as there may be after a search by words. */
  readonly depth?: number | Readonly<Record<string, number>> | undefined;
  /** Reranked queries a minute at most; default no bound. */
  readonly maxPerMinute?: number | undefined;
  /** Asked first, in order; the first that answers decides. Default none: rules on words or length did worse than chance. */
  readonly rules?: readonly RerankRule[] | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: (() => number) | undefined;
}

export type RerankRule = (situation: RerankSituation) => "rerank" | "skip" | undefined;

export interface AdaptivePolicy extends RerankPolicy {
  /** What was learned: the latest best scores by the name of the retriever; plain JSON, for `restore`. */
  snapshot(): Record<string, number[]>;
  /** Takes up what another process learned. */
  restore(history: Readonly<Record<string, readonly number[]>>): void;
}

const MIN_HISTORY = 50;
const SHARE = 0.5;
const EXPLORE = 0.05;
const DENSE_DEPTH = 20;
/** The latest best scores of a retriever that count, so that it may change over time. */
const MAX_HISTORY = 1_000;
/** Retrievers that are told apart; of more, the one longest not asked is forgotten. */
const MAX_STAGES = 100;
const MINUTE = 60_000;
const OPTIONS = ["share", "tiers", "minHistory", "explore", "depth", "maxPerMinute", "rules", "clock", "random"] as const;

/** @throws {@link StrataConfigError} naming the option */
export function adaptivePolicy(options: AdaptivePolicyOptions = {}): AdaptivePolicy {
  refuseUnknown("adaptivePolicy", options, OPTIONS);
  const { clock = systemClock, random = Math.random, rules = [] } = options;
  const share = parseNumber("adaptivePolicy.share", options.share ?? SHARE, 0, 1);
  const tiers = new Map(
    Object.entries(options.tiers ?? {}).map(([tier, value]) => [tier, parseNumber(`adaptivePolicy.tiers.${tier}`, value, 0, 1)]),
  );
  const minHistory = parseCount("adaptivePolicy.minHistory", options.minHistory ?? MIN_HISTORY, 1);
  const explore = parseNumber("adaptivePolicy.explore", options.explore ?? EXPLORE, 0, 1);
  const maxPerMinute =
    options.maxPerMinute === undefined ? Infinity : parseCount("adaptivePolicy.maxPerMinute", options.maxPerMinute);
  const depthOf = parseDepth(options.depth);
  const stages = new Map<string, number[]>();
  let [tokens, filledAt] = [maxPerMinute, clock.monotonic()];

  /** A bucket that fills evenly and holds a minute's worth. */
  function isAffordable(): boolean {
    if (maxPerMinute === Infinity) return true;
    const now = clock.monotonic();
    tokens = Math.min(maxPerMinute, tokens + ((now - filledAt) / MINUTE) * maxPerMinute);
    filledAt = now;
    return tokens >= 1;
  }

  function judge(situation: RerankSituation): { action: "rerank" | "skip"; reason: RerankReason; quantile?: number } {
    for (const rule of rules) {
      const said = rule(situation);
      if (said !== undefined) return { action: said, reason: "rule" };
    }
    if (situation.isLexical) return { action: "rerank", reason: "lexical" };
    const best = bestOf(situation);
    if (best === undefined) return { action: "rerank", reason: "no-scores" };
    const history = stages.get(situation.firstStage) ?? [];
    if (history.length < minHistory) return { action: "rerank", reason: "uncalibrated" };
    const quantile = history.filter((earlier) => earlier < best).length / history.length;
    const wanted = (situation.tier === undefined ? undefined : tiers.get(situation.tier)) ?? share;
    // All and nothing are meant so: nothing is learned by going against them.
    if (wanted === 1 || wanted === 0)
      return { action: wanted === 1 ? "rerank" : "skip", reason: wanted === 1 ? "always" : "rule", quantile };
    const isUncertain = quantile < wanted;
    if (random() < explore) return { action: isUncertain ? "skip" : "rerank", reason: "explored", quantile };
    return { action: isUncertain ? "rerank" : "skip", reason: isUncertain ? "uncertain" : "confident", quantile };
  }

  return {
    name: "adaptive",
    decide(situation): RerankDecision {
      const depth = Math.min(situation.maxDepth, depthOf(situation));
      const { action, reason, quantile } = judge(situation);
      if (action === "rerank" && !isAffordable()) return { action: "skip", depth: 0, reason: "budget", quantile };
      if (action === "rerank") tokens--;
      return { action, depth: action === "rerank" ? depth : 0, reason, quantile };
    },
    observe(situation) {
      const best = bestOf(situation);
      if (best === undefined || situation.isLexical) return;
      const history = stages.get(situation.firstStage) ?? [];
      history.push(best);
      if (history.length > MAX_HISTORY) history.shift();
      stages.delete(situation.firstStage);
      stages.set(situation.firstStage, history);
      const [oldest] = stages.keys();
      if (stages.size > MAX_STAGES && oldest !== undefined) stages.delete(oldest);
    },
    snapshot: () => Object.fromEntries([...stages].map(([stage, history]) => [stage, [...history]])),
    restore(histories) {
      for (const [stage, history] of Object.entries(histories)) {
        if (!Array.isArray(history) || !history.every(Number.isFinite)) {
          throw new StrataConfigError(`adaptivePolicy.restore.${stage}`, history, "a list of finite numbers");
        }
        stages.set(stage, history.slice(-MAX_HISTORY) as number[]);
      }
    },
  };
}

function bestOf({ firstScores }: RerankSituation): number | undefined {
  return firstScores === undefined || firstScores.length === 0 ? undefined : Math.max(...firstScores);
}

function parseDepth(depth: AdaptivePolicyOptions["depth"]): (situation: RerankSituation) => number {
  if (typeof depth === "number") {
    parseCount("adaptivePolicy.depth", depth);
    return () => depth;
  }
  const byStage = new Map(
    Object.entries(depth ?? {}).map(([stage, value]) => [stage, parseCount(`adaptivePolicy.depth.${stage}`, value)]),
  );
  return ({ firstStage, isLexical, maxDepth, topK }) =>
    byStage.get(firstStage) ?? (isLexical ? maxDepth : Math.max(DENSE_DEPTH, topK * 2));
}
