import { escapeHtml } from "../../core/html.ts";
import type { RerankReport, RerankReportRow } from "../rerank-report.ts";
import { headOf, moveOf, numberOf, sectionsOf } from "./moves.ts";

const STYLE = `body{font:14px/1.4 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em;color:#222;background:#fff}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.25em .6em;border-bottom:1px solid #ddd;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}h2{margin-top:1.5em;font-size:1.1em}svg{max-width:100%;height:auto}`;
/** Lines of the picture; more cannot be told apart. */
const MOST_LINES = 30;
const ROW = 16;

/**
 * A report as one page of HTML: no script, nothing loaded from elsewhere, every text escaped; the page forbids itself both.
 * The table comes first, the picture of moves after it.
 */
export function renderRerankHtml(report: RerankReport): string {
  const sections = sectionsOf(report).map(({ title, rows }) => `<h2>${escapeHtml(title)} (${rows.length})</h2>\n${table(rows)}`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Reranking report</title><style>${STYLE}</style></head><body>
<h1>${escapeHtml(report.query)}</h1>
<ul>${headOf(report)
    .map((line) => `<li>${escapeHtml(line)}</li>`)
    .join("")}</ul>
${sections.join("\n")}
${picture(report.rows)}
</body></html>
`;
}

function table(rows: readonly RerankReportRow[]): string {
  const names = ["now", "was", "move", "first", "raw", "score", "fused"].map((name) => `<th class="n">${name}</th>`).join("");
  const lines = rows.map((row) => {
    const numbers = [numberOf(row.firstScore), numberOf(row.rawScore), numberOf(row.score), numberOf(row.fused, 4)];
    const cells = [`${row.rank}`, `${row.previousRank}`, moveOf(row), ...numbers];
    return `<tr>${cells.map((cell) => `<td class="n">${cell}</td>`).join("")}<td>${escapeHtml(row.id ?? "")}</td><td>${escapeHtml(row.snippet)}</td></tr>`;
  });
  return `<table><thead><tr>${names}<th>id</th><th>text</th></tr></thead><tbody>\n${lines.join("\n")}\n</tbody></table>`;
}

/** Each document a line from its old place to its new one. */
function picture(rows: readonly RerankReportRow[]): string {
  const shown = rows.slice(0, MOST_LINES);
  const height = (Math.max(0, ...shown.map(({ rank, previousRank }) => Math.max(rank, previousRank))) + 1) * ROW;
  const lines = shown.map(({ rank, previousRank }) => {
    const [from, to] = [previousRank * ROW, rank * ROW];
    return `<line x1="40" y1="${from}" x2="360" y2="${to}" stroke="#678"/><text x="34" y="${from + 4}" text-anchor="end">${previousRank}</text><text x="366" y="${to + 4}">${rank}</text>`;
  });
  const label =
    "Lines from the incoming place of each document, left, to its place now, right; the same numbers as in the tables.";
  return `<svg viewBox="0 0 400 ${height}" width="400" font-size="11" role="img" aria-label="${label}">${lines.join("")}</svg>`;
}
