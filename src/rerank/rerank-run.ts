/** One reranking: from the documents that came in to every one's place, and why. Documents are read, never changed. */
import { Document, type DocumentInterface } from "@langchain/core/documents";
import { currentConfig } from "../cache/call-control.ts";
import { StrataConfigError } from "../core/errors.ts";
import { calibrated, scaleOf } from "./calibration.ts";
import { firstStageOf, type FirstStage } from "./first-stage.ts";
import { fuse, orderOf, type FusionMethod } from "./fusion.ts";
import { faultOf, type RerankFault } from "./provider-error.ts";
import { weightOf, type RerankSettings } from "./rerank-options.ts";
import { ALWAYS, type RerankDecision, type RerankSituation } from "./rerank-policy.ts";
import type { ChainOutcome, RerankerChain } from "./reranker-chain.ts";

/** Where a document ended. */
export type RerankVerdict = "kept" | "kept-minimum" | "below-threshold" | "beyond-top" | "beyond-candidates";

export interface PlacedDocument {
  readonly document: DocumentInterface;
  /** From 1. */
  readonly rank: number;
  readonly previousRank: number;
  readonly verdict: RerankVerdict;
  readonly firstScore: number | undefined;
  readonly rawScore: number | undefined;
  /** Calibrated. */
  readonly score: number | undefined;
  readonly fused: number | undefined;
}

export interface RerankRun {
  readonly query: string;
  readonly outcome: "reranked" | "skipped" | "failed";
  readonly decision: RerankDecision;
  readonly policy: string;
  readonly firstStage: FirstStage;
  readonly reranker: string | undefined;
  readonly scoreKind: string | undefined;
  readonly fusion: { readonly method: FusionMethod; readonly weight: number } | undefined;
  /** `undefined` when none was given, or when it does not fit the scores that were taken. */
  readonly threshold: number | undefined;
  readonly placed: readonly PlacedDocument[];
  readonly asked: number;
  readonly cached: number;
  readonly faults: readonly RerankFault[];
  readonly usage: ChainOutcome["usage"];
  readonly ms: number;
}

const NO_USAGE = { searches: 0, tokens: 0, cost: 0 };

export async function runRerank(
  settings: RerankSettings,
  chain: RerankerChain,
  query: string,
  documents: readonly DocumentInterface[],
  options: { readonly signal?: AbortSignal | undefined; readonly isRehearsal?: boolean | undefined },
): Promise<RerankRun> {
  acceptInput(query, documents);
  const { policy, candidates, clock } = settings;
  const start = clock.monotonic();
  const wrong: RerankFault[] = [];
  /** What a function of the user's throws costs what it was for, never the retrieval. */
  function safely<T>(what: string, work: () => T, otherwise: T): T {
    try {
      return work();
    } catch (error) {
      const fault = faultOf(what, error);
      wrong.push(fault);
      settings.emit?.({ type: "rerank.fault", ...fault });
      return otherwise;
    }
  }
  const stage = firstStageOf(settings.firstStage, documents, settings.scoreKey);
  const situation: RerankSituation = {
    ...{ query, candidates: documents.length, maxDepth: candidates, topK: settings.topK },
    tier: safely("tier", () => tierOf(settings), undefined),
    ...{ firstStage: stage.name, isLexical: stage.isLexical, firstScores: stage.scores },
  };
  const decided = safely("policy", () => decide(settings, situation, documents), ALWAYS.decide(situation));
  if (options.isRehearsal !== true && documents.length > 0) safely("policy", () => policy.observe?.(situation), undefined);
  const depth = depthOf(decided, Math.min(candidates, documents.length));
  const decision: RerankDecision = { ...decided, action: depth === 0 ? "skip" : decided.action, depth };
  const texts = documents.slice(0, depth).map(({ pageContent }) => pageContent);
  const { result, usage, ...ended } =
    decision.action === "skip"
      ? { result: undefined, faults: [], usage: NO_USAGE }
      : await chain.score(query, texts, options.signal);
  const faults = [...wrong, ...ended.faults];
  const outcome: RerankRun["outcome"] = decision.action === "skip" ? "skipped" : result === undefined ? "failed" : "reranked";
  const order = documents.map((_, index) => index);
  const run = {
    ...{ query, outcome, decision, policy: policy.name, firstStage: stage, faults, usage },
    ms: clock.monotonic() - start,
  };
  if (result === undefined) {
    const place = placer(settings, documents, stage, undefined);
    const none = { reranker: undefined, scoreKind: undefined, fusion: undefined, threshold: undefined, asked: 0, cached: 0 };
    return { ...run, ...none, placed: order.map((index, at) => place(index, at + 1, settings.topK)) };
  }
  const { reranker, scores, asked, cached } = result;
  const weight = weightOf(settings, reranker);
  const firstScores = stage.scores?.slice(0, depth);
  const isScaled = reranker.scoreKind !== "ordinal";
  const { method, fused } = fuse({ method: settings.method, weight, scores, firstScores, isScaled });
  const threshold = applies(settings, reranker.scoreKind) ? settings.threshold : undefined;
  const calibrate = settings.calibrate ?? ((raw: number) => calibrated(reranker.scoreKind, raw));
  const unknown = (): undefined => undefined;
  const levels = safely("calibrate", () => scores.map((raw) => calibrate(raw, reranker.name)), scores.map(unknown));
  const scored = scores.map((raw, index) => ({ raw, score: finite(levels[index]), fused: fused[index] as number }));
  const place = placer(settings, documents, stage, { scored, threshold });
  const placed = [...orderOf(fused), ...order.slice(depth)].map((index, at) => place(index, at + 1, settings.topK));
  return {
    ...{
      ...run,
      faults: [...wrong, ...ended.faults],
      reranker: reranker.name,
      scoreKind: reranker.scoreKind,
      fusion: { method, weight },
      threshold,
      asked,
      cached,
    },
    placed: inTurn(placed),
  };
}

