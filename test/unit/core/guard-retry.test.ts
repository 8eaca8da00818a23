import { describe, expect, it } from "vitest";
import { sleep } from "../../../src/core/abort.ts";
import { manualClock } from "../../../src/core/clock.ts";
import { Guard } from "../../../src/core/guard.ts";
import { bench, failing, outcome, RETRY } from "./guard-bench.ts";

describe("retry", () => {
  it("tries again until an answer comes", async () => {
    const { clock, guard } = bench({ retry: RETRY });
    const call = failing(2);
    const answered = outcome(clock, () => guard.run(call));
    await clock.advance(10_000);
    expect([answered.value, call.calls, guard.state]).toEqual(["answer", 3, "closed"]);
  });

  it("tries a call again that throws at once, and gives up with the last failure", async () => {
    const { clock, guard } = bench({ retry: RETRY, breaker: { failures: 10 } });
    let calls = 0;
    const given = outcome(clock, () =>
      guard.run(() => {
        throw new Error(`down ${++calls}`);
      }),
    );
    await clock.advance(10_000);
    expect([given.value, calls]).toEqual(["down 3", 3]);
  });

  it("waits uniformly below a bound that doubles up to its maximum: full jitter", async () => {
    const asked: number[] = [];
    for (const share of [0, 0.25, 0.999]) {
      const clock = manualClock();
      const retry = { retries: 5, baseMs: 100, maxMs: 1_000 };
      const guard = new Guard({ name: "E", clock, random: () => share, retry, breaker: { failures: 100 } });
      const moments: number[] = [];
      outcome(clock, () =>
        guard.run(async () => {
          moments.push(clock.monotonic());
          throw new Error("down");
        }),
      );
      await clock.advance(10_000);
      asked.push(...moments.slice(1).map((moment, index) => Math.round(moment - (moments[index] ?? 0))));
    }
    expect(asked).toEqual([0, 0, 0, 0, 0, 25, 50, 100, 200, 250, 100, 200, 400, 799, 999]);
  });

  it("waits as long as the server asks when that is longer, and no shorter when it is not", async () => {
    for (const [askedMs, expected] of [
      [700, 700],
      [40, 100],
      [undefined, 100],
    ] as const) {
      const { clock, guard } = bench({ retry: { ...RETRY, askedMs: () => askedMs } });
      const answered = outcome(clock, () => guard.run(failing(1)));
      await clock.advance(10_000);
      expect(answered).toEqual({ value: "answer", at: expected });
    }
  });

  it("gives up at once when the server asks for more than the longest wait: sooner would be refused again", async () => {
    const { clock, guard } = bench({ retry: { ...RETRY, askedMs: () => 3_600_000 } });
    const call = failing(1);
    const given = outcome(clock, () => guard.run(call));
    await clock.advance(0);
    expect([given.value, call.calls, clock.pending]).toEqual(["down", 1, 0]);
  });

  it("leaves alone what is not worth another try", async () => {
    const worthIt = (error: unknown): boolean => (error as Error).message !== "bad request";
    const { clock, guard } = bench({ retry: { ...RETRY, worthIt } });
    const call = failing(5, () => new Error("bad request"));
    const given = outcome(clock, () => guard.run(call));
    await clock.advance(10_000);
    expect([given.value, call.calls]).toEqual(["bad request", 1]);
  });

  it("does not hold against the engine what is not worth another try, unless it is fatal", async () => {
    const retry = { ...RETRY, retries: 0, worthIt: (): boolean => false };
    const { clock, guard } = bench({ retry, fatal: (error) => (error as Error).message === "gone" });
    for (let call = 0; call < 5; call++) outcome(clock, () => guard.run(failing(1, () => new Error("bad request"))));
    await clock.advance(0);
    expect(guard.state).toBe("closed");
    outcome(clock, () => guard.run(failing(1, () => new Error("gone"))));
    await clock.advance(0);
    expect(guard.state).toBe("open");
    await clock.advance(10_000);
    // The probe is refused as a request: the next call is tried at once.
    outcome(clock, () => guard.run(failing(1, () => new Error("bad request"))));
    await clock.advance(0);
    const answered = outcome(clock, () => guard.run(() => Promise.resolve("answer")));
    await clock.advance(0);
    expect([answered.value, guard.state]).toEqual(["answer", "closed"]);
  });

  it("gives each try the whole deadline", async () => {
    const { clock, guard } = bench({ deadlineMs: 50, retry: { retries: 1, baseMs: 100, maxMs: 100 } });
    let calls = 0;
    const answered = outcome(clock, () => guard.run(() => sleep(clock, calls++ === 0 ? 60 : 49).then(() => "answer")));
    await clock.advance(50 + 100 + 49);
    expect(answered).toEqual({ value: "answer", at: 199 });
    expect(clock.pending).toBe(0);
  });

  it("gives no try more than the deadline", async () => {
    const { clock, guard } = bench({ deadlineMs: 50, retry: { retries: 1, baseMs: 100, maxMs: 100 } });
    const hanging = outcome(clock, () => guard.run(() => new Promise(() => undefined)));
    await clock.advance(10_000);
    expect([hanging, clock.pending]).toEqual([{ value: "TIMEOUT", at: 200 }, 0]);
  });

  it("stops when the breaker opens under it, with the failure that it saw", async () => {
    const { clock, guard } = bench({ retry: { retries: 10, baseMs: 10, maxMs: 10 } });
    const call = failing(100);
    const given = outcome(clock, () => guard.run(call));
    await clock.advance(10_000);
    expect([given.value, call.calls, guard.state]).toEqual(["down", 3, "open"]);
  });
});
