/** One picture of the terminal dashboard: lines that fit the window, the most important first. */
import type { GoneProcess, TopFigures } from "./top-figures.ts";

export interface TopScreenOptions {
  readonly columns: number;
  readonly rows: number;
  /** Lookups per second and hit rate of the last ticks, oldest first. */
  readonly requests: readonly number[];
  readonly hitRates: readonly (number | null)[];
  /** Colours a text; the plain text where there are no colours. */
  readonly paint: (tone: "good" | "bad" | "faint" | "strong", text: string) => string;
}

const BLOCKS = "▁▂▃▄▅▆▇█";

/** A line of blocks: the largest value fills one. */
export function sparkline(values: readonly (number | null)[], width: number, top?: number): string {
  const shown = values.slice(-width);
  const most = top ?? Math.max(1e-9, ...shown.map((value) => value ?? 0));
  const line = shown.map((value) => (value === null ? " " : (BLOCKS[Math.min(7, Math.floor((value / most) * 7.999))] ?? " ")));
  return line.join("").padStart(width);
}

/** @returns no more than `rows` lines, each no wider than `columns` without its colours */
export function topScreen(figures: TopFigures, options: TopScreenOptions): string[] {
  const { columns, rows, requests, hitRates, paint } = options;
  const width = Math.max(8, Math.min(72, columns - 36));
  const lines: [text: string, tone?: "good" | "bad" | "faint" | "strong" | undefined][] = [
    [
      `strata top   ${figures.processes.length} process${figures.processes.length === 1 ? "" : "es"}   ${bytes(figures.rss)}   q quits`,
      "strong",
    ],
    [""],
    [`lookups/s  ${number(figures.requestsPerSecond).padStart(9)}  ${sparkline(requests, width)}`],
    [`hit rate   ${share(figures.hitRate).padStart(9)}  ${sparkline(hitRates, width, 1)}`, "good"],
    [`latency    p50 ${duration(figures.p50)}   p99 ${duration(figures.p99)}`],
    [
      `saved      ${figures.saved.money.toFixed(2)} ${figures.saved.currency}   ${number(figures.saved.tokens)} tokens   ${duration(figures.saved.ms)} of model time`,
      "good",
    ],
    [`lookups    ${number(figures.hits)} hits   ${number(figures.misses)} misses   ${number(figures.queueDepth)} writes wait`],
    [`errors     ${number(figures.errors)}`, figures.errors > 0 ? "bad" : "faint"],
    [""],
    [
      `${"tier".padEnd(12)}${"state".padEnd(7)}${"hits".padStart(10)}${"entries".padStart(11)}${"size".padStart(11)}${"faults".padStart(8)}`,
      "faint",
    ],
    ...figures.tiers.map((tier): [string, "bad" | undefined] => [
      tier.name.slice(0, 11).padEnd(12) +
        tier.state.padEnd(7) +
        number(tier.hits).padStart(10) +
        number(tier.entries).padStart(11) +
        bytes(tier.bytes).padStart(11) +
        number(tier.faults).padStart(8),
      tier.state === "off" ? "bad" : undefined,
    ]),
    [""],
    [
      `by meaning ${number(figures.semantic.served)} served   ${number(figures.semantic.adapted)} adapted   ${number(figures.semantic.missed)} missed`,
    ],
    [`memory     ${number(figures.recalls)} recalls   ${number(figures.reranked)} rerankings`],
    [""],
    ...figures.processes.map((one): [string, "faint"] => [
      `${named(one)}${number(one.requestsPerSecond).padStart(9)}/s${bytes(one.rss).padStart(11)}`,
      "faint",
    ]),
    ...figures.gone.map((one): [string, "bad"] => [`${named(one)}  silent for ${duration(one.ms)}`, "bad"]),
  ];
  return lines.slice(0, Math.max(1, rows)).map(([text, tone]) => {
    const fitting = printable(text).slice(0, columns);
    return tone === undefined ? fitting : paint(tone, fitting);
  });
}

/** The same pid may be on several machines. */
function named({ name, pid, host }: TopFigures["processes"][number] | GoneProcess): string {
  const full = host === undefined ? name : `${name} on ${host}`;
  return `${String(pid).padEnd(9)}${full.slice(0, 34).padEnd(35)}`;
}

/** What another process calls itself, its tiers or its money must not move the cursor. */
function printable(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, "?");
}

function number(value: number | null): string {
  if (value === null) return "–";
  if (value >= 1e9) return `${(value / 1e9).toFixed(1)}G`;
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)}M`;
  if (value >= 1e5) return `${(value / 1e3).toFixed(0)}k`;
  return Number.isInteger(value) ? String(value) : value.toFixed(1);
}

function share(value: number | null): string {
  return value === null ? "–" : `${(value * 100).toFixed(1)} %`;
}

function bytes(value: number | null): string {
  if (value === null) return "–";
  const units = ["B", "KB", "MB", "GB", "TB"];
  const unit = value < 1 ? 0 : Math.min(4, Math.floor(Math.log2(value) / 10));
  return `${(value / 1024 ** unit).toFixed(unit === 0 ? 0 : 1)} ${units[unit]}`;
}

function duration(ms: number | null): string {
  if (ms === null) return "–";
  if (ms < 1) return `${(ms * 1_000).toFixed(0)} µs`;
  if (ms < 1_000) return `${ms.toFixed(1)} ms`;
  if (ms < 3_600_000) return `${(ms / 1_000).toFixed(1)} s`;
  return `${(ms / 3_600_000).toFixed(1)} h`;
}
