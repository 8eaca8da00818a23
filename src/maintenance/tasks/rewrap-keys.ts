/** Keys of scopes under the current master key: after a rotation of it. */
import { systemClock, type Clock } from "../../core/clock.ts";
import { refuseUnknown, requireMethods } from "../../core/options.ts";
import type { ScopedKeys } from "../../encryption/rings/scoped-keys.ts";
import type { MaintenanceTask, TaskRunOptions } from "../task.ts";
import { TaskRun } from "../task-run.ts";

export interface RewrapKeysOptions {
  /** With the older master keys beside the current one. */
  readonly keys: ScopedKeys;
  readonly clock?: Clock | undefined;
}

/**
 * Wraps the keys of scopes under the current master key, so that older master keys can be taken out. Touches no value.
 * @throws {@link StrataConfigError} naming the option
 */
export function rewrapKeys(options: RewrapKeysOptions): MaintenanceTask {
  refuseUnknown("rewrapKeys", options, ["keys", "clock"]);
  const { keys, clock = systemClock } = options;
  requireMethods("rewrapKeys.keys", keys, ["outdated", "rewrap"], "scopedKeys()");
  return {
    name: "rewrap-keys",
    summary: "wrap the keys of scopes under the current master key",
    async plan({ signal } = {}) {
      let items = 0;
      for await (const _key of keys.outdated()) {
        signal?.throwIfAborted();
        items++;
      }
      return {
        items,
        by: items > 0 ? { keys: items } : {},
        notes: ["Copies of the key store that were made before hold the old wrapping."],
      };
    },
    async run(runOptions: TaskRunOptions = {}) {
      const run = new TaskRun(clock, runOptions);
      for await (const key of keys.outdated()) {
        if (run.room(1) === 0) break;
        try {
          await keys.rewrap(key);
          run.done(1, "keys");
        } catch (error) {
          run.failed(`key ${key.id}`, error);
        }
      }
      return run.report();
    },
  };
}
