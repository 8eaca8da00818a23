/**
 * Runs tasks at the times that cron expressions name. Each time of a job is run by one scheduler of all that share the leases; a job
 * that still runs is not begun again; a time that passed while nobody was there is not made up for.
 *
 * The times are computed by croner; the waiting is done on the clock that is given, so that tests move it by hand.
 */
import { Cron } from "croner";
import { sleep } from "../../core/abort.ts";
import type { Clock } from "../../core/clock.ts";
import { StrataConfigError } from "../../core/errors.ts";
import { guardObserver, type MaintenanceJobEvent, type Observer } from "../../core/events.ts";
import { parseClock, parseDuration, parseFunction, refuseUnknown, requireMethods, type Duration } from "../../core/options.ts";
import type { MaintenanceTask, TaskBudget, TaskReport } from "../task.ts";
import { localLeases } from "./local-leases.ts";
import type { ScheduleLease, ScheduleLeases } from "./schedule-leases.ts";

export interface ScheduledJob {
  readonly task: MaintenanceTask;
  /** Five fields, or six with seconds first: `"0 3 * * *"` is three in the morning. */
  readonly cron: string;
  /** Whose clock the expression means: `"America/Sao_Paulo"`; default: of the machine. */
  readonly timeZone?: string | undefined;
  /** Begins up to so much later, at random, so that not everything begins at once; default `"0ms"` is none. */
  readonly jitter?: Duration | undefined;
  /** What one run may take; default none. */
  readonly budget?: TaskBudget | undefined;
  /** Sets it apart from others of the same task; default: the task's name. */
  readonly name?: string | undefined;
}

export interface SchedulerOptions {
  readonly jobs: readonly ScheduledJob[];
  /** Shared with other schedulers: `postgresLeases(sql)`, `redisLeases({ client })`. Default: this process alone. */
  readonly leases?: ScheduleLeases | undefined;
  /** After so long a job of a process that died can be taken again; default `"30s"`. */
  readonly leaseTime?: Duration | undefined;
  /** Told of everything that happens: `maintenance.job`. */
  readonly observer?: Observer | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: (() => number) | undefined;
}

export interface Scheduler {
  /** When each job comes next, Unix ms. */
  next(): Readonly<Record<string, number>>;
  /** Runs a job now, if it does not run already. */
  runNow(job: string): Promise<TaskReport | undefined>;
  /** Stops what runs, and waits for its end. May be called twice. */
  close(): Promise<void>;
}

interface Job extends ScheduledJob {
  readonly name: string;
  readonly times: Cron;
  readonly jitterMs: number;
}

const OPTIONS = ["jobs", "leases", "leaseTime", "observer", "clock", "random"];
const JOB_OPTIONS = ["task", "cron", "timeZone", "jitter", "budget", "name"];
/** A lease is renewed three times before it would end. */
const RENEWALS = 3;

/**
 * Starts a scheduler; it does not keep the process alive by itself.
 * @throws {@link StrataConfigError} naming the option
 */
