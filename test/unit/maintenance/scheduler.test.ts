import { describe, expect, onTestFinished, test } from "vitest";
import { manualClock, type ManualClock } from "../../../src/core/clock.ts";
import type { MaintenanceJobEvent } from "../../../src/core/events.ts";
import { localLeases } from "../../../src/maintenance/schedule/local-leases.ts";
import { startScheduler, type Scheduler, type SchedulerOptions } from "../../../src/maintenance/schedule/scheduler.ts";
import type { MaintenanceTask, TaskReport, TaskRunOptions } from "../../../src/maintenance/task.ts";

const START = Date.UTC(2026, 0, 1, 2, 59, 0);
const report = (items: number, rest: Partial<TaskReport> = {}): TaskReport => ({
  ...{ items, by: {}, complete: true, failed: {}, ...rest },
});

function task(run: (options: TaskRunOptions) => Promise<TaskReport>, name = "work"): MaintenanceTask {
  return { name, summary: "works", plan: async () => ({ items: 0, by: {}, notes: [] }), run: (options = {}) => run(options) };
}

interface Bed {
  readonly clock: ManualClock;
  readonly events: MaintenanceJobEvent[];
  readonly start: (options: Omit<SchedulerOptions, "clock" | "observer" | "leases">) => Scheduler;
}

function bed(): Bed {
  const clock = manualClock(START);
  const events: MaintenanceJobEvent[] = [];
  const leases = localLeases(clock);
  return {
    ...{ clock, events },
    start(options) {
      const observer: SchedulerOptions["observer"] = (event) => void events.push(event as MaintenanceJobEvent);
      const scheduler = startScheduler({ clock, leases, observer, random: () => 0.5, ...options });
      onTestFinished(() => scheduler.close());
      return scheduler;
    },
  };
}

