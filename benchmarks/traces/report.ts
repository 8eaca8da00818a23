import type { Contender } from "./contenders.ts";

/** One trace at one capacity. */
export interface Point {
  readonly trace: string;
  readonly percent: number;
  readonly capacity: number;
  readonly requests: number;
  /** In the order of the contenders, in per cent. */
  readonly hitRates: readonly number[];
  /** Time of the whole replay, in the order of the contenders. */
  readonly nanoseconds: readonly number[];
}

export interface Summary {
  readonly name: string;
  readonly kind: Contender["kind"];
  readonly meanHitRate: number;
  /** The lowest difference to `lru` at any point, in points of hit rate. */
  readonly worstAgainstLru: number;
  readonly worstAt: string;
  /** For one request of the traces, hit or miss, with what the replay itself takes. */
  readonly nanosecondsPerRequest: number;
  /** For one hit among 10,000 resident keys; policies of the package only. */
  readonly nanosecondsPerHit: number | undefined;
}

export function summarize(contenders: readonly Contender[], points: readonly Point[]): Summary[] {
  const lru = contenders.findIndex(({ name }) => name === "lru");
  const requests = sum(points.map((point) => point.requests));
  return contenders.map((contender, index) => {
    const differences = points.map((point) => point.hitRates[index]! - point.hitRates[lru]!);
    const worstAgainstLru = Math.min(...differences);
    const worst = points[differences.indexOf(worstAgainstLru)];
    return {
      name: contender.name,
      kind: contender.kind,
      meanHitRate: sum(points.map((point) => point.hitRates[index]!)) / points.length,
      worstAgainstLru,
      worstAt: worst === undefined ? "" : `${worst.trace} ${worst.percent} %`,
      nanosecondsPerRequest: sum(points.map((point) => point.nanoseconds[index]!)) / requests,
      nanosecondsPerHit: contender.hitTime?.(),
    };
  });
}

export function pointsTable(contenders: readonly Contender[], points: readonly Point[]): string {
  const head = ["trace", "capacity", ...contenders.map(({ name }) => name)];
  const rows = points.map((point) => [
    point.trace,
    `${point.capacity} (${point.percent} %)`,
    ...point.hitRates.map((rate) => rate.toFixed(1)),
  ]);
  return table(head, rows);
}

export function summaryTable(summaries: readonly Summary[]): string {
  const head = ["policy", "mean hit rate %", "worst against lru, points", "at", "ns per request", "ns per hit"];
  const rows = summaries.map((summary) => [
    summary.kind === "package" ? `\`${summary.name}\`` : summary.name,
    summary.meanHitRate.toFixed(2),
    summary.worstAgainstLru.toFixed(2),
    summary.worstAt,
    summary.kind === "package" ? summary.nanosecondsPerRequest.toFixed(0) : "",
    summary.nanosecondsPerHit?.toFixed(0) ?? "",
  ]);
  return table(head, rows);
}

/** The default policy may nowhere be more than this below LRU, in points. */
const MOST_BELOW_LRU = 2;
/** Its mean may be no further than this below that of the best single policy, in points. */
const MOST_BELOW_BEST = 0.5;
const DEFAULT = "adaptive";
/** What `hybrid` is good at is not hit rate. */
const SINGLE_POLICIES = ["lru", "s3-fifo", "LFU", "SIEVE", "ARC", "W-TinyLFU"];

export interface Verdict {
  readonly promise: string;
  readonly kept: boolean;
}

/** What the default policy promises, and whether it kept it. Empty when a filter left out what it is compared with. */
export function judge(summaries: readonly Summary[]): Verdict[] {
  const own = summaries.find(({ name }) => name === DEFAULT);
  const singles = summaries.filter(({ name }) => SINGLE_POLICIES.includes(name));
  if (own === undefined || singles.length < SINGLE_POLICIES.length) return [];
  const best = singles.reduce((a, b) => (b.meanHitRate > a.meanHitRate ? b : a));
  const ahead = own.meanHitRate - best.meanHitRate;
  return [
    {
      promise: `${DEFAULT} is nowhere more than ${MOST_BELOW_LRU} points below lru: at worst ${own.worstAgainstLru.toFixed(2)} (${own.worstAt})`,
      kept: own.worstAgainstLru >= -MOST_BELOW_LRU,
    },
    {
      promise: `its mean is at most ${MOST_BELOW_BEST} points below the best single policy, ${best.name}: ${ahead > 0 ? "+" : ""}${ahead.toFixed(2)}`,
      kept: ahead >= -MOST_BELOW_BEST,
    },
  ];
}

function table(head: readonly string[], rows: ReadonlyArray<readonly string[]>): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join(" | ")} |`;
  const rule = widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
