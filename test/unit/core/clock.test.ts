import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sleep } from "../../../src/core/abort.ts";
import { manualClock, systemClock } from "../../../src/core/clock.ts";
import { capturedNoise } from "../../support/captured-noise.ts";
import { seeded } from "./seeded.ts";

describe("manualClock", () => {
  it("stands still until it is told to move", async () => {
    const clock = manualClock(1_000);
    const before = [clock.now(), clock.monotonic()];
    await new Promise((resolve) => setImmediate(resolve));
    expect([clock.now(), clock.monotonic()]).toEqual(before);
    expect(before).toEqual([1_000, 0]);
    await clock.advance(250);
    expect([clock.now(), clock.monotonic()]).toEqual([1_250, 250]);
  });

  it("jumps on the wall only, in both directions, and fires nothing by it", async () => {
    const clock = manualClock(1_000_000);
    let fired = 0;
    clock.setTimer(100, () => fired++);
    clock.jump(3_600_000);
    expect([clock.now(), clock.monotonic(), fired]).toEqual([4_600_000, 0, 0]);
    clock.jump(-7_200_000);
    await clock.advance(99);
    expect([clock.now(), clock.monotonic(), fired]).toEqual([-2_600_000 + 99, 99, 0]);
    await clock.advance(1);
    expect(fired).toBe(1);
  });

  it("fires timers when they are due, those of one moment in the order of their setting", async () => {
    const timer = fc.record({ delay: fc.integer({ min: 0, max: 50 }), cancelled: fc.boolean() });
    const property = fc.asyncProperty(fc.array(timer, { maxLength: 20 }), async (timers) => {
      const clock = manualClock();
      const fired: { index: number; at: number }[] = [];
      const cancels = timers.map(({ delay }, index) => clock.setTimer(delay, () => fired.push({ index, at: clock.monotonic() })));
      timers.forEach(({ cancelled }, index) => cancelled && cancels[index]?.());
      expect(clock.pending).toBe(timers.filter(({ cancelled }) => !cancelled).length);
      await clock.advance(50);
      const expected = timers
        .map(({ delay, cancelled }, index) => ({ index, at: delay, cancelled }))
        .filter(({ cancelled }) => !cancelled)
        .toSorted((a, b) => a.at - b.at || a.index - b.index)
        .map(({ index, at }) => ({ index, at }));
      expect(fired).toEqual(expected);
      expect(clock.pending).toBe(0);
    });
    await fc.assert(property, seeded(100));
  });

  it("does not fire what lies one millisecond beyond, and keeps it", async () => {
    const clock = manualClock();
    let fired = 0;
    clock.setTimer(11, () => fired++);
    await clock.advance(10);
    expect([fired, clock.pending]).toEqual([0, 1]);
    await clock.advance(1);
    expect([fired, clock.pending]).toEqual([1, 0]);
  });

  it("lets a timer be cancelled after it fired, and by another timer of the same moment", async () => {
    const clock = manualClock();
    const fired: string[] = [];
    const cancelFirst = clock.setTimer(5, () => {
      fired.push("first");
      cancelSecond();
    });
    const cancelSecond = clock.setTimer(5, () => fired.push("second"));
    await clock.advance(5);
    cancelFirst();
    expect(fired).toEqual(["first"]);
  });

  it("unrolls a chain of waits in one advance, each at its own moment", async () => {
    const clock = manualClock(0);
    const moments: number[] = [];
    async function chain(): Promise<void> {
      for (let link = 0; link < 5; link++) {
        await sleep(clock, 10);
        moments.push(clock.now());
      }
    }
    const done = chain();
    await clock.advance(49);
    expect(moments).toEqual([10, 20, 30, 40]);
    await clock.advance(1);
    await done;
    expect(moments).toEqual([10, 20, 30, 40, 50]);
  });

  it("keeps whole milliseconds whole after timers with fractions", async () => {
    const clock = manualClock();
    const start = clock.now();
    for (let timer = 1; timer <= 100; timer++) clock.setTimer(timer * 0.77, () => undefined);
    await clock.advance(78);
    expect([clock.now() - start, clock.monotonic()]).toEqual([78, 78]);
  });

  it("never goes back, even when two advances overlap", async () => {
    const clock = manualClock(0);
    const readings: number[] = [];
    const read = (): void => void readings.push(clock.monotonic(), clock.now());
    for (const at of [4, 5, 50, 60, 90]) clock.setTimer(at, read);
    const advanced = Promise.all([clock.advance(100), clock.advance(10)]);
    for (let turn = 0; turn < 20; turn++) {
      read();
      await new Promise((resolve) => setImmediate(resolve));
    }
    await advanced;
    expect(readings).toEqual(readings.toSorted((a, b) => a - b));
    expect([clock.monotonic(), clock.now()]).toEqual([100, 100]);
  });
});

describe("systemClock", () => {
  it("tells Unix time, and a monotonic time with fractions that never goes back", () => {
    expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(1_000);
    const readings = Array.from({ length: 1_000 }, () => systemClock.monotonic());
    expect(readings).toEqual(readings.toSorted((a, b) => a - b));
    expect(readings.some((reading) => !Number.isInteger(reading))).toBe(true);
  });

  it("fires a timer once, and never one that was cancelled", async () => {
    let cancelled = 0;
    const cancel = systemClock.setTimer(1, () => cancelled++);
    cancel();
    await new Promise<void>((resolve) => systemClock.setTimer(5, resolve));
    cancel();
    expect(cancelled).toBe(0);
  });

  it("cuts a wait that Node cannot hold, instead of firing at once", async () => {
    const noise = capturedNoise();
    let fired = 0;
    const cancels = [2 ** 31, 2 ** 45, Infinity].map((ms) => systemClock.setTimer(ms, () => fired++));
    await new Promise<void>((resolve) => systemClock.setTimer(10, resolve));
    for (const cancel of cancels) cancel();
    expect(fired).toBe(0);
    expect(noise).toEqual([]);
  });

  it("lets the process end while only background timers wait", () => {
    const timersThatHold = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "Timeout").length;
    const before = timersThatHold();
    const background = systemClock.setTimer(60_000, () => undefined, { background: true });
    expect(timersThatHold()).toBe(before);
    const foreground = systemClock.setTimer(60_000, () => undefined);
    expect(timersThatHold()).toBe(before + 1);
    background();
    foreground();
  });
});
