import type { RunnableConfig } from "@langchain/core/runnables";
import type { Clock } from "../core/clock.ts";
import { StrataConfigError } from "../core/errors.ts";
import { guardObserver, type Emit, type Observer } from "../core/events.ts";
import {
  parseChoice,
  parseClock,
  parseCount,
  parseDuration,
  parseFunction,
  parseNumber,
  refuseUnknown,
  type Duration,
} from "../core/options.ts";
import { scaleOf, type Calibrate } from "./calibration.ts";
import { isLexicalName } from "./first-stage.ts";
import type { FusionMethod } from "./fusion.ts";
import { adaptivePolicy, type AdaptivePolicyOptions } from "./policies/adaptive.ts";
import { ALWAYS, type RerankPolicy } from "./rerank-policy.ts";
import type { Reranker } from "./reranker.ts";
import { ScoreCache, type ScoreCacheOptions } from "./score-cache.ts";

export interface RerankCompressorOptions {
  /** What reranks; of several the next is asked when one fails. When all fail the incoming order stays. Closed by `close()`. */
  readonly reranker: Reranker | readonly Reranker[];
  /** Documents that are looked at, from the first on; default 50. */
  readonly candidates?: number | undefined;
  /** Documents that are given; default 10. */
  readonly topK?: number | undefined;
  /**
   * Least calibrated score of a document that is given; default none. Logits are calibrated to probabilities, similarities stay as they
   * are; refused for rerankers whose scores are an order only. It is not applied to a fallback whose scores are of another scale.
   */
  readonly threshold?: number | undefined;
  /** Documents that are given whatever the threshold says; default 3. */
  readonly minKept?: number | undefined;
  /** Whether a query is worth its reranking; default `"always"`. `"adaptive"` is `adaptivePolicy()`; an object its options, or a policy. */
  readonly policy?: "always" | "adaptive" | AdaptivePolicyOptions | RerankPolicy | undefined;
  /**
   * How the reranker's order and the incoming one become one. `method`: `"rrf"` (default), `"score"`, `"none"`. `weight` of the reranker,
   * 0 to 1: default what the reranker says of itself; else 0.75, and 1 after a search by words.
   */
  readonly fusion?: { readonly method?: FusionMethod | undefined; readonly weight?: number | undefined } | undefined;
  /** Names the retriever; what is learned belongs to it. A name with `bm25`, `lexical`, `keyword` or `fulltext` is a search by words. */
  readonly firstStage?: string | undefined;
  /** Where the documents bear the first stage's score, in their metadata; default `"score"`. Distances are recognised by the order. */
  readonly scoreKey?: string | undefined;
  /** Of the whole call, all rerankers and tries; default `"5s"`. Then the incoming order is given. */
  readonly deadline?: Duration | undefined;
  /** Further tries of a reranker that failed; default 2. A refusal (HTTP 4xx but 408, 409, 429) is not tried again. */
  readonly retries?: number | undefined;
  /** Keeps scores; default `true`, in memory. */
  readonly scoreCache?: boolean | ScoreCacheOptions | undefined;
  /**
   * From a raw score to a calibrated one, in place of the built-in; `calibrateFromLabels` makes one. Where it gives no finite number the
   * threshold is not applied.
   */
  readonly calibrate?: Calibrate | undefined;
  /** The user's tier, for the policy; default `configurable.strata.tier` of the runnable. */
  readonly tier?: string | ((config: RunnableConfig | undefined) => string | undefined) | undefined;
  readonly observer?: Observer | undefined;
  readonly clock?: Clock | undefined;
  /** From 0 to 1; default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

export interface RerankSettings {
  readonly rerankers: readonly Reranker[];
  readonly candidates: number;
  readonly topK: number;
  readonly threshold: number | undefined;
  readonly minKept: number;
  readonly policy: RerankPolicy;
  readonly method: FusionMethod;
  /** As asked for. */
  readonly weight: number | undefined;
  readonly firstStage: string;
  readonly scoreKey: string;
  readonly deadlineMs: number;
  readonly retries: number;
  readonly cache: ScoreCache | undefined;
  readonly calibrate: Calibrate | undefined;
  readonly tier: RerankCompressorOptions["tier"];
  readonly emit: Emit;
  readonly clock: Clock;
  readonly random: () => number;
}

