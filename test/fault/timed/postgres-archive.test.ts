/**
 * What happens to the callers of a cache when the PostgreSQL under its archive fails. A pool without a listener for errors would
 * end the process at the first restart of the server; here that is a failed test, since the runner reports every uncaught error.
 */
import { Pool } from "pg";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { pgClient } from "../../../src/clients/pg.ts";
import type { SqlClient } from "../../../src/clients/sql.ts";
import { TieredCache } from "../../../src/cache/tiered-cache.ts";
import { archiveTier } from "../../../src/cache/tiers/archive.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import type { StrataEvent } from "../../../src/core/events.ts";
import { faultProxy, type FaultProxy } from "../../support/fault-proxy.ts";
import { startPostgres } from "../../support/servers/routes.ts";
import type { TestServer } from "../../support/servers/test-server.ts";
import { quantile, storeAnswer, timedLookup } from "../../support/timed-lookups.ts";
import { timerLateness } from "../../support/timer-lateness.ts";

const DEADLINE_MS = 100;
const PROMISED_SLACK_MS = 20;
const FAULT_MS = 2_500;
const RECOVERY_MS = 5_000;
/** For what has no promise. */
const PATIENCE_MS = 20_000;

let server: TestServer;
let proxy: FaultProxy;
let pool: Pool;
let sql: SqlClient;
let cache: TieredCache;
let reader: TieredCache;
let events: StrataEvent[];

beforeEach(async () => {
  server = await startPostgres({ durability: "shipped" });
  proxy = await faultProxy(server.port);
  // What docs/operations/postgres-client-settings.md advises.
  pool = new Pool({
    connectionString: proxy.through(server.url),
    max: 10,
    connectionTimeoutMillis: 1_000,
    query_timeout: 2_000,
    statement_timeout: 2_000,
    keepAlive: true,
  });
  sql = pgClient(pool);
  events = [];
  const archive = (): ReturnType<typeof archiveTier> => archiveTier({ sql, deadline: DEADLINE_MS, writes: "behind" });
  cache = new TieredCache({ tiers: [memoryTier(), archive()], modelId: "m", observer: (event) => void events.push(event) });
  reader = new TieredCache({ tiers: [archive()], modelId: "m" });
  // The first statement makes the table.
  await cache.set("first", 1);
  await cache.flush();
  return async () => {
    await Promise.all([cache.close(), reader.close()]);
    await pool.end();
    await proxy.close();
    await server.stop();
  };
});

const FAULTS: ReadonlyArray<{ readonly name: string; begin(): unknown; end(): unknown }> = [
  { name: "PostgreSQL is killed", begin: () => server.kill(), end: () => server.restart() },
  { name: "PostgreSQL shuts down and says so (57P01)", begin: () => server.kill("SIGINT"), end: () => server.restart() },
  { name: "PostgreSQL is frozen", begin: () => server.kill("SIGSTOP"), end: () => server.kill("SIGCONT") },
  { name: "answers come 2 s late", begin: () => proxy.set({ replies: { latencyMs: 2_000 } }), end: () => proxy.set({}) },
  { name: "the network is a black hole", begin: () => proxy.blackHole(), end: () => proxy.set({}) },
  { name: "connections are reset", begin: () => proxy.set({ replies: { cutAfterBytes: 20 } }), end: () => proxy.set({}) },
];

describe.each(FAULTS)("while $name", (fault) => {
  test("callers wait no longer than promised, and the archive is used again by itself", async () => {
    // The first statements connect, which on a busy machine takes longer than their deadline.
    await vi.waitFor(async () => {
      await storeAnswer(cache, "kept");
      await cache.flush();
      expect((await timedLookup(reader, "kept")).hit).toBe(true);
    }, PATIENCE_MS);

    const lateness = timerLateness();
    const cold: number[] = [];
    await fault.begin();
    const end = performance.now() + FAULT_MS;
    for (let round = 0; performance.now() < end; round++) {
      cold.push((await timedLookup(cache, `asked ${round} while ${fault.name}`)).ms);
      expect((await timedLookup(cache, "kept")).hit).toBe(true);
      await storeAnswer(cache, `stored ${round} while ${fault.name}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const late = lateness();
    await fault.end();

    const start = performance.now();
    let isBack = false;
    for (let round = 0; !isBack && performance.now() - start < 3 * RECOVERY_MS; round++) {
      await storeAnswer(cache, `back ${round}`);
      await cache.flush();
      isBack = (await timedLookup(reader, `back ${round}`)).hit;
      if (!isBack) await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const back = performance.now() - start;
    console.info(
      `${fault.name}: cold p99 ${quantile(cold, 0.99).toFixed(1)} ms of ${cold.length}, back after ${back.toFixed(0)} ms`,
    );
    expect(quantile(cold, 0.99)).toBeLessThan(DEADLINE_MS + PROMISED_SLACK_MS + late);
    expect(back).toBeLessThan(RECOVERY_MS);
    await vi.waitFor(async () => expect((await timedLookup(reader, "kept")).hit).toBe(true), PATIENCE_MS);
    expect(events.some((event) => event.type === "tier.fault" || event.type === "tier.state")).toBe(true);
  });
});

describe("a transaction on a server that goes away", () => {
  afterEach(() => server.restart());

  test.each(["SIGKILL", "SIGINT"] as const)("fails, is rolled back, and leaves the pool whole (%s)", async (signal) => {
    await sql.query("CREATE TABLE facts (n integer)");
    const work = sql.transaction(async (transaction) => {
      await transaction.query("INSERT INTO facts VALUES (1)");
      await server.kill(signal);
      await transaction.query("INSERT INTO facts VALUES (2)");
    });
    await expect(work).rejects.toThrow();
    await server.restart();
    expect(await sql.query("SELECT * FROM facts")).toEqual([]);
    expect(pool.totalCount - pool.idleCount).toBe(0);
  });
});
