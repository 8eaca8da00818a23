/** What a benchmark gives: plain data, to be printed, saved, and compared with a later one. */
import { StrataError } from "../core/errors.ts";

/** Milliseconds of one call, over all that were timed. */
export interface BenchTiming {
  readonly name: string;
  readonly samples: number;
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly min: number;
  readonly max: number;
  /** Half of the 95 % confidence interval of the mean, percent of it. */
  readonly marginPercent: number;
  /** Calls a second, by the mean. */
  readonly perSecond: number;
  /** Median of the first case / this median: 2 = twice as fast as the first. */
  readonly ratio: number;
  /** Why these figures are not to be trusted to the digit; empty when nothing speaks against them. */
  readonly warnings: readonly string[];
}

export interface BenchMachine {
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
}

export interface BenchReport {
  readonly version: 1;
  readonly title: string;
  /** ISO 8601. */
  readonly at: string;
  readonly machine: BenchMachine;
  readonly timings: readonly BenchTiming[];
  /** Counts that a suite adds, such as a hit rate: name -> number. */
  readonly figures?: Readonly<Record<string, number>> | undefined;
}

/**
 * Reads a report that was saved as JSON.
 * @throws {@link StrataError} `CORRUPT` when it is none, or of another version
 */
export function parseBenchReport(json: string): BenchReport {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    // Told below.
  }
  const report = (value ?? {}) as Partial<BenchReport>;
  const isReport = report.version === 1 && typeof report.at === "string" && typeof report.machine === "object";
  const { timings } = report;
  if (!isReport || !Array.isArray(timings) || !timings.every(isTiming)) {
    throw new StrataError("CORRUPT", "This is no report of benchmark(), or one of another version.");
  }
  return report as BenchReport;
}

function isTiming(timing: unknown): boolean {
  const { name, p50, p95, p99 } = (timing ?? {}) as Partial<BenchTiming>;
  return typeof name === "string" && [p50, p95, p99].every((number) => typeof number === "number" && Number.isFinite(number));
}