const OPTIONS = [
  ...[
    "reranker",
    "candidates",
    "topK",
    "threshold",
    "minKept",
    "policy",
    "fusion",
    "firstStage",
    "scoreKey",
    "deadline",
    "retries",
  ],
  ...["scoreCache", "calibrate", "tier", "observer", "clock", "random"],
];
const WEIGHT = 0.75;

/** @throws {@link StrataConfigError} naming the option, the value and what is accepted */
export function parseRerankOptions(options: RerankCompressorOptions): RerankSettings {
  refuseUnknown("RerankCompressor", options, OPTIONS);
  const rerankers = parseRerankers(options.reranker);
  const clock = parseClock(options.clock);
  const random = parseFunction("random", options.random) ?? Math.random;
  const emit = guardObserver(parseFunction("observer", options.observer));
  const calibrate = parseFunction("calibrate", options.calibrate);
  const { fusion = {}, scoreCache = true } = options;
  refuseUnknown("fusion", fusion, ["method", "weight"]);
  const candidates = parseCount("candidates", options.candidates ?? 50);
  const weight = fusion.weight === undefined ? undefined : parseNumber("fusion.weight", fusion.weight, 0, 1);
  return {
    rerankers,
    candidates,
    topK: parseCount("topK", options.topK ?? 10),
    threshold: parseThreshold(options.threshold, rerankers, calibrate),
    minKept: parseCount("minKept", options.minKept ?? 3, 0),
    policy: parsePolicy(options.policy, clock, random),
    method: parseChoice("fusion.method", fusion.method ?? "rrf", ["rrf", "score", "none"]),
    weight,
    firstStage: parseName("firstStage", options.firstStage ?? "retriever"),
    scoreKey: parseName("scoreKey", options.scoreKey ?? "score"),
    deadlineMs: parseDuration("deadline", options.deadline ?? "5s"),
    retries: parseCount("retries", options.retries ?? 2, 0),
    cache: scoreCache === false ? undefined : new ScoreCache(scoreCache === true ? {} : scoreCache, { clock, random, emit }),
    calibrate,
    tier: options.tier,
    ...{ emit, clock, random },
  };
}

/** The weight of a reranker in the fused order. */
export function weightOf({ weight, firstStage }: RerankSettings, reranker: Reranker): number {
  return weight ?? reranker.weight ?? (isLexicalName(firstStage) ? 1 : WEIGHT);
}

function parseRerankers(given: unknown): readonly Reranker[] {
  const list = (Array.isArray(given) ? given : [given]) as readonly Partial<Reranker>[];
  if (list.length === 0) throw new StrataConfigError("reranker", given, "a reranker, or a list of at least one");
  const names = new Set<unknown>();
  for (const each of list) {
    if (typeof each !== "object" || each === null || typeof each.rerank !== "function" || typeof each.name !== "string") {
      throw new StrataConfigError("reranker", each, "an object with name, scoreKind and rerank()");
    }
    parseChoice("reranker.scoreKind", each.scoreKind, ["logit", "probability", "similarity", "ordinal"]);
    if (names.has(each.name))
      throw new StrataConfigError("reranker.name", each.name, "a name that no other reranker of the list has");
    names.add(each.name);
  }
  return list as readonly Reranker[];
}

function parseThreshold(threshold: unknown, [first]: readonly Reranker[], calibrate: Calibrate | undefined): number | undefined {
  if (threshold === undefined || first === undefined) return undefined;
  const scale = calibrate === undefined ? scaleOf(first.scoreKind) : ([-Infinity, Infinity] as const);
  if (scale === undefined) {
    throw new StrataConfigError(
      "threshold",
      threshold,
      `none: the scores of ${first.name} are an order only, unless \`calibrate\` is given`,
    );
  }
  return parseNumber("threshold", threshold, ...scale);
}

function parsePolicy(policy: RerankCompressorOptions["policy"], clock: Clock, random: () => number): RerankPolicy {
  if (policy === undefined || policy === "always") return ALWAYS;
  if (policy === "adaptive") return adaptivePolicy({ clock, random });
  if (typeof policy !== "object" || policy === null)
    throw new StrataConfigError("policy", policy, '"always", "adaptive" or an object');
  if ("decide" in policy) return policy;
  return adaptivePolicy({ clock, random, ...policy });
}

function parseName(option: string, name: unknown): string {
  if (typeof name !== "string" || name.trim() === "") throw new StrataConfigError(option, name, "a text that is not empty");
  return name;
}
