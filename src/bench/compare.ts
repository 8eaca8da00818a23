/** Two reports beside each other: what became faster or slower since. */
import { StrataConfigError } from "../core/errors.ts";
import type { BenchReport } from "./bench-report.ts";

export interface BenchChange {
  readonly name: string;
  /** Median then and now, ms. */
  readonly before: number;
  readonly after: number;
  /** before / after: 2 = twice as fast as then. */
  readonly ratio: number;
  /** `"same"` when the difference is within what the margins of both explain, or below 5 %. */
  readonly verdict: "faster" | "slower" | "same";
}

export interface BenchComparison {
  readonly before: Pick<BenchReport, "title" | "at" | "machine">;
  readonly after: Pick<BenchReport, "title" | "at" | "machine">;
  readonly changes: readonly BenchChange[];
  /** Cases that only one of them has. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Such as another machine: then the ratios say more of that than of the program. */
  readonly warnings: readonly string[];
}

const LEAST_CHANGE_PERCENT = 5;

/** @throws {@link StrataConfigError} for what is no report */
export function compare(before: BenchReport, after: BenchReport): BenchComparison {
  for (const [option, report] of Object.entries({ before, after })) {
    if (!Array.isArray(report?.timings)) throw new StrataConfigError(option, report, "a report of benchmark()");
  }
  const now = new Map(after.timings.map((timing) => [timing.name, timing]));
  const changes = before.timings.flatMap((then): BenchChange[] => {
    const timing = now.get(then.name);
    if (timing === undefined) return [];
    const ratio = then.p50 / timing.p50;
    const noise = Math.max(LEAST_CHANGE_PERCENT, then.marginPercent + timing.marginPercent) / 100;
    const isSame = ratio < 1 + noise && ratio > 1 / (1 + noise);
    return [
      { name: then.name, before: then.p50, after: timing.p50, ratio, verdict: isSame ? "same" : ratio > 1 ? "faster" : "slower" },
    ];
  });
  const names = (report: BenchReport): readonly string[] => report.timings.map(({ name }) => name);
  const isOther = (["node", "platform", "cpu", "cores"] as const).filter((part) => before.machine[part] !== after.machine[part]);
  return {
    ...{ before: headOf(before), after: headOf(after), changes },
    added: names(after).filter((name) => !names(before).includes(name)),
    removed: names(before).filter((name) => !names(after).includes(name)),
    warnings: isOther.map((part) => `another ${part}: ${before.machine[part]} then, ${after.machine[part]} now`),
  };
}

function headOf({ title, at, machine }: BenchReport): Pick<BenchReport, "title" | "at" | "machine"> {
  return { title, at, machine };
}
