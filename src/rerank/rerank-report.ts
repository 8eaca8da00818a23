/** What a reranking did, as one plain structure: JSON as it is, a page or a text by the renderers in `reports/`. */
import type { RerankFault } from "./provider-error.ts";
import type { PlacedDocument, RerankRun, RerankVerdict } from "./rerank-run.ts";

export interface RerankReport {
  readonly query: string;
  readonly outcome: "reranked" | "skipped" | "failed";
  /** What the policy decided, and why. */
  readonly policy: string;
  readonly reason: string;
  readonly quantile?: number | undefined;
  readonly firstStage: string;
  readonly reranker?: string | undefined;
  readonly scoreKind?: string | undefined;
  readonly fusion?: { readonly method: string; readonly weight: number } | undefined;
  readonly threshold?: number | undefined;
  /** Documents that came in, and that were scored. */
  readonly candidates: number;
  readonly depth: number;
  /** Distinct texts that the reranker was asked for, and whose scores were known. */
  readonly asked: number;
  readonly cached: number;
  readonly searches: number;
  readonly tokens: number;
  readonly cost: number;
  readonly ms: number;
  readonly faults: readonly RerankFault[];
  /** Those that are given first, in their order. */
  readonly rows: readonly RerankReportRow[];
}

export interface RerankReportRow {
  readonly rank: number;
  readonly previousRank: number;
  readonly verdict: RerankVerdict;
  readonly id?: string | undefined;
  readonly firstScore?: number | undefined;
  readonly rawScore?: number | undefined;
  readonly score?: number | undefined;
  readonly fused?: number | undefined;
  /** The beginning of the text, on one line. */
  readonly snippet: string;
}

const SNIPPET = 160;

export function reportOf(run: RerankRun): RerankReport {
  const { query, outcome, decision, policy, firstStage, reranker, scoreKind, fusion, threshold, placed, asked, cached } = run;
  const { reason, quantile, depth } = decision;
  return {
    ...{ query, outcome, policy, reason, quantile, firstStage: firstStage.name, reranker, scoreKind, fusion, threshold },
    ...{ candidates: placed.length, depth, asked, cached, ...run.usage, ms: run.ms, faults: run.faults },
    rows: placed.map(rowOf),
  };
}

function rowOf({ document, ...place }: PlacedDocument): RerankReportRow {
  // A text of megabytes is not gone through for its beginning.
  const snippet = document.pageContent
    .slice(0, SNIPPET * 2)
    .replace(/\s+/gu, " ")
    .trim();
  const short = snippet.length > SNIPPET ? `${snippet.slice(0, SNIPPET - 1).toWellFormed()}…` : snippet;
  return { ...place, id: document.id, snippet: short };
}
