import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Breaker, type BreakerOptions } from "../../../src/core/breaker.ts";
import { manualClock, type ManualClock } from "../../../src/core/clock.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { seeded } from "./seeded.ts";

const DOWN = new Error("down");

interface Bench {
  readonly clock: ManualClock;
  readonly breaker: Breaker;
  readonly changes: string[];
}

function bench(options: Partial<BreakerOptions> = {}): Bench {
  const clock = manualClock();
  const changes: string[] = [];
  const breaker = new Breaker({ clock, random: () => 1, onChange: (state) => changes.push(state), ...options });
  return { clock, breaker, changes };
}

function open({ breaker }: Bench): void {
  for (let failure = 0; failure < 3; failure++) breaker.failed(DOWN);
}

describe("closed", () => {
  it("opens at the third failure in a row, and tells why", () => {
    const causes: unknown[] = [];
    const { breaker } = bench({ onChange: (state, cause) => causes.push(state, cause) });
    breaker.failed(new Error("first"));
    breaker.failed(new Error("second"));
    expect([breaker.allows(), breaker.state]).toEqual([true, "closed"]);
    breaker.failed(DOWN);
    expect([breaker.allows(), breaker.state]).toEqual([false, "open"]);
    expect(causes).toEqual(["open", DOWN]);
  });

  it("counts failures in a row only: one success starts the count anew", () => {
    const { breaker } = bench();
    for (let round = 0; round < 10; round++) {
      breaker.failed(DOWN);
      breaker.failed(DOWN);
      expect(breaker.state).toBe("closed");
      breaker.succeeded();
    }
  });

  it("does not count calls that were withdrawn", () => {
    const { breaker } = bench();
    for (let call = 0; call < 10; call++) breaker.withdrawn();
    breaker.failed(DOWN);
    breaker.failed(DOWN);
    expect(breaker.state).toBe("closed");
  });

  it("opens at the first failure that is fatal", () => {
    const { breaker, changes } = bench();
    breaker.failed(DOWN, true);
    expect([breaker.state, changes]).toEqual(["open", ["open"]]);
  });

  it("takes another bound of failures", () => {
    const { breaker } = bench({ failures: 1 });
    breaker.failed(DOWN);
    expect(breaker.state).toBe("open");
  });
});

describe("open", () => {
  it("lets exactly one probe through when its pause is over", async () => {
    const { clock, breaker } = bench();
    open({ clock, breaker, changes: [] });
    await clock.advance(249);
    expect(breaker.allows()).toBe(false);
    await clock.advance(1);
    expect([breaker.allows(), breaker.allows(), breaker.allows(), breaker.state]).toEqual([true, false, false, "probing"]);
  });

  it("ignores failures of calls that were under way when it opened", async () => {
    const { clock, breaker, changes } = bench();
    open({ clock, breaker, changes });
    await clock.advance(200);
    for (let late = 0; late < 5; late++) breaker.failed(DOWN, true);
    await clock.advance(50);
    expect([breaker.allows(), changes]).toEqual([true, ["open"]]);
  });

  it("closes when a call that was under way is answered after all", () => {
    const { clock, breaker, changes } = bench();
    open({ clock, breaker, changes });
    breaker.succeeded();
    expect([breaker.state, breaker.allows(), changes]).toEqual(["closed", true, ["open", "closed"]]);
  });
});

