/**
 * The contract of `ScheduleLeases` as tests. This package's own leases are held to it; `test/contract/broken-maintenance.test.ts`
 * shows that it fails those that do not keep it.
 */
import { describe, expect, onTestFinished, test } from "vitest";
import type { MaybePromise } from "../core/abort.ts";
import type { ScheduleLeases } from "../maintenance/schedule/schedule-leases.ts";

/** Leases on one place, seen by two schedulers. */
export interface ScheduleLeasesBed {
  readonly one: ScheduleLeases;
  readonly other: ScheduleLeases;
  /** Lets time pass on the clock that the leases go by. */
  readonly pass: (ms: number) => MaybePromise<void>;
}

/** Called once for each test, for a place that nobody has used. */
export type MakeScheduleLeases = () => MaybePromise<ScheduleLeasesBed>;

/** Long enough that no test outlasts it, and short enough to be waited for. */
const LONG_MS = 60_000;
const SHORT_MS = 300;
const NOON = 1_767_268_800_000;

/** Declares the tests that all leases must pass, under `describe(name)`. Needs `vitest`. */
export function describeScheduleLeases(name: string, make: MakeScheduleLeases): void {
  async function open(): Promise<ScheduleLeasesBed> {
    const bed = await make();
    onTestFinished(async () => {
      await bed.one.close?.();
      await bed.other.close?.();
    });
    return bed;
  }

  describe(name, () => {
    test("a time is taken by one of many that want it at once", async () => {
      const { one, other } = await open();
      const all = await Promise.all(
        Array.from({ length: 20 }, (_, index) => (index % 2 === 0 ? one : other).take("job", NOON, LONG_MS)),
      );
      expect(all.filter((lease) => lease !== undefined)).toHaveLength(1);
    });

    test("a time that was taken stays taken after the work has ended", async () => {
      const { one, other } = await open();
      const lease = await one.take("job", NOON, LONG_MS);
      await lease?.end();
      expect(await other.take("job", NOON, LONG_MS)).toBeUndefined();
      expect(await other.take("job", NOON - 1, LONG_MS)).toBeUndefined();
      expect(await one.take("job", NOON, LONG_MS)).toBeUndefined();
    });

    test("the next time is not taken while the work goes on, and can be when it has ended", async () => {
      const { one, other } = await open();
      const lease = await one.take("job", NOON, LONG_MS);
      expect(await other.take("job", NOON + 60_000, LONG_MS)).toBeUndefined();
      await lease?.end();
      expect(await other.take("job", NOON + 60_000, LONG_MS)).toBeDefined();
    });

    test("who died holds on no longer than the lease, and tokens grow", async () => {
      const { one, other, pass } = await open();
      const dead = await one.take("job", NOON, SHORT_MS);
      await pass(SHORT_MS + 100);
      const next = await other.take("job", NOON + 1, LONG_MS);
      expect(next?.token).toBeGreaterThan(dead?.token ?? Infinity);
      expect(await dead?.renew(LONG_MS)).toBe(false);
      // And cannot end what is another's.
      await dead?.end();
      expect(await one.take("job", NOON + 2, LONG_MS)).toBeUndefined();
    });

    test("a renewal holds on for longer", async () => {
      const { one, other, pass } = await open();
      const lease = await one.take("job", NOON, SHORT_MS);
      expect(await lease?.renew(LONG_MS)).toBe(true);
      await pass(SHORT_MS + 100);
      expect(await other.take("job", NOON + 1, LONG_MS)).toBeUndefined();
    });

    test("jobs do not know of each other", async () => {
      const { one, other } = await open();
      expect(await one.take("job", NOON, LONG_MS)).toBeDefined();
      expect(await other.take("other job", NOON, LONG_MS)).toBeDefined();
    });
  });
}
