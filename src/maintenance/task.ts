/**
 * A maintenance task: work that keeps a place in order and that nobody waits for. It can be looked at before it is done, stopped at
 * any time, and done again.
 *
 * - `plan` writes nothing, and says what `run` would do if it began now.
 * - `run` works in small steps, each whole by itself. An abort or a budget ends it between two steps; the next run goes on.
 * - What is done is not done again: a second run, with nothing new in between, does nothing.
 */
import type { CallOptions } from "../core/abort.ts";
import type { Duration } from "../core/options.ts";

export interface TaskBudget {
  /** Items that one run touches at most. */
  readonly items?: number | undefined;
  /** After so long a run begins no further step. */
  readonly time?: Duration | undefined;
}

export interface TaskRunOptions extends CallOptions {
  readonly budget?: TaskBudget | undefined;
  /** Told after each step, with what was done so far. */
  readonly onProgress?: ((progress: TaskProgress) => void) | undefined;
}

export interface TaskProgress {
  /** Entries, messages, tables: what the task counts. */
  readonly items: number;
}

export interface TaskPlan extends TaskProgress {
  /** The items by where they lie or why they go. */
  readonly by: Readonly<Record<string, number>>;
  /** What a person should know before: locks, places that cannot be looked at. */
  readonly notes: readonly string[];
}

export interface TaskReport extends TaskProgress {
  readonly by: Readonly<Record<string, number>>;
  /** Whether nothing was left when it ended; `false` when the budget was used up. */
  readonly complete: boolean;
  /** What was to be done and could not be, with the reason. */
  readonly failed: Readonly<Record<string, string>>;
}

export interface MaintenanceTask {
  /** Letters, digits and hyphens: `"expired-entries"`. */
  readonly name: string;
  /** One line for people. */
  readonly summary: string;
  plan(options?: CallOptions): Promise<TaskPlan>;
  /** @throws the signal's reason; what the place throws when nothing at all can be done */
  run(options?: TaskRunOptions): Promise<TaskReport>;
}
