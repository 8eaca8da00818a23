import type { RerankReport, RerankReportRow } from "../rerank-report.ts";

/** The sections of a report, in the order in which they are read; empty ones are left out. */
export function sectionsOf({ rows }: RerankReport): { readonly title: string; readonly rows: readonly RerankReportRow[] }[] {
  const titles: readonly (readonly [RerankReportRow["verdict"], string])[] = [
    ["kept", "Kept"],
    ["kept-minimum", "Kept though below the threshold"],
    ["below-threshold", "Dropped: below the threshold"],
    ["beyond-top", "Dropped: beyond the number that was asked for"],
    ["beyond-candidates", "Dropped: beyond the candidates"],
  ];
  return titles
    .map(([verdict, title]) => ({ title, rows: rows.filter((row) => row.verdict === verdict) }))
    .filter((section) => section.rows.length > 0);
}

/** Places won or lost: `+3`, `-1`, `=`. No judgement: to move is not to improve. */
export function moveOf({ rank, previousRank }: RerankReportRow): string {
  const by = previousRank - rank;
  return by === 0 ? "=" : `${by > 0 ? "+" : ""}${by}`;
}

export function numberOf(value: number | undefined, digits = 3): string {
  return value === undefined ? "" : value.toFixed(digits);
}

/** What was decided and done, a line each. */
export function headOf(report: RerankReport): string[] {
  const { outcome, policy, reason, quantile, firstStage, reranker, scoreKind, fusion, threshold, faults } = report;
  const place = quantile === undefined ? "" : `, best score above ${Math.round(quantile * 100)} % of earlier ones`;
  const used = [
    report.searches > 0 && `${report.searches} searches`,
    report.tokens > 0 && `${report.tokens} tokens`,
    report.cost > 0 && `cost ${report.cost.toFixed(4)}`,
  ].filter((part) => part !== false);
  return [
    `${outcome}: ${reason} (policy ${policy}, first stage ${firstStage}${place})`,
    reranker === undefined
      ? `incoming order of ${report.candidates} documents`
      : `${reranker} (${scoreKind ?? ""}), ${fusion?.method === "none" ? "its order alone" : `${fusion?.method ?? ""}, weight ${fusion?.weight ?? ""}`}${threshold === undefined ? "" : `, threshold ${threshold}`}`,
    `${report.depth} of ${report.candidates} documents scored: ${report.asked} asked, ${report.cached} known; ${report.ms.toFixed(1)} ms${used.length > 0 ? `; ${used.join(", ")}` : ""}`,
    ...faults.map((fault) => `failed: ${fault.reranker}, ${fault.code}${fault.status === undefined ? "" : ` ${fault.status}`}`),
  ];
}
