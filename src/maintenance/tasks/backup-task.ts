/** Backups by themselves: a new one at each run, old ones removed by count and age. */
import { readdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { StrataConfigError } from "../../core/errors.ts";
import { parseClock, parseCount, parseDuration, refuseUnknown, type Duration } from "../../core/options.ts";
import { backup, type BackupOptions } from "../backup/backup.ts";
import type { MaintenanceTask, TaskRunOptions } from "../task.ts";
import { TaskRun } from "../task-run.ts";

export interface AutomaticBackupOptions extends Omit<BackupOptions, "to" | "onProgress" | "signal"> {
  /** The folder; backups in it are called `strata-TIME.backup`. */
  readonly folder: string;
  /** The newest so many stay; default 7. */
  readonly keepLast?: number | undefined;
  /** And all of the last so long; default none beyond `keepLast`. */
  readonly keepFor?: Duration | undefined;
  /** No new one is made while the newest is younger than this; default `"1h"`. */
  readonly every?: Duration | undefined;
}

const NAME = /^strata-(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ)\.backup$/;
const OPTIONS = ["folder", "parts", "key", "system", "forgotten", "clock", "keepLast", "keepFor", "every"];

/**
 * Writes a backup into a folder, then removes those that need not be kept. Nothing is removed before the new one is whole, and files
 * of other names are left alone.
 * @throws {@link StrataConfigError} naming the option
 */
export function automaticBackup(options: AutomaticBackupOptions): MaintenanceTask {
  refuseUnknown("automaticBackup", options, OPTIONS);
  const { keepLast = 7, keepFor, every = "1h", folder: given, ...rest } = options;
  if (typeof given !== "string" || given === "")
    throw new StrataConfigError("automaticBackup.folder", given, "the path of a folder");
  const folder = resolve(given);
  const clock = parseClock(options.clock);
  const most = parseCount("automaticBackup.keepLast", keepLast);
  const youngest = parseDuration("automaticBackup.every", every);
  const age = keepFor === undefined ? 0 : parseDuration("automaticBackup.keepFor", keepFor);

  /** Newest first. */
  async function known(): Promise<{ readonly name: string; readonly at: number }[]> {
    const names = await readdir(folder).catch(() => [] as string[]);
    const found = names.flatMap((name) => {
      const at = Date.parse((NAME.exec(name)?.[1] ?? "").replace(/T(\d\d)-(\d\d)-(\d\d)Z/, "T$1:$2:$3Z"));
      return Number.isNaN(at) ? [] : [{ name, at }];
    });
    return found.toSorted((one, other) => other.at - one.at);
  }

  const isDue = (newest: { readonly at: number } | undefined): boolean => clock.now() - (newest?.at ?? -Infinity) >= youngest;
  const outlived = (
    all: readonly { readonly name: string; readonly at: number }[],
    isNew: boolean,
  ): readonly { name: string }[] => all.filter(({ at }, index) => index + (isNew ? 1 : 0) >= most && clock.now() - at >= age);

  return {
    name: "automatic-backup",
    summary: "write a backup, and remove those that need not be kept",
    async plan() {
      const all = await known();
      const due = isDue(all[0]);
      const old = outlived(all, due).length;
      const by = { ...(due && { written: 1 }), ...(old > 0 && { removed: old }) };
      return { items: Number(due) + old, by, notes: [] };
    },
    async run(runOptions: TaskRunOptions = {}) {
      const run = new TaskRun(clock, runOptions);
      const before = await known();
      if (isDue(before[0]) && run.room(1) > 0) {
        const left = (await readdir(folder).catch(() => [] as string[])).find(
          (name) => NAME.test(name.replace(/\.partial$/, "")) && name.endsWith(".partial"),
        );
        // One that was interrupted is gone on with, under the name that it has.
        const name = left?.replace(/\.partial$/, "") ?? `strata-${stamp(clock.now())}.backup`;
        await backup({ ...rest, to: join(folder, name), signal: run.signal });
        run.done(1, "written");
      }
      for (const { name } of outlived(await known(), false)) {
        if (run.room(1) === 0) break;
        await rm(join(folder, name), { force: true });
        run.done(1, "removed");
      }
      return run.report();
    },
  };
}

/** A time as part of a file's name: no colons, which some systems refuse. */
function stamp(now: number): string {
  return `${new Date(now).toISOString().slice(0, 19).replaceAll(":", "-")}Z`;
}
