import type { TuningDecision } from "../../../src/cache/tuning/decision.ts";

/** One workload: shares of its requests. */
export interface Row {
  readonly name: string;
  /** Whether the workload is made to change. */
  readonly changes: boolean;
  /** With the settings as given, with tuning, and with the best fixed settings in hindsight. */
  readonly fixed: number;
  readonly tuned: number;
  readonly best: number;
  readonly bestName: string;
  readonly decisions: readonly TuningDecision[];
}

export function printTable(title: string, rows: readonly Row[]): void {
  console.log(`### ${title}\n`);
  console.log("| workload | as given | tuned | points | best fixed, in hindsight | steps | taken back |");
  console.log("| --- | ---: | ---: | ---: | --- | ---: | ---: |");
  for (const { name, fixed, tuned, best, bestName, decisions } of rows) {
    const count = (...actions: readonly string[]): number => decisions.filter(({ action }) => actions.includes(action)).length;
    const points = (tuned - fixed) * 100;
    console.log(
      `| ${name} | ${percent(fixed)} | ${percent(tuned)} | ${points > 0 ? "+" : ""}${points.toFixed(2)} | ` +
        `${percent(best)} ${bestName} | ${count("step", "relax")} | ${count("revert")} |`,
    );
  }
  console.log("");
}

export interface Verdict {
  readonly promise: string;
  readonly kept: boolean;
}

/** What tuning promises, in points of hit rate. */
const MOST_LOST = 1;

export function judge(rows: readonly Row[]): Verdict[] {
  const gains = rows.map(({ name, tuned, fixed, changes }) => ({ name, changes, points: (tuned - fixed) * 100 }));
  const worst = gains.reduce((a, b) => (b.points < a.points ? b : a));
  const changing = gains.filter(({ changes }) => changes);
  const mean = changing.reduce((sum, { points }) => sum + points, 0) / changing.length;
  return [
    {
      promise: `never more than ${MOST_LOST} point below the settings that were given: at worst ${worst.points.toFixed(2)} (${worst.name})`,
      kept: worst.points >= -MOST_LOST,
    },
    { promise: `gains where the workload changes: ${mean.toFixed(2)} points in the mean`, kept: mean > 0 },
  ];
}

function percent(share: number): string {
  return (share * 100).toFixed(2);
}
