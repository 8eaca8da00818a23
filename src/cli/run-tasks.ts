/** Runs tasks from the command line: the plan first, where that is all that is asked; then one after the other, with their reports. */
import type { Duration } from "../core/options.ts";
import type { MaintenanceTask } from "../maintenance/task.ts";
import type { Terminal } from "./command.ts";
import { untilInterrupted } from "./interrupt.ts";
import { formatTable } from "./table.ts";

export interface RunTasksOptions {
  readonly plan: boolean;
  readonly json: boolean;
  /** Of each task. */
  readonly time?: Duration | undefined;
}

/** @returns the exit code: 1 when something could not be done */
export async function runTasks(tasks: readonly MaintenanceTask[], options: RunTasksOptions, terminal: Terminal): Promise<number> {
  const { plan, json, time } = options;
  const interrupt = untilInterrupted();
  const results: { readonly task: string; readonly items: number; readonly by: object; readonly notes: readonly string[] }[] = [];
  let failed = false;
  try {
    for (const task of tasks) {
      terminal.status(`${task.name} …`);
      if (plan) {
        results.push({ task: task.name, ...(await task.plan({ signal: interrupt.signal })) });
        continue;
      }
      const onProgress = ({ items }: { items: number }): void => terminal.status(`${task.name}: ${items}`);
      const report = await task.run({ signal: interrupt.signal, budget: { time }, onProgress });
      const notes = Object.entries(report.failed).map(([what, message]) => `${what}: ${message}`);
      if (notes.length > 0) failed = true;
      if (!report.complete && notes.length === 0) notes.push("The time was used up; something is left.");
      results.push({ task: task.name, items: report.items, by: report.by, notes });
    }
  } finally {
    interrupt.release();
    terminal.status("");
  }
  if (json) terminal.out(JSON.stringify({ plan, tasks: results }));
  else {
    const rows = results.map(({ task, items, by }) => [
      task,
      String(items),
      Object.entries(by)
        .map(([what, n]) => `${what} ${n}`)
        .join(", "),
    ]);
    terminal.out(formatTable(["task", plan ? "would do" : "done", "of"], rows));
    for (const { task, notes } of results) for (const note of notes) terminal.note(`${task}: ${note}`);
  }
  return failed ? 1 : 0;
}