/** Fresh documents for whoever asked, best first. A document that was reranked before bears the new places only. */
export function documentsOf({ placed, outcome, reranker }: RerankRun): Document[] {
  return placed
    .filter(({ verdict }) => verdict === "kept" || verdict === "kept-minimum")
    .map(({ document, ...place }) => {
      const { rank, previousRank, verdict, score, rawScore, fused, firstScore } = place;
      const rerank = {
        ...{ rank, previousRank, outcome, verdict },
        ...(score !== undefined && { score }),
        ...(rawScore !== undefined && { rawScore, fused, reranker }),
        ...(firstScore !== undefined && { firstScore }),
      };
      const { pageContent, metadata, id } = document;
      return new Document({ pageContent, metadata: { ...metadata, rerank }, ...(id !== undefined && { id }) });
    });
}

function decide({ policy }: RerankSettings, situation: RerankSituation, documents: readonly DocumentInterface[]): RerankDecision {
  if (situation.query.trim() === "") return { action: "skip", depth: 0, reason: "blank-query" };
  if (documents.length <= 1) return { action: "skip", depth: 0, reason: "too-few" };
  return policy.decide(situation);
}

/** A policy may be anyone's: what is no count is as deep as may be. */
function depthOf({ depth }: RerankDecision, most: number): number {
  return Number.isFinite(depth) ? Math.min(most, Math.max(0, Math.floor(depth))) : most;
}

function finite(value: number | undefined): number | undefined {
  return Number.isFinite(value) ? value : undefined;
}

interface Scored {
  readonly scored: readonly { readonly raw: number; readonly score: number | undefined; readonly fused: number }[];
  readonly threshold: number | undefined;
}

function placer(
  { candidates, minKept }: RerankSettings,
  documents: readonly DocumentInterface[],
  stage: FirstStage,
  known: Scored | undefined,
): (index: number, rank: number, topK: number) => PlacedDocument {
  let kept = 0;
  return (index, rank, topK) => {
    const scores = known?.scored[index];
    // A score that is not known is no low one; a document that no reranker looked at has none to show.
    const isBelow = known?.threshold !== undefined && (scores === undefined || (scores.score ?? Infinity) < known.threshold);
    let verdict: RerankVerdict = "kept";
    if (index >= candidates) verdict = "beyond-candidates";
    else if (kept >= topK) verdict = "beyond-top";
    else if (isBelow) verdict = kept < minKept ? "kept-minimum" : "below-threshold";
    if (verdict === "kept" || verdict === "kept-minimum") kept++;
    return {
      ...{ document: documents[index] as DocumentInterface, rank, previousRank: index + 1, verdict },
      firstScore: stage.rawScores?.[index],
      ...{ rawScore: scores?.raw, score: scores?.score, fused: scores?.fused },
    };
  };
}

/** What is given has the first places; the others follow in their order. */
function inTurn(placed: readonly PlacedDocument[]): PlacedDocument[] {
  const isGiven = ({ verdict }: PlacedDocument): boolean => verdict === "kept" || verdict === "kept-minimum";
  return [...placed.filter(isGiven), ...placed.filter((each) => !isGiven(each))].map((each, at) => ({ ...each, rank: at + 1 }));
}

/** A threshold belongs to the scale of the first reranker. */
function applies({ rerankers, calibrate }: RerankSettings, kind: RerankSettings["rerankers"][number]["scoreKind"]): boolean {
  if (calibrate !== undefined) return true;
  const [own, first] = [scaleOf(kind), scaleOf(rerankers[0]?.scoreKind ?? "ordinal")];
  return own !== undefined && first !== undefined && own[0] === first[0];
}

function acceptInput(query: unknown, documents: unknown): void {
  if (typeof query !== "string") throw new StrataConfigError("query", query, "a string");
  if (!Array.isArray(documents)) throw new StrataConfigError("documents", documents, "a list of documents");
  for (const document of documents as readonly unknown[]) {
    if (typeof (document as Partial<DocumentInterface> | null | undefined)?.pageContent !== "string") {
      throw new StrataConfigError("documents", document, "documents whose pageContent is a string");
    }
  }
}

function tierOf({ tier }: RerankSettings): string | undefined {
  if (typeof tier === "string") return tier;
  const config = currentConfig();
  if (tier !== undefined) return tier(config);
  const strata = config?.configurable?.["strata"] as { tier?: unknown } | undefined;
  return typeof strata?.tier === "string" ? strata.tier : undefined;
}
