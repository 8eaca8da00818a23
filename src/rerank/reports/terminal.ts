import type { RerankReport } from "../rerank-report.ts";
import { headOf, moveOf, numberOf, sectionsOf } from "./moves.ts";

export interface TerminalReportOptions {
  /** Columns; default 100. */
  readonly width?: number | undefined;
}

/** Control characters: a document must not write to the terminal that shows it. */
const CONTROL = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** A report as plain text for a terminal, without colours. */
export function renderRerankText(report: RerankReport, { width = 100 }: TerminalReportOptions = {}): string {
  const line = (text: string): string => {
    const clean = text.replace(CONTROL, "");
    return clean.length > width ? `${clean.slice(0, width - 1).toWellFormed()}…` : clean;
  };
  const lines = [`Query: ${report.query}`, ...headOf(report)];
  for (const { title, rows } of sectionsOf(report)) {
    lines.push("", `${title} (${rows.length})`, "  now  was  move     first     score     fused  text");
    for (const row of rows) {
      const places = `${String(row.rank).padStart(5)}${String(row.previousRank).padStart(5)}${moveOf(row).padStart(6)}`;
      const scores = [numberOf(row.firstScore), numberOf(row.score), numberOf(row.fused, 4)].map((score) => score.padStart(10));
      lines.push(`${places}${scores.join("")}  ${row.snippet}`);
    }
  }
  return `${lines.map(line).join("\n")}\n`;
}
