/** Maintenance in a config: which tasks run, and when. */
import { Cron } from "croner";
import { StrataConfigError } from "../../core/errors.ts";
import { parseChoice, type Duration } from "../../core/options.ts";
import { at, openSection, readCount, readDuration, readText } from "./section.ts";

export interface MaintenanceConfig {
  readonly jobs: readonly MaintenanceJob[];
  /** Of the cron expressions; default: of the machine. */
  readonly timeZone?: string | undefined;
  /**
   * Who sees to it that one process of all runs a job at its time: `"postgres"` (default where it is given), `"redis"` (default where it
   * alone is given), or nobody: `"process"`.
   */
  readonly leases?: "postgres" | "redis" | "process" | undefined;
}

interface JobTimes {
  /** Five fields, or six with seconds first: `"0 3 * * *"` is three in the morning. */
  readonly cron: string;
  /** In place of that of all jobs. */
  readonly timeZone?: string | undefined;
  /** Begins up to so much later, at random; default none. */
  readonly jitter?: Duration | undefined;
  /** After so long a run begins no further step; default no bound. */
  readonly time?: Duration | undefined;
  /** Items that one run touches at most; default no bound. */
  readonly items?: number | undefined;
  /** Sets it apart from others of the same task; default: the task's name. */
  readonly name?: string | undefined;
}

export interface PlainJob extends JobTimes {
  readonly task:
    | "expired-entries"
    | "damaged-entries"
    | "orphaned-questions"
    | "retry-dead-letters"
    | "orphaned-history"
    | "optimize-tables"
    | "reindex-tables";
}

export interface AgedJob extends JobTimes {
  readonly task: "archive-conversations" | "old-message-embeddings" | "drop-dead-letters";
  readonly olderThan: Duration;
}

export interface UnusedJob extends JobTimes {
  readonly task: "unused-entries";
  /** Entries go that nobody has asked for in so long. */
  readonly olderThan: Duration;
  /** And that were asked for no more often than this; default 1. */
  readonly maxHits?: number | undefined;
}

export interface BackupJob extends JobTimes {
  readonly task: "automatic-backup";
  /** Where backups go. */
  readonly folder: string;
  /** The newest so many stay; default 7. */
  readonly keepLast?: number | undefined;
  /** And all of the last so long. */
  readonly keepFor?: Duration | undefined;
}

/** A task of maintenance with its times and options. */
export type MaintenanceJob = PlainJob | AgedJob | UnusedJob | BackupJob;

const TIMES = ["task", "cron", "timeZone", "jitter", "time", "items", "name"];
/** What each task takes besides its times; what begins with `!` it needs. */
export const TASK_OPTIONS: Readonly<Record<MaintenanceJob["task"], readonly string[]>> = {
  "expired-entries": [],
  "damaged-entries": [],
  "orphaned-questions": [],
  "retry-dead-letters": [],
  "orphaned-history": [],
  "optimize-tables": [],
  "reindex-tables": [],
  "archive-conversations": ["!olderThan"],
  "old-message-embeddings": ["!olderThan"],
  "drop-dead-letters": ["!olderThan"],
  "unused-entries": ["!olderThan", "maxHits"],
  "automatic-backup": ["!folder", "keepLast", "keepFor"],
};
const TASKS = Object.keys(TASK_OPTIONS) as MaintenanceJob["task"][];

/** @throws {@link StrataConfigError} naming the key */
export function checkMaintenance(value: unknown, servers: { readonly redis: boolean; readonly postgres: boolean }): void {
  if (value === undefined) return;
  const maintenance = openSection("maintenance", value, ["jobs", "timeZone", "leases"]);
  const timeZone = readText("maintenance", maintenance, "timeZone");
  const { leases, jobs } = maintenance;
  if (leases !== undefined) {
    const chosen = parseChoice("maintenance.leases", leases, ["postgres", "redis", "process"]);
    if (chosen !== "process" && !servers[chosen]) {
      throw new StrataConfigError("maintenance.leases", chosen, `"process", unless \`${chosen}\` is given`);
    }
  }
  if (!Array.isArray(jobs)) throw new StrataConfigError("maintenance.jobs", jobs, "a list of { task, cron }");
  const names = (jobs as unknown[]).map((job, index) => checkJob(`maintenance.jobs[${index}]`, job, timeZone));
  const twice = names.findIndex((name, index) => names.indexOf(name) !== index);
  if (twice >= 0) {
    throw new StrataConfigError(
      `maintenance.jobs[${twice}].name`,
      names[twice],
      "a name that no other job has; default: the task's",
    );
  }
}

/** Gives its name. */
function checkJob(path: string, value: unknown, sharedZone: string | undefined): string {
  const given = openSection(path, value, [...new Set([...TIMES, ...Object.values(TASK_OPTIONS).flat().map(bare)])]);
  const task = parseChoice(`${path}.task`, given["task"], TASKS);
  const own = TASK_OPTIONS[task];
  const job = openSection(path, value, [...TIMES, ...own.map(bare)]);
  for (const option of own) {
    if (option.startsWith("!") && job[bare(option)] === undefined) {
      const accepted = option === "!folder" ? "the path of a folder" : 'a duration, such as "30d"';
      throw new StrataConfigError(at(path, bare(option)), undefined, accepted);
    }
  }
  for (const name of ["jitter", "time", "olderThan", "keepFor"]) readDuration(path, job, name);
  for (const name of ["items", "keepLast"]) readCount(path, job, name);
  readCount(path, job, "maxHits", 0);
  readText(path, job, "folder");
  const cron = readText(path, job, "cron");
  if (cron === undefined) throw new StrataConfigError(`${path}.cron`, undefined, 'a cron expression, such as "0 3 * * *"');
  checkTimes(path, cron, readText(path, job, "timeZone") ?? sharedZone);
  return readText(path, job, "name") ?? task;
}

function checkTimes(path: string, cron: string, timeZone: string | undefined): void {
  try {
    void new Cron(cron, { paused: true });
  } catch (error) {
    throw new StrataConfigError(`${path}.cron`, cron, `a cron expression, such as "0 3 * * *" (${(error as Error).message})`);
  }
  if (timeZone === undefined) return;
  try {
    Intl.DateTimeFormat("en", { timeZone });
  } catch {
    throw new StrataConfigError(`${path}.timeZone`, timeZone, 'a time zone, such as "America/Sao_Paulo"');
  }
}

function bare(option: string): string {
  return option.replace("!", "");
}
