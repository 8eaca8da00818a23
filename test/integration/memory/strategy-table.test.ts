import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pgliteClient } from "../../../src/clients/pglite.ts";
import type { SqlClient } from "../../../src/clients/sql.ts";
import { systemClock } from "../../../src/core/clock.ts";
import { StrategyLog, type RecallRecord } from "../../../src/memory/strategy-log.ts";
import { StrategyTable } from "../../../src/memory/strategy-table.ts";

let sql: SqlClient;
beforeAll(async () => {
  sql = pgliteClient();
  await sql.query("SELECT 1");
}, 240_000);
afterAll(() => sql.close());

const errors: unknown[] = [];

/** One process. */
function process(client: SqlClient = sql): StrategyLog {
  const onError = (error: unknown): void => void errors.push(error);
  const kept = new StrategyTable({ sql: client, clock: systemClock, onError });
  return new StrategyLog({ clock: systemClock, maxEntries: 100, kept, onError });
}

function record(id: string, ownerId: string, more: Partial<RecallRecord> = {}): RecallRecord {
  const at = systemClock.now();
  const measured = { at, latencyMs: 4, results: 3, cacheHit: false, propensity: 0.98, isExploration: false };
  return { id, ownerId, strategy: "hybrid", ...measured, ...more };
}

describe("the log of strategies in a table", () => {
  test("survives a restart, with its outcomes, per owner and over all", async () => {
    const first = process();
    first.add(record("a1", "ana"));
    first.add(record("a2", "ana", { cacheHit: true, latencyMs: 2, results: 1 }));
    first.add(record("a3", "ana", { strategy: "session_only", results: 0 }));
    first.add(record("b1", "bia", { strategy: "semantic_search", isExploration: true }));
    expect(await first.report("a1", 1, "ana")).toBe(true);
    await first.close();

    const next = process();
    expect(await next.stats({ ownerId: "ana" })).toMatchObject({
      recalls: 3,
      owners: 1,
      days: 7,
      strategies: [
        {
          strategy: "hybrid",
          uses: 2,
          share: 2 / 3,
          meanLatencyMs: 3,
          p95LatencyMs: 4,
          cacheHitRate: 0.5,
          outcomes: 1,
          meanOutcome: 1,
        },
        { strategy: "session_only", uses: 1, outcomes: 0, meanResults: 0 },
      ],
    });
    expect(await next.stats({})).toMatchObject({ recalls: 4, owners: 2, cacheHitRate: 0.25 });
    expect((await next.stats({ ownerId: "nobody" })).strategies).toEqual([]);
    expect(errors).toEqual([]);
  });

  test("an outcome may be reported to another process, by the owner alone, and shifts the choice there", async () => {
    const [one, other] = [process(), process()];
    for (let at = 0; at < 40; at++) one.add(record(`c${at}`, "carla", { strategy: at % 2 ? "hybrid" : "semantic_search" }));
    await one.close();
    expect(await other.report("c0", 1, "somebody else")).toBe(false);
    expect(await other.report("unknown", 1)).toBe(false);
    for (let at = 0; at < 40; at++) expect(await other.report(`c${at}`, at % 2, "carla")).toBe(true);
    const third = process();
    expect(third.standing("carla", "hybrid")).toBe(1);
    await expect.poll(() => third.standing("carla", "hybrid")).toBeGreaterThan(1.1);
    expect(third.standing("carla", "semantic_search")).toBeLessThan(0.9);
    expect(third.standing("dora", "hybrid")).toBe(1);
  });

  test("what is forgotten is gone, also what was not written yet", async () => {
    const log = process();
    log.add(record("e1", "eva"));
    await log.stats({});
    log.add(record("e2", "eva"));
    await log.forget("eva");
    await log.close();
    expect((await process().stats({ ownerId: "eva" })).recalls).toBe(0);
  });

  test("holds no owner's name", async () => {
    const log = process();
    log.add(record("f1", "fernanda@example.com"));
    await log.close();
    const rows = await sql.query("SELECT strata_recalls::text AS row FROM strata_recalls");
    expect(rows.length).toBeGreaterThan(0);
    expect(JSON.stringify(rows)).not.toContain("fernanda");
  });

  test("a database that is gone, or too slow for the stream, costs records and nothing else", async () => {
    errors.length = 0;
    const dead = { query: () => Promise.reject(new Error("gone")), transaction: () => Promise.reject(new Error("gone")) };
    const log = process(dead as unknown as SqlClient);
    for (let at = 0; at < 20_000; at++) log.add(record(`g${at}`, "gil"));
    expect(log.standing("gil", "hybrid")).toBe(1);
    await log.close();
    expect(errors.length).toBeGreaterThan(0);
    expect(await log.report("g19999", 1)).toBe(true);
    await expect(log.stats({})).rejects.toThrow("gone");
  });
});