describe("probing", () => {
  it("closes after a success, tells so once, and needs three failures to open again", async () => {
    const { clock, breaker, changes } = bench();
    open({ clock, breaker, changes });
    await clock.advance(250);
    breaker.allows();
    breaker.succeeded();
    breaker.succeeded();
    expect([breaker.state, changes]).toEqual(["closed", ["open", "closed"]]);
    breaker.failed(DOWN);
    breaker.failed(DOWN);
    expect(breaker.state).toBe("closed");
  });

  it("doubles the pause with each failed probe, up to 4 s, and tells of opening once", async () => {
    const { clock, breaker, changes } = bench();
    open({ clock, breaker, changes });
    const pauses: number[] = [];
    for (let probe = 0; probe < 8; probe++) {
      const start = clock.monotonic();
      while (!breaker.allows()) await clock.advance(1);
      pauses.push(clock.monotonic() - start);
      breaker.failed(DOWN);
    }
    expect(pauses).toEqual([250, 500, 1_000, 2_000, 4_000, 4_000, 4_000, 4_000]);
    expect(changes).toEqual(["open"]);
  });

  it("begins with the first pause again after it had closed", async () => {
    const { clock, breaker, changes } = bench();
    open({ clock, breaker, changes });
    for (const pause of [250, 500, 1_000]) {
      await clock.advance(pause);
      breaker.allows();
      breaker.failed(DOWN);
    }
    breaker.succeeded();
    open({ clock, breaker, changes });
    await clock.advance(250);
    expect(breaker.allows()).toBe(true);
  });

  it("lets the next call probe at once when the probe was withdrawn, with the same pause after it", async () => {
    const { clock, breaker, changes } = bench();
    open({ clock, breaker, changes });
    await clock.advance(250);
    breaker.allows();
    breaker.withdrawn();
    expect([breaker.state, breaker.allows(), breaker.allows()]).toEqual(["open", true, false]);
    breaker.failed(DOWN);
    await clock.advance(499);
    expect(breaker.allows()).toBe(false);
    await clock.advance(1);
    expect(breaker.allows()).toBe(true);
  });

  it("lets another call probe when a probe has not come back for the longest pause", async () => {
    const { clock, breaker, changes } = bench();
    open({ clock, breaker, changes });
    await clock.advance(250);
    expect(breaker.allows()).toBe(true);
    await clock.advance(3_999);
    expect(breaker.allows()).toBe(false);
    await clock.advance(1);
    expect([breaker.allows(), breaker.allows()]).toEqual([true, false]);
    breaker.succeeded();
    expect(breaker.state).toBe("closed");
  });
});

describe("promises of the whole", () => {
  it("spreads the pauses of many processes over a quarter, never beyond the pause", async () => {
    const random = seededRandom(7);
    const pauses: number[] = [];
    for (let process = 0; process < 50; process++) {
      const each = bench({ random });
      open(each);
      while (!each.breaker.allows()) await each.clock.advance(2.5);
      pauses.push(each.clock.monotonic());
    }
    expect(Math.min(...pauses)).toBeGreaterThanOrEqual(0.75 * 250);
    expect(Math.max(...pauses)).toBeLessThanOrEqual(250 + 2.5);
    expect(Math.max(...pauses) - Math.min(...pauses)).toBeGreaterThan(40);
  });

  it("is back within 5 s of healing, however long the engine was down, called every 50 ms", async () => {
    const outage = fc.record({ down: fc.integer({ min: 200, max: 120_000 }), seed: fc.nat(), deadline: fc.constantFrom(0, 50) });
    const property = fc.asyncProperty(outage, async ({ down, seed, deadline }) => {
      const { clock, breaker } = bench({ random: seededRandom(seed) });
      let servedAt = Infinity;
      while (servedAt === Infinity && clock.monotonic() < down + 10_000) {
        if (breaker.allows()) {
          const healed = clock.monotonic() >= down;
          if (!healed && deadline > 0) await clock.advance(deadline);
          if (healed) breaker.succeeded();
          else breaker.failed(DOWN);
          if (healed) servedAt = clock.monotonic();
        }
        await clock.advance(50);
      }
      expect(servedAt - down).toBeLessThanOrEqual(5_000);
      expect(breaker.state).toBe("closed");
    });
    await fc.assert(property, seeded(10));
  });

  it("tries a dead engine less than 30 times in a minute, called a thousand times a second", async () => {
    const { clock, breaker } = bench({ random: seededRandom(1) });
    let tried = 0;
    for (let second = 0; second < 60; second++) {
      for (let call = 0; call < 1_000; call++) {
        if (!breaker.allows()) continue;
        tried++;
        breaker.failed(DOWN);
      }
      await clock.advance(1_000);
    }
    expect(tried).toBeGreaterThan(10);
    expect(tried).toBeLessThan(30);
  });
});