export function startScheduler(options: SchedulerOptions): Scheduler {
  refuseUnknown("startScheduler", options, OPTIONS);
  const clock = parseClock(options.clock);
  const random = parseFunction("startScheduler.random", options.random) ?? Math.random;
  const leases = options.leases ?? localLeases(clock);
  const leaseMs = parseDuration("startScheduler.leaseTime", options.leaseTime ?? "30s");
  const emit = guardObserver(parseFunction("startScheduler.observer", options.observer));
  const jobs = parseJobs(options.jobs);
  const ending = new AbortController();
  const running = new Set<string>();
  const nextTimes = new Map<string, number>();
  const loops = jobs.map(loop);
  let closing: Promise<void> | undefined;

  async function loop(job: Job): Promise<void> {
    const { signal } = ending;
    for (let after = clock.now(); ;) {
      const slot = job.times.nextRun(new Date(after))?.getTime();
      if (slot === undefined) return;
      nextTimes.set(job.name, slot);
      const wait = slot - clock.now() + random() * job.jitterMs;
      try {
        if (wait > 0) await sleep(clock, wait, { signal, background: true });
      } catch {
        return;
      }
      // An operator who moved the clock back makes a time come twice; leases see to it that it is run once.
      if (clock.now() < slot) continue;
      after = slot;
      await attempt(job, slot).catch((error: unknown) => fail(job, error));
      if (signal.aborted) return;
      // What was missed while the job ran is not made up for.
      after = Math.max(slot, clock.now());
    }
  }

  async function attempt(job: Job, slot: number): Promise<TaskReport | undefined> {
    if (running.has(job.name)) return undefined;
    running.add(job.name);
    try {
      const lease = await leases.take(job.name, slot, leaseMs, { signal: ending.signal });
      if (lease === undefined) {
        tell(job, "passed");
        return undefined;
      }
      return await hold(job, lease);
    } finally {
      running.delete(job.name);
    }
  }

  async function hold(job: Job, lease: ScheduleLease): Promise<TaskReport> {
    const lost = new AbortController();
    const signal = AbortSignal.any([ending.signal, lost.signal]);
    let cancel = renewLater();
    function renewLater(): () => void {
      return clock.setTimer(leaseMs / RENEWALS, () => void renew(), { background: true });
    }
    async function renew(): Promise<void> {
      // A renewal that fails may be lost by then: the task stops rather than run beside another.
      const isHeld = await lease.renew(leaseMs).catch(() => false);
      if (isHeld) cancel = renewLater();
      else lost.abort(new Error(`The job ${job.name} has lost its lease.`));
    }
    const started = clock.monotonic();
    tell(job, "started");
    try {
      const report = await job.task.run({
        signal,
        budget: job.budget,
        onProgress: ({ items }) => tell(job, "progress", items, clock.monotonic() - started),
      });
      const failures = Object.values(report.failed);
      const outcome = failures.length > 0 ? "failed" : report.complete ? "complete" : "partial";
      tell(job, outcome, report.items, clock.monotonic() - started, failures[0]);
      return report;
    } finally {
      cancel();
      await lease.end().catch(() => undefined);
    }
  }

  function tell(job: Job, outcome: MaintenanceJobEvent["outcome"], items = 0, ms = 0, message?: string): void {
    emit?.({ type: "maintenance.job", job: job.name, outcome, items, ms, ...(message !== undefined && { message }) });
  }

  function fail(job: Job, error: unknown): void {
    if (ending.signal.aborted) return;
    tell(job, "failed", 0, 0, error instanceof Error ? error.message : String(error));
  }

  return {
    next: () => Object.fromEntries(nextTimes),
    async runNow(name) {
      const job = jobs.find((known) => known.name === name);
      if (job === undefined) throw new StrataConfigError("runNow", name, jobs.map((known) => known.name).join(", "));
      return attempt(job, clock.now());
    },
    close() {
      closing ??= (async () => {
        ending.abort(new Error("The scheduler is closed."));
        await Promise.all(loops);
      })();
      return closing;
    },
  };
}

function parseJobs(given: readonly ScheduledJob[]): Job[] {
  if (!Array.isArray(given) || given.length === 0) throw new StrataConfigError("startScheduler.jobs", given, "a list of jobs");
  const jobs = (given as readonly ScheduledJob[]).map((job): Job => {
    refuseUnknown("startScheduler.jobs", job, JOB_OPTIONS);
    requireMethods("startScheduler.jobs.task", job.task, ["plan", "run"], "a task, such as expiredEntries({ tiers })");
    return {
      ...job,
      name: job.name ?? job.task.name,
      times: parseCron(job),
      jitterMs: job.jitter === undefined ? 0 : parseDuration("startScheduler.jobs.jitter", job.jitter),
    };
  });
  const twice = jobs.find(({ name }, index) => jobs.findIndex((other) => other.name === name) !== index);
  if (twice !== undefined) throw new StrataConfigError("startScheduler.jobs.name", twice.name, "names of which no two are equal");
  return jobs;
}

function parseCron({ cron, timeZone }: ScheduledJob): Cron {
  try {
    const times = new Cron(cron, { paused: true, ...(timeZone !== undefined && { timezone: timeZone }) });
    // An unknown time zone is noticed here first.
    times.nextRun(new Date(0));
    return times;
  } catch (cause) {
    throw new StrataConfigError(
      "startScheduler.jobs.cron",
      `${cron} (${timeZone ?? "local"})`,
      `a cron expression: ${String(cause)}`,
    );
  }
}
