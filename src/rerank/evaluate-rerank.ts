/** Reranking against labels: what it gains, how sure that is, whom it hurts, and whether the policy is better than chance. */
import type { DocumentInterface } from "@langchain/core/documents";
import { StrataConfigError } from "../core/errors.ts";
import { parseCount, refuseUnknown } from "../core/options.ts";
import { mean, metricsOf, type RankingMetrics } from "./evaluation/metrics.ts";
import { bootstrap, chanceOf, type Interval } from "./evaluation/resampling.ts";
import type { RerankCompressor } from "./rerank-compressor.ts";
import type { RerankReport } from "./rerank-report.ts";

export interface RerankCase {
  readonly query: string;
  /** As the first stage found them, in its order. */
  readonly documents: readonly DocumentInterface[];
  /** Grade by document; above 0 is relevant. Documents that are not named are taken for not relevant. */
  readonly grades: Readonly<Record<string, number>>;
}

export interface EvaluateRerankOptions {
  readonly compressor: RerankCompressor;
  readonly cases: readonly RerankCase[];
  /** Documents that count; default 10. */
  readonly k?: number | undefined;
  /** Names a document as `grades` does; default its `id`, else `metadata.id`. */
  readonly idOf?: ((document: DocumentInterface) => string) | undefined;
  /** Drawings for intervals and chances; default 2,000. */
  readonly resamples?: number | undefined;
  /** From 0 to 1; default `Math.random`. */
  readonly random?: (() => number) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface RerankEvaluation {
  readonly k: number;
  readonly queries: number;
  readonly before: RankingMetrics;
  /** What the compressor gives, its policy included. */
  readonly after: RankingMetrics;
  /** The candidates in the best order there is: what is left to gain. */
  readonly oracle: RankingMetrics;
  /** After less before, with bounds of 95 %. */
  readonly gain: Readonly<Record<keyof RankingMetrics, Interval>>;
  /** Queries whose nDCG rose, fell, stayed. */
  readonly helped: number;
  readonly hurt: number;
  readonly same: number;
  /** Share of the documents among the first k that bear a grade, after: the rest counts as not relevant, rightly or not. */
  readonly judged: number;
  readonly policy: PolicyEvaluation;
  readonly perQuery: readonly QueryEvaluation[];
}

export interface PolicyEvaluation {
  /** Share of the queries that were reranked. */
  readonly rerankRate: number;
  /** Documents that were scored, of those that reranking every query would score. */
  readonly scoredShare: number;
  /** nDCG when every query is reranked. */
  readonly always: number;
  /** Share of the gain of reranking every query; not finite when that gains nothing. */
  readonly gainKept: number;
  /** The same for as many queries chosen at random, on average, and for the best choice there is. */
  readonly randomGainKept: number;
  readonly oracleGainKept: number;
  /** How often a random choice of as many queries does at least as well: small is good. */
  readonly chance: number;
}

export interface QueryEvaluation {
  readonly query: string;
  readonly before: number;
  readonly after: number;
  readonly oracle: number;
  readonly outcome: RerankReport["outcome"];
  readonly reason: string;
}

const METRICS = ["ndcg", "mrr", "precision", "recall"] as const;
const OPTIONS = ["compressor", "cases", "k", "idOf", "resamples", "random", "signal"];

interface Measured {
  readonly before: RankingMetrics;
  readonly after: RankingMetrics;
  readonly always: RankingMetrics;
  readonly oracle: RankingMetrics;
  readonly report: RerankReport;
  readonly alwaysDepth: number;
  readonly judged: number;
}

/**
 * Runs every case through the compressor, twice: as its policy decides, and reranked whatever it says. Nothing of it is counted or
 * learned by the compressor.
 * @throws {@link StrataConfigError} naming the option; the reason of the signal
 */
export async function evaluateRerank(options: EvaluateRerankOptions): Promise<RerankEvaluation> {
  refuseUnknown("evaluateRerank", options, OPTIONS);
  const { cases, random = Math.random } = options;
  if (!Array.isArray(cases) || cases.length === 0) throw new StrataConfigError("cases", cases, "a list of at least one case");
  const k = parseCount("k", options.k ?? 10);
  const resamples = parseCount("resamples", options.resamples ?? 2_000);
  const measured: Measured[] = [];
  for (const each of cases as readonly RerankCase[]) measured.push(await measure(each, k, options));
  const means = (of: "before" | "after" | "oracle"): RankingMetrics => ({
    ndcg: mean(measured.map((each) => each[of].ndcg)),
    mrr: mean(measured.map((each) => each[of].mrr)),
    precision: mean(measured.map((each) => each[of].precision)),
    recall: mean(measured.map((each) => each[of].recall)),
  });
  const gains = (metric: keyof RankingMetrics): number[] => measured.map(({ before, after }) => after[metric] - before[metric]);
  const intervals = METRICS.map((metric) => [metric, bootstrap(gains(metric), resamples, random)] as const);
  const moved = gains("ndcg");
  return {
    ...{ k, queries: measured.length, before: means("before"), after: means("after"), oracle: means("oracle") },
    gain: Object.fromEntries(intervals) as RerankEvaluation["gain"],
    helped: moved.filter((gain) => gain > SAME).length,
    hurt: moved.filter((gain) => gain < -SAME).length,
    same: moved.filter((gain) => Math.abs(gain) <= SAME).length,
    judged: mean(measured.map(({ judged }) => judged)),
    policy: policyOf(measured, resamples, random),
    perQuery: measured.map(({ before, after, oracle, report }) => ({
      ...{ query: report.query, before: before.ndcg, after: after.ndcg, oracle: oracle.ndcg },
      ...{ outcome: report.outcome, reason: report.reason },
    })),
  };
}

/** Below the rounding of sums. */
const SAME = 1e-9;

async function measure(
  each: RerankCase,
  k: number,
  { compressor, idOf = idOfDocument, signal }: EvaluateRerankOptions,
): Promise<Measured> {
  const { query, documents } = each;
  const grades = new Map(Object.entries(each.grades));
  const ids = documents.map(idOf);
  const given = ({ rows }: RerankReport): string[] =>
    rows.filter(({ verdict }) => verdict.startsWith("kept")).map(({ previousRank }) => ids[previousRank - 1] as string);
  const report = await compressor.explain(query, documents, { signal });
  const always = await compressor.explain(query, documents, { signal, always: true });
  const best = ids.toSorted((a, b) => (grades.get(b) ?? 0) - (grades.get(a) ?? 0));
  const top = given(report).slice(0, k);
  return {
    before: metricsOf(ids, grades, k),
    after: metricsOf(given(report), grades, k),
    always: metricsOf(given(always), grades, k),
    oracle: metricsOf(best, grades, k),
    ...{ report, alwaysDepth: always.depth },
    judged: top.length === 0 ? 1 : top.filter((id) => grades.has(id)).length / top.length,
  };
}

function policyOf(measured: readonly Measured[], resamples: number, random: () => number): PolicyEvaluation {
  const isReranked = ({ report }: Measured): boolean => report.outcome === "reranked";
  const count = measured.filter(isReranked).length;
  // Each query as the policy would rerank it, where it did: its depth is part of what is judged; as always elsewhere.
  const gains = measured.map((each) => (isReranked(each) ? each.after : each.always).ndcg - each.before.ndcg);
  const kept = gains.reduce((sum, gain, index) => (isReranked(measured[index] as Measured) ? sum + gain : sum), 0);
  const all = measured.reduce((sum, { always, before }) => sum + always.ndcg - before.ndcg, 0);
  const best = gains
    .toSorted((a, b) => b - a)
    .slice(0, count)
    .reduce((sum, gain) => sum + gain, 0);
  const scored = measured.reduce((sum, { report }) => sum + report.depth, 0);
  return {
    rerankRate: count / measured.length,
    scoredShare:
      scored /
      Math.max(
        1,
        measured.reduce((sum, { alwaysDepth }) => sum + alwaysDepth, 0),
      ),
    always: mean(measured.map(({ always }) => always.ndcg)),
    gainKept: kept / all,
    randomGainKept: ((count / measured.length) * gains.reduce((sum, gain) => sum + gain, 0)) / all,
    oracleGainKept: best / all,
    chance: chanceOf(kept, gains, count, resamples, random),
  };
}

function idOfDocument({ id, metadata }: DocumentInterface): string {
  const name = id ?? (metadata as Record<string, unknown> | undefined)?.["id"];
  if (typeof name === "string") return name;
  throw new StrataConfigError("idOf", undefined, "a function, where documents have no `id`");
}
