import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { describe, expect, it, vi } from "vitest";
import { sleep } from "../../../src/core/abort.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { Guard } from "../../../src/core/guard.ts";
import { answerAfter, bench, failing, outcome, RETRY, turn } from "./guard-bench.ts";

/** Two ends of one connection; what one writes lies ready for the other at once. */
async function connectedSockets(): Promise<[Socket, Socket]> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const near = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [[far]] = (await Promise.all([once(server, "connection"), once(near, "connect")])) as [[Socket], unknown];
  server.close();
  far.on("close", () => far.destroy());
  return [near, far];
}

describe("a call that answers at once", () => {
  it("passes as it is: no promise, no timer", () => {
    const { clock, guard } = bench({ deadlineMs: 50, retry: RETRY });
    const value = { an: "answer" };
    const answer = guard.run(() => {
      expect(clock.pending).toBe(0);
      return value;
    });
    expect(answer).toBe(value);
    expect(clock.pending).toBe(0);
  });

  it("throws at once what the call throws, and counts it", () => {
    const { guard } = bench({ deadlineMs: 50 });
    const down = (): never => {
      throw new Error("down");
    };
    for (let call = 0; call < 3; call++) expect(() => guard.run(down)).toThrow("down");
    expect(guard.state).toBe("open");
    expect(() => guard.run(() => 1)).toThrow("The engine failed lately and was not tried.");
  });
});

describe("deadline", () => {
  it("rejects a call that hangs, at its deadline, with TIMEOUT and the engine's name", async () => {
    const { clock, guard } = bench({ deadlineMs: 50 });
    const late = outcome(clock, () => guard.run(answerAfter(clock, 51)));
    await clock.advance(49);
    expect(late.value).toBe("waiting");
    await clock.advance(1);
    expect(late).toEqual({ value: "TIMEOUT", at: 50 });
    const again = guard.run<void>(() => new Promise(() => undefined));
    void clock.advance(50);
    await expect(again).rejects.toThrow("The engine did not answer within 50 ms.");
  });

  it("gives an answer that comes within it, and clears its timer", async () => {
    const { clock, guard } = bench({ deadlineMs: 50 });
    const good = outcome(clock, () => guard.run(answerAfter(clock, 49)));
    const bad = outcome(clock, () => guard.run(failing(1)));
    await clock.advance(0);
    expect([bad.value, clock.pending]).toEqual(["down", 2]);
    await clock.advance(49);
    expect([good, clock.pending]).toEqual([{ value: "answer", at: 49 }, 0]);
  });

  it("drops what comes late, be it an answer or a failure", async () => {
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    const { clock, guard } = bench({ deadlineMs: 50 });
    const answers = [
      outcome(clock, () => guard.run(answerAfter(clock, 60))),
      outcome(clock, () => guard.run(() => sleep(clock, 60).then(() => Promise.reject(new Error("late"))))),
    ];
    await clock.advance(100);
    await turn();
    process.off("unhandledRejection", unhandled);
    expect(answers.map(({ value }) => value)).toEqual(["TIMEOUT", "TIMEOUT"]);
    expect(unhandled).not.toHaveBeenCalled();
  });

  it("is counted by the breaker: an engine that hangs is as dead as one that refuses", async () => {
    const { clock, guard } = bench({ deadlineMs: 50 });
    for (let call = 0; call < 3; call++) {
      outcome(clock, () => guard.run(() => new Promise(() => undefined)));
      await clock.advance(50);
    }
    expect(guard.state).toBe("open");
    expect(() => guard.run(() => 1)).toThrow(expect.objectContaining({ code: "CIRCUIT_OPEN" }));
  });

  it("can be another one for one call", async () => {
    const { clock, guard } = bench({ deadlineMs: 50 });
    const patient = outcome(clock, () => guard.run(answerAfter(clock, 5_000), { deadlineMs: 10_000 }));
    await clock.advance(5_000);
    expect(patient.value).toBe("answer");
  });

  it("is none where none was given: the call's own promise is awaited without a timer", async () => {
    const { clock, guard } = bench();
    const answer = guard.run(async () => 1);
    expect(clock.pending).toBe(0);
    await expect(answer).resolves.toBe(1);
  });

  it("does not blame the engine for an event loop that was blocked while the answer lay ready", async () => {
    const [near, far] = await connectedSockets();
    const guard = new Guard({ name: "The engine", clock: systemClock, random: () => 1, deadlineMs: 20 });
    const ask = async (): Promise<unknown> => guard.run(() => new Promise((resolve) => near.once("data", resolve)));
    const answers = [ask(), ask(), ask()];
    far.write("answer");
    const until = performance.now() + 100;
    while (performance.now() < until);
    expect((await Promise.all(answers)).map(String)).toEqual(["answer", "answer", "answer"]);
    expect(guard.state).toBe("closed");
    near.destroy();
  });
});

describe("breaker", () => {
  it("tells of its changes, opens at once when the engine cannot work, and is back after a probe", async () => {
    const changes: unknown[] = [];
    const { clock, guard } = bench({
      deadlineMs: 50,
      fatal: (error) => (error as Error).message === "no such folder",
      onBreaker: (state, cause) => changes.push(state, (cause as Error | undefined)?.message),
    });
    const given = outcome(clock, () => guard.run(failing(1, () => new Error("no such folder"))));
    await clock.advance(0);
    expect([given.value, guard.state]).toEqual(["no such folder", "open"]);
    await clock.advance(250);
    const probe = outcome(clock, () => guard.run(answerAfter(clock, 10)));
    expect(() => guard.run(() => 1)).toThrow(expect.objectContaining({ code: "CIRCUIT_OPEN" }));
    await clock.advance(10);
    expect([probe.value, guard.run(() => 1), guard.state]).toEqual(["answer", 1, "closed"]);
    expect(changes).toEqual(["open", "no such folder", "closed", undefined]);
  });
});
