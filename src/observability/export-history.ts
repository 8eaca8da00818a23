/** A history as a text to keep. */
import type { SeriesHistory } from "./series.ts";

export function historyAsJson(exportedAt: number, histories: readonly SeriesHistory[]): string {
  return JSON.stringify({ exportedAt: new Date(exportedAt).toISOString(), series: histories });
}

/** RFC 4180, a line for each point that has a value. */
export function historyAsCsv(histories: readonly SeriesHistory[]): string {
  const lines = ["at,series,unit,step_ms,value"];
  for (const { name, unit, stepMs, points } of histories) {
    const [series, inUnit] = [csvText(name), csvText(unit)];
    for (const { at, value } of points) {
      if (value !== null) lines.push(`${new Date(at).toISOString()},${series},${inUnit},${stepMs},${value}`);
    }
  }
  return `${lines.join("\r\n")}\r\n`;
}

/**
 * A text as a field: quoted where it has to be, and never the beginning of a formula, which a spreadsheet would run
 * (https://owasp.org/www-community/attacks/CSV_Injection): names of tiers are the user's.
 */
function csvText(text: string): string {
  const harmless = /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text;
  return /[",\r\n;\t']/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
