import { getEventListeners } from "node:events";
import { describe, expect, it, vi } from "vitest";
import { SingleFlight } from "../../../src/core/single-flight.ts";
import { capturedNoise } from "../../support/captured-noise.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A computation that ends when it is told to, and notes its calls and their signals. */
class Computation {
  readonly signals: AbortSignal[] = [];
  finish: (value: string) => void = () => undefined;
  fail: (error: Error) => void = () => undefined;

  readonly compute = (signal: AbortSignal): Promise<string> => {
    this.signals.push(signal);
    return new Promise((resolve, reject) => {
      this.finish = resolve;
      this.fail = reject;
      signal.addEventListener("abort", () => reject(signal.reason as Error));
    });
  };
}

describe("SingleFlight", () => {
  it("computes once for a thousand who ask at once, and gives them all the same value", async () => {
    const noise = capturedNoise();
    const flights = new SingleFlight<object>();
    const value = {};
    let computed = 0;
    const { signal } = new AbortController();
    const compute = async (): Promise<object> => {
      computed++;
      await turn();
      return value;
    };
    const asked = Array.from({ length: 1_000 }, (_each, index) => flights.run("key", compute, index % 2 === 0 ? {} : { signal }));
    expect(flights.size).toBe(1);
    const answers = await Promise.all(asked);
    expect(answers.every((answer) => answer === value)).toBe(true);
    await turn();
    expect([computed, flights.size, getEventListeners(signal, "abort").length, noise]).toEqual([1, 0, 0, []]);
  });

  it("computes anew for who comes after the answer, and apart for another key", async () => {
    const flights = new SingleFlight<number>();
    let computed = 0;
    const compute = async (): Promise<number> => ++computed;
    expect(await flights.run("key", compute)).toBe(1);
    expect(await flights.run("key", compute)).toBe(2);
    expect(await Promise.all([flights.run("key", compute), flights.run("other", compute)])).toEqual([3, 4]);
  });

  it("shares a failure with all who wait, and keeps it for nobody who comes later", async () => {
    const flights = new SingleFlight<string>();
    const computation = new Computation();
    const waiters = Array.from({ length: 5 }, () => flights.run("key", computation.compute));
    const failure = new Error("down");
    computation.fail(failure);
    for (const outcome of await Promise.allSettled(waiters)) expect(outcome).toEqual({ status: "rejected", reason: failure });
    expect(flights.size).toBe(0);
    await expect(flights.run("key", async () => "fine")).resolves.toBe("fine");
    expect(computation.signals.map((signal) => signal.aborted)).toEqual([false]);
  });

  it("lets one caller leave without ending it for the others", async () => {
    const flights = new SingleFlight<string>();
    const computation = new Computation();
    const leaver = new AbortController();
    const left = flights.run("key", computation.compute, { signal: leaver.signal });
    const stayed = flights.run("key", computation.compute);
    leaver.abort(new Error("gone"));
    await expect(left).rejects.toThrow("gone");
    await turn();
    expect([computation.signals.length, computation.signals[0]?.aborted, flights.size]).toEqual([1, false, 1]);
    computation.finish("answer");
    await expect(stayed).resolves.toBe("answer");
  });

  it("ends the computation with the reason of the last who leaves, and nothing goes unhandled", async () => {
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    const flights = new SingleFlight<string>();
    const computation = new Computation();
    const leavers = [new AbortController(), new AbortController()];
    const waits = leavers.map(({ signal }) => flights.run("key", computation.compute, { signal }));
    leavers[0]?.abort(new Error("first"));
    leavers[1]?.abort(new Error("last"));
    expect((await Promise.allSettled(waits)).map((wait) => wait.status)).toEqual(["rejected", "rejected"]);
    await turn();
    process.off("unhandledRejection", unhandled);
    expect(computation.signals[0]?.reason).toEqual(new Error("last"));
    expect([flights.size, unhandled.mock.calls]).toEqual([0, []]);
  });

  it("starts afresh for a newcomer after the last has left, whatever the abandoned computation still does", async () => {
    const flights = new SingleFlight<string>();
    let finishAbandoned: (value: string) => void = () => undefined;
    const abandoned = new Promise<string>((resolve) => (finishAbandoned = resolve));
    const leaver = new AbortController();
    const left = flights.run("key", () => abandoned, { signal: leaver.signal });
    leaver.abort(new Error("gone"));
    await expect(left).rejects.toThrow("gone");
    const fresh = new Computation();
    const newcomer = flights.run("key", fresh.compute);
    finishAbandoned("stale");
    await turn();
    expect([fresh.signals.length, flights.size]).toEqual([1, 1]);
    fresh.finish("fresh");
    await expect(newcomer).resolves.toBe("fresh");
    expect(flights.size).toBe(0);
  });

  it("keeps the computation for a newcomer of the same moment in which the last one leaves", async () => {
    const flights = new SingleFlight<string>();
    const computation = new Computation();
    const leaver = new AbortController();
    const left = flights.run("key", computation.compute, { signal: leaver.signal });
    leaver.abort(new Error("gone"));
    const newcomer = flights.run("key", computation.compute);
    await expect(left).rejects.toThrow("gone");
    await turn();
    computation.finish("answer");
    await expect(newcomer).resolves.toBe("answer");
    expect(computation.signals.map((signal) => signal.aborted)).toEqual([false]);
  });

  it("does not compute for a caller who has left before", async () => {
    const flights = new SingleFlight<string>();
    const computation = new Computation();
    const run = flights.run("key", computation.compute, { signal: AbortSignal.abort(new Error("before")) });
    await expect(run).rejects.toThrow("before");
    expect([computation.signals.length, flights.size]).toEqual([0, 0]);
  });

  it("rejects, and does not throw, when the computation throws at once; the next starts afresh", async () => {
    const flights = new SingleFlight<string>();
    const broken = (): never => {
      throw new Error("at once");
    };
    const runs = [flights.run("key", broken), flights.run("key", broken)];
    for (const run of runs) await expect(run).rejects.toThrow("at once");
    expect(flights.size).toBe(0);
    await expect(flights.run("key", async () => "fine")).resolves.toBe("fine");
  });
});
