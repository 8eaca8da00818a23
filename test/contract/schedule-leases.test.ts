import { Pool } from "pg";
import { afterAll, describe, expect, inject, test } from "vitest";
import { pgClient } from "../../src/clients/pg.ts";
import { manualClock, systemClock } from "../../src/core/clock.ts";
import type { MaintenanceJobEvent } from "../../src/core/events.ts";
import { localLeases } from "../../src/maintenance/schedule/local-leases.ts";
import { postgresLeases } from "../../src/maintenance/schedule/postgres-leases.ts";
import { redisLeases } from "../../src/maintenance/schedule/redis-leases.ts";
import type { ScheduleLeases } from "../../src/maintenance/schedule/schedule-leases.ts";
import { startScheduler } from "../../src/maintenance/schedule/scheduler.ts";
import { describeScheduleLeases } from "../../src/testing/describe-schedule-leases.ts";
import { freshDatabase, freshPrefix } from "../support/fresh.ts";

const ending: Array<() => Promise<unknown>> = [];
afterAll(() => Promise.all(ending.map((end) => end())));
const wait = (ms: number): Promise<void> => new Promise((go) => void systemClock.setTimer(ms, go));

async function postgres(): Promise<ScheduleLeases> {
  const pool = new Pool({ connectionString: await freshDatabase(), max: 8 });
  ending.push(() => pool.end());
  return postgresLeases(pgClient(pool));
}
const redis = (prefix: string): ScheduleLeases => redisLeases({ client: inject("redisUrl"), prefix });

describeScheduleLeases("localLeases", () => {
  const clock = manualClock();
  const leases = localLeases(clock);
  return { one: leases, other: leases, pass: (ms) => clock.advance(ms) };
});

describeScheduleLeases("postgresLeases", async () => {
  const connectionString = await freshDatabase();
  const open = (): ScheduleLeases => {
    const pool = new Pool({ connectionString, max: 8 });
    ending.push(() => pool.end());
    return postgresLeases(pgClient(pool));
  };
  return { one: open(), other: open(), pass: wait };
});

describeScheduleLeases("redisLeases", () => {
  const prefix = freshPrefix();
  return { one: redis(prefix), other: redis(prefix), pass: wait };
});

describe.each<[string, () => Promise<[ScheduleLeases, ScheduleLeases]>]>([
  ["postgresLeases", async () => ((leases) => [leases, leases] as [ScheduleLeases, ScheduleLeases])(await postgres())],
  ["redisLeases", async () => ((prefix) => [redis(prefix), redis(prefix)] as [ScheduleLeases, ScheduleLeases])(freshPrefix())],
])("two schedulers over %s", (_name, make) => {
  test("run each time once", async () => {
    const clock = manualClock(Date.UTC(2026, 0, 1));
    let runs = 0;
    const task = {
      ...{ name: "work", summary: "works", plan: async () => ({ items: 0, by: {}, notes: [] }) },
      run: async () => ({ items: ++runs, by: {}, complete: true, failed: {} }),
    };
    const events: MaintenanceJobEvent[] = [];
    const both = await make();
    const schedulers = both.map((leases, index) =>
      startScheduler({
        ...{ clock, leases, random: () => 0.5, observer: (event) => void events.push(event as MaintenanceJobEvent) },
        jobs: [{ task, cron: "* * * * *", timeZone: "UTC", ...(index === 1 && { jitter: "5s" as const }) }],
      }),
    );
    const ended = (): number => events.filter(({ outcome }) => outcome === "passed" || outcome === "complete").length;
    await clock.advance(57_500);
    for (let minute = 1; minute <= 10; minute++) {
      await clock.advance(minute === 1 ? 2_500 : 57_500);
      await expect.poll(ended, { timeout: 10_000 }).toBe(2 * minute - 1);
      // The other comes later, when the work is done.
      await clock.advance(2_500);
      await expect.poll(ended, { timeout: 10_000 }).toBe(2 * minute);
    }
    expect(runs).toBe(10);
    await Promise.all(schedulers.map((scheduler) => scheduler.close()));
    await Promise.all(both.map((leases) => leases.close?.()));
  });
});
