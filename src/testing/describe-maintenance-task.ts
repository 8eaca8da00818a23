/**
 * The contract of `MaintenanceTask` as tests. This package's own tasks are held to it; `test/contract/broken-maintenance.test.ts`
 * shows that it fails those that do not keep it.
 */
import { describe, expect, onTestFinished, test } from "vitest";
import type { MaybePromise } from "../core/abort.ts";
import type { MaintenanceTask } from "../maintenance/task.ts";

/** A task and the place that it works on, with something for it to do. */
export interface MaintenanceTaskBed {
  readonly task: MaintenanceTask;
  /** What there is for it to do: at least 1. */
  readonly items: number;
  /** Everything that the task may change, as a value that `toEqual` compares. */
  readonly snapshot: () => MaybePromise<unknown>;
  readonly close?: () => MaybePromise<void>;
}

/** Makes the place anew; called once for each test. */
export type MakeMaintenanceTask = () => MaybePromise<MaintenanceTaskBed>;

export interface MaintenanceTaskCapabilities {
  /** Whether it works in several steps, so that it can be ended between them; default `true` where there are at least two items. */
  readonly steps?: boolean;
}

/**
 * Declares the tests that every maintenance task must pass, under `describe(name)`. Needs `vitest`.
 * @example
 * ```ts
 * describeMaintenanceTask("expiredEntries", async () => {
 *   const tier = await tierWithExpiredEntries(3);
 *   return { task: expiredEntries({ tiers: [tier] }), items: 3, snapshot: () => tier.stats().entries };
 * });
 * ```
 */
export function describeMaintenanceTask(
  name: string,
  make: MakeMaintenanceTask,
  { steps = true }: MaintenanceTaskCapabilities = {},
): void {
  async function open(): Promise<MaintenanceTaskBed> {
    const bed = await make();
    onTestFinished(() => bed.close?.());
    return bed;
  }

  describe(name, () => {
    test("is called by a name that a command line can hold", async () => {
      const { task } = await open();
      expect(task.name).toMatch(/^[a-z][a-z0-9-]*$/);
      expect(task.summary.length).toBeGreaterThan(0);
    });

    test("plans what there is to do, and writes nothing", async () => {
      const { task, items, snapshot } = await open();
      const before = await snapshot();
      const plan = await task.plan();
      expect(plan.items).toBe(items);
      expect(Object.values(plan.by).reduce((sum, count) => sum + count, 0)).toBe(items);
      expect(await task.plan()).toEqual(plan);
      expect(await snapshot()).toEqual(before);
    });

    test("does what it planned, and says so", async () => {
      const { task, items, snapshot } = await open();
      const before = await snapshot();
      const report = await task.run();
      expect(report).toMatchObject({ items, complete: true, failed: {} });
      expect(Object.values(report.by).reduce((sum, count) => sum + count, 0)).toBe(items);
      expect(await snapshot()).not.toEqual(before);
    });

    test("does nothing the second time, and plans nothing", async () => {
      const { task, snapshot } = await open();
      await task.run();
      const after = await snapshot();
      expect((await task.plan()).items).toBe(0);
      expect(await task.run()).toMatchObject({ items: 0, complete: true });
      expect(await snapshot()).toEqual(after);
    });

    test("tells how far it is, up to what it reports", async () => {
      const { task, items } = await open();
      const told: number[] = [];
      await task.run({ onProgress: (progress) => void told.push(progress.items) });
      expect(told.at(-1)).toBe(items);
      expect(told).toEqual(told.toSorted((one, other) => one - other));
    });

    test("does nothing under a signal that has aborted", async () => {
      const { task, snapshot } = await open();
      const before = await snapshot();
      const reason = new Error("stopped by the test");
      await expect(task.run({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
      expect(await snapshot()).toEqual(before);
    });

    test.runIf(steps)("ends between two steps when the signal aborts, and the next run goes on", async () => {
      const { task, items } = await open();
      const stop = new AbortController();
      const reason = new Error("stopped by the test");
      let done = 0;
      const onProgress = (progress: { items: number }): void => {
        done = progress.items;
        stop.abort(reason);
      };
      await expect(task.run({ signal: stop.signal, budget: { items: 1 }, onProgress })).rejects.toBe(reason);
      expect(done).toBe(1);
      expect(await task.run()).toMatchObject({ items: items - 1, complete: true });
    });

    test.runIf(steps)("keeps to a budget of items, and says that something is left", async () => {
      const { task, items } = await open();
      for (let left = items; left > 0; left--) {
        const report = await task.run({ budget: { items: 1 } });
        expect(report.items).toBe(1);
        if (left > 1) expect(report.complete).toBe(false);
      }
      expect((await task.plan()).items).toBe(0);
    });

    test("refuses a budget that is none", async () => {
      const { task } = await open();
      await expect(task.run({ budget: { items: 0 } })).rejects.toMatchObject({ code: "CONFIG" });
      await expect(task.run({ budget: { time: "soon" as never } })).rejects.toMatchObject({ code: "CONFIG" });
    });
  });
}