describe("a scheduler", () => {
  test("runs a task when its time comes, in the time zone that is named, and no sooner", async () => {
    const { clock, start } = bed();
    const at: string[] = [];
    const noting = task(async () => (at.push(new Date(clock.now()).toISOString()), report(0)));
    const scheduler = start({ jobs: [{ task: noting, cron: "0 3 * * *", timeZone: "UTC" }] });
    expect(scheduler.next()).toEqual({ work: Date.UTC(2026, 0, 1, 3) });
    await clock.advance(59_000);
    expect(at).toEqual([]);
    await clock.advance(1_000);
    await clock.advance(86_400_000);
    expect(at).toEqual(["2026-01-01T03:00:00.000Z", "2026-01-02T03:00:00.000Z"]);
    const elsewhere = start({ jobs: [{ task: noting, cron: "0 3 * * *", timeZone: "America/Sao_Paulo", name: "there" }] });
    expect(elsewhere.next()).toEqual({ there: Date.UTC(2026, 0, 2, 6) });
  });

  test("begins later by the jitter", async () => {
    const { clock, start } = bed();
    let runs = 0;
    start({ jobs: [{ task: task(async () => report(runs++)), cron: "0 3 * * *", timeZone: "UTC", jitter: "60s" }] });
    await clock.advance(60_000 + 29_000);
    expect(runs).toBe(0);
    await clock.advance(2_000);
    expect(runs).toBe(1);
  });

  test("of two, one runs a time, also when the other comes after it has ended", async () => {
    const { clock, events, start } = bed();
    let runs = 0;
    const job = { task: task(async () => report(runs++)), cron: "* * * * *", timeZone: "UTC" } as const;
    start({ jobs: [job] });
    start({ jobs: [{ ...job, jitter: "20s" }] });
    await clock.advance(5 * 60_000 + 30_000);
    expect(runs).toBe(5);
    expect(events.filter(({ outcome }) => outcome === "passed")).toHaveLength(5);
  });

  test("does not begin a job again that still runs, and makes up for nothing", async () => {
    const { clock, start } = bed();
    let runs = 0;
    let end = (): void => undefined;
    const slow = task(() => {
      runs++;
      return new Promise((resolve) => (end = () => resolve(report(1))));
    });
    start({ jobs: [{ task: slow, cron: "* * * * *", timeZone: "UTC" }] });
    await clock.advance(10 * 60_000);
    expect(runs).toBe(1);
    end();
    await clock.advance(60_000);
    expect(runs).toBe(2);
    end();
  });

  test("keeps its lease while it works, and stops when it has lost it", async () => {
    const { clock, events } = bed();
    const leases = localLeases(clock);
    let held = true;
    const flaky: typeof leases = {
      async take(...words) {
        const lease = await leases.take(...words);
        return lease && { ...lease, renew: async (ms) => held && lease.renew(ms) };
      },
    };
    let stopped: unknown;
    const endless = task(
      ({ signal }) =>
        new Promise((_resolve, reject) => signal?.addEventListener("abort", () => reject((stopped = signal.reason) as Error))),
    );
    const observer: SchedulerOptions["observer"] = (event) => void events.push(event as MaintenanceJobEvent);
    const scheduler = startScheduler({
      clock,
      leases: flaky,
      observer,
      jobs: [{ task: endless, cron: "0 3 * * *", timeZone: "UTC" }],
    });
    onTestFinished(() => scheduler.close());
    let runs = 0;
    startOther();
    function startOther(): void {
      const other = startScheduler({
        clock,
        leases,
        jobs: [{ task: task(async () => report(runs++)), cron: "*/2 * * * *", timeZone: "UTC" }],
      });
      onTestFinished(() => other.close());
    }
    await clock.advance(60_000);
    await clock.advance(10 * 60_000);
    expect(stopped).toBeUndefined();
    expect(runs).toBe(0);
    held = false;
    await clock.advance(11_000);
    expect(String(stopped)).toContain("lost its lease");
    expect(events.at(-1)).toMatchObject({ outcome: "failed" });
  });

  test("tells how it goes: progress, what is left, what failed", async () => {
    const { clock, events, start } = bed();
    const told = task(async ({ onProgress, budget }) => {
      expect(budget).toEqual({ items: 5 });
      onProgress?.({ items: 3 });
      return report(5, { complete: false });
    });
    const broken = task(async () => Promise.reject(new Error("the disk is away")), "broken");
    const half = task(async () => report(1, { complete: false, failed: { redis: "away" } }), "half");
    start({
      jobs: [
        { task: told, cron: "0 3 * * *", timeZone: "UTC", budget: { items: 5 } },
        { task: broken, cron: "0 3 * * *", timeZone: "UTC" },
        { task: half, cron: "0 3 * * *", timeZone: "UTC" },
      ],
    });
    await clock.advance(61_000);
    const of = (job: string): unknown[] =>
      events.filter((event) => event.job === job).map(({ outcome, items, message }) => [outcome, items, message]);
    expect(of("work")).toEqual([
      ["started", 0, undefined],
      ["progress", 3, undefined],
      ["partial", 5, undefined],
    ]);
    expect(of("broken")).toEqual([
      ["started", 0, undefined],
      ["failed", 0, "the disk is away"],
    ]);
    expect(of("half")).toEqual([
      ["started", 0, undefined],
      ["failed", 1, "away"],
    ]);
  });

  test("ends what runs when it is closed, and leaves no timer behind", async () => {
    const { clock, start } = bed();
    let reason: unknown;
    const endless = task(
      ({ signal }) =>
        new Promise((_resolve, reject) => signal?.addEventListener("abort", () => reject((reason = signal.reason) as Error))),
    );
    const scheduler = start({ jobs: [{ task: endless, cron: "0 3 * * *", timeZone: "UTC" }] });
    await clock.advance(61_000);
    await scheduler.close();
    await scheduler.close();
    expect(String(reason)).toContain("closed");
    expect(clock.pending).toBe(0);
  });

  test("runs a job at once when it is asked to, by its name", async () => {
    const { start } = bed();
    const scheduler = start({ jobs: [{ task: task(async () => report(7)), cron: "0 3 * * *" }] });
    expect(await scheduler.runNow("work")).toMatchObject({ items: 7 });
    await expect(scheduler.runNow("play")).rejects.toMatchObject({ code: "CONFIG" });
  });

  test.each([
    [[], "startScheduler.jobs"],
    [[{ task: task(async () => report(0)), cron: "61 * * * *" }], "startScheduler.jobs.cron"],
    [[{ task: task(async () => report(0)), cron: "* * * * *", timeZone: "Mars/North" }], "startScheduler.jobs.cron"],
    [[{ task: {}, cron: "* * * * *" }], "startScheduler.jobs.task"],
    [[1, 2].map(() => ({ task: task(async () => report(0)), cron: "* * * * *" })), "startScheduler.jobs.name"],
  ])("refuses jobs that are none (%#)", (jobs, option) => {
    let failure: unknown;
    try {
      startScheduler({ jobs: jobs as never });
    } catch (error) {
      failure = error;
    }
    expect(failure).toMatchObject({ code: "CONFIG", option });
  });
});
