/** Reports for people: as text for a terminal, and as one HTML file that loads nothing. */
import { escapeHtml } from "../core/html.ts";
import type { BenchComparison } from "./compare.ts";
import type { BenchReport, BenchTiming } from "./bench-report.ts";

/** As a table, with date, machine, figures and warnings. */
export function renderBenchText(report: BenchReport): string {
  const { figures = {}, timings } = report;
  const head = ["case", "p50", "p95", "p99", "calls/s", "ratio", "calls"];
  const rows = timings.map((timing) => cells(timing));
  const warnings = timings.flatMap(({ name, warnings: given }) => given.map((warning) => `! ${name}: ${warning}`));
  return [
    ...[report.title, machineLine(report), "", table([head, ...rows])],
    ...Object.entries(figures).map(([name, value]) => `${name}: ${Number.isInteger(value) ? value : value.toFixed(3)}`),
    ...warnings,
  ].join("\n");
}

/** What has changed since, as a table. */
export function renderComparisonText({ before, after, changes, added, removed, warnings }: BenchComparison): string {
  const rows = changes.map(({ name, before: then, after: now, ratio, verdict }) => [
    name,
    ms(then),
    ms(now),
    `${ratio.toFixed(2)}x`,
    verdict,
  ]);
  return [
    ...[`${before.at} -> ${after.at}`, "", table([["case", "then", "now", "ratio", ""], ...rows])],
    ...(added.length > 0 ? [`new: ${added.join(", ")}`] : []),
    ...(removed.length > 0 ? [`gone: ${removed.join(", ")}`] : []),
    ...warnings.map((warning) => `! ${warning}`),
  ].join("\n");
}

/** One file, without scripts or anything from elsewhere; every text of yours in it is escaped. */
export function renderBenchHtml(report: BenchReport): string {
  const { figures = {}, timings } = report;
  const longest = Math.max(...timings.map(({ p95 }) => p95), Number.MIN_VALUE);
  const rows = timings.map((timing) => {
    const bar = `<td><div class="bar" style="width:${((timing.p95 / longest) * 100).toFixed(1)}%"></div></td>`;
    return `<tr>${cells(timing)
      .map((cell) => `<td>${escapeHtml(cell)}</td>`)
      .join("")}${bar}</tr>`;
  });
  const warnings = timings.flatMap(({ name, warnings: given }) =>
    given.map((warning) => `<li>${escapeHtml(name)}: ${escapeHtml(warning)}</li>`),
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${escapeHtml(report.title)}</title>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<style>body{font:16px/1.5 system-ui,sans-serif;margin:2rem;max-width:60rem}table{border-collapse:collapse;width:100%}
th,td{padding:.3rem .6rem;text-align:right;border-bottom:1px solid #ccc}th:first-child,td:first-child{text-align:left}
td:last-child{width:25%}.bar{background:#36c;height:.8rem}</style></head><body>
<h1>${escapeHtml(report.title)}</h1>
<p>${escapeHtml(machineLine(report))}</p>
<table><thead><tr>${["case", "p50", "p95", "p99", "calls/s", "ratio", "calls", "p95, beside the others"].map((title) => `<th scope="col">${title}</th>`).join("")}</tr></thead>
<tbody>${rows.join("\n")}</tbody></table>
<ul>${Object.entries(figures)
    .map(([name, value]) => `<li>${escapeHtml(name)}: ${Number.isInteger(value) ? value : value.toFixed(3)}</li>`)
    .join("")}</ul>
${warnings.length > 0 ? `<h2>Warnings</h2><ul>${warnings.join("")}</ul>` : ""}
</body></html>
`;
}

function cells({ name, p50, p95, p99, perSecond, ratio, samples }: BenchTiming): string[] {
  return [name, ms(p50), ms(p95), ms(p99), perSecond.toFixed(perSecond < 100 ? 1 : 0), `${ratio.toFixed(2)}x`, String(samples)];
}

function machineLine({ at, machine }: BenchReport): string {
  const { node, platform, cpu, cores, memoryBytes } = machine;
  return `${at}, Node ${node}, ${platform}, ${cores} x ${cpu}, ${(memoryBytes / 1024 ** 3).toFixed(1)} GB`;
}

function ms(value: number): string {
  if (value < 0.1) return `${(value * 1_000).toFixed(1)} µs`;
  return value < 1_000 ? `${value.toFixed(value < 10 ? 2 : 1)} ms` : `${(value / 1_000).toFixed(2)} s`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)));
  return rows
    .map((row) =>
      row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join("  "),
    )
    .join("\n");
}
