/**
 * What happens to the callers of a cache when its Redis fails, on a real server behind a proxy that misbehaves.
 *
 * While a fault lasts, lookups are made one after another: of prompts that are in memory, of prompts that nobody has asked before,
 * and updates. Promised are: a cold lookup answers within the tier's deadline and 20 ms, a hit in memory is not touched, nothing is
 * thrown, no value belongs to another prompt, and within 5 s after the fault has ended the tier works again, by itself.
 */
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { TieredCache } from "../../../src/cache/tiered-cache.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { redisTier } from "../../../src/cache/tiers/redis.ts";
import type { StrataEvent } from "../../../src/core/events.ts";
import { faultProxy, type FaultProxy } from "../../support/fault-proxy.ts";
import { quantile, storeAnswer, timedLookup } from "../../support/timed-lookups.ts";
import { timerLateness } from "../../support/timer-lateness.ts";
import { startRedis } from "../../support/servers/routes.ts";
import type { TestServer } from "../../support/servers/test-server.ts";

const DEADLINE_MS = 50;
/** What is promised above the deadline. The test adds by how much the machine's timers were late meanwhile. */
const PROMISED_SLACK_MS = 20;
const FAULT_MS = 2_500;
const RECOVERY_MS = 5_000;
/** For what has no promise. */
const PATIENCE_MS = 20_000;
const LLM_KEY = JSON.stringify({ _type: "openai", model_name: "m" });

interface Fault {
  readonly name: string;
  begin(): unknown;
  /** Ends it. */
  end(): unknown;
  /** Whether Redis still answers reads; then cold lookups are quick, and nothing is switched off. */
  readonly readable?: boolean;
  /** Whether it strikes a lookup only now and then; it then lasts until it has. */
  readonly byChance?: boolean;
}

let server: TestServer;
let proxy: FaultProxy;
let admin: Redis;
let cache: TieredCache;
/** Sees only what is in Redis. */
let reader: TieredCache;
let events: StrataEvent[];
let warnings: Error[];
const onWarning = (warning: Error): void => void warnings.push(warning);

beforeEach(async () => {
  server = await startRedis();
  proxy = await faultProxy(server.port);
  admin = new Redis(server.url, { maxRetriesPerRequest: 0, retryStrategy: () => 50 });
  admin.on("error", () => {});
  events = [];
  warnings = [];
  process.on("warning", onWarning);
  const client = proxy.through(server.url);
  cache = new TieredCache({
    tiers: [memoryTier(), redisTier({ client })],
    modelId: "m",
    observer: (event) => void events.push(event),
  });
  reader = new TieredCache({ tiers: [redisTier({ client, deadline: DEADLINE_MS })], modelId: "m", coalesce: false });
  return async () => {
    process.off("warning", onWarning);
    admin.disconnect();
    await Promise.all([cache.close(), reader.close()]);
    await proxy.close();
    await server.stop();
  };
});
afterEach(() => {
  expect(warnings.map(String)).toEqual([]);
});

async function wait(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

const WARM = "a prompt in memory";

function toldOfTier(): boolean {
  return events.some(({ type }) => type === "tier.state" || type === "tier.fault");
}

/** Asks while `fault` lasts. */
async function askDuring(
  fault: Fault,
): Promise<{ readonly cold: readonly number[]; readonly warm: readonly number[]; readonly lost: number }> {
  const [cold, warm]: [number[], number[]] = [[], []];
  let lost = 0;
  await fault.begin();
  const start = performance.now();
  const goesOn = (): boolean => {
    const lasted = performance.now() - start;
    return lasted < FAULT_MS || (fault.byChance === true && !toldOfTier() && lasted < 10 * FAULT_MS);
  };
  for (let round = 0; goesOn(); round++) {
    cold.push((await timedLookup(cache, `asked ${round} while ${fault.name}`)).ms);
    const { hit, ms } = await timedLookup(cache, WARM);
    warm.push(ms);
    if (!hit) lost++;
    await storeAnswer(cache, `stored ${round} while ${fault.name}`);
    await wait(5);
  }
  await fault.end();
  return { cold, warm, lost };
}

/** Milliseconds until what one process stores is found by another. */
async function recovery(name: string): Promise<number> {
  const start = performance.now();
  for (let round = 0; performance.now() - start < 3 * RECOVERY_MS; round++) {
    const prompt = `back ${round} after ${name}`;
    await storeAnswer(cache, prompt);
    await cache.flush();
    if ((await timedLookup(reader, prompt)).hit) return performance.now() - start;
    await wait(20);
  }
  return Number.POSITIVE_INFINITY;
}

let flapping: NodeJS.Timeout;

const FAULTS: readonly Fault[] = [
  { name: "Redis is killed", begin: () => server.kill(), end: () => server.restart() },
  { name: "Redis is frozen", begin: () => server.kill("SIGSTOP"), end: () => server.kill("SIGCONT") },
  { name: "Redis pauses", begin: () => admin.call("client", "pause", FAULT_MS, "ALL"), end: () => undefined },
  { name: "answers come 2 s late", begin: () => proxy.set({ replies: { latencyMs: 2_000 } }), end: () => proxy.set({}) },
  { name: "the network is a black hole", begin: () => proxy.blackHole(), end: () => proxy.set({}) },
  { name: "replies are lost", begin: () => proxy.set({ replies: { drop: true } }), end: () => proxy.set({}) },
  {
    name: "connections are refused",
    begin: async () => {
      await proxy.refuse();
      proxy.reset();
    },
    end: () => proxy.accept(),
  },
  {
    name: "the connection flaps",
    begin: () => {
      flapping = setInterval(() => proxy.reset(), 100);
    },
    end: () => clearInterval(flapping),
  },
  {
    name: "bits are turned",
    begin: () => proxy.set({ replies: { flipChance: 0.002 } }),
    end: () => proxy.set({}),
    byChance: true,
  },
  {
    name: "Redis has no memory left",
    begin: () => admin.config("SET", "maxmemory", "1"),
    end: () => admin.config("SET", "maxmemory", "0"),
    readable: true,
  },
  {
    name: "Redis is a replica",
    begin: () => admin.replicaof("127.0.0.1", "1"),
    end: () => admin.replicaof("NO", "ONE"),
    readable: true,
  },
  { name: "Redis is flushed", begin: () => admin.flushall(), end: () => undefined, readable: true },
];

describe.each(FAULTS)("while $name", (fault) => {
  test("callers wait no longer than promised, keep what is in memory, and Redis is used again by itself", async () => {
    await storeAnswer(cache, WARM);
    await cache.flush();
    // The first lookup connects, which on a busy machine takes longer than its deadline.
    await vi.waitFor(async () => expect((await timedLookup(reader, WARM)).hit).toBe(true), PATIENCE_MS);

    const lateness = timerLateness();
    const { cold, warm, lost } = await askDuring(fault);
    const late = lateness();
    const back = await recovery(fault.name);
    const figures = {
      cold: `p50 ${quantile(cold, 0.5).toFixed(1)} p99 ${quantile(cold, 0.99).toFixed(1)} max ${Math.max(...cold).toFixed(1)} ms of ${cold.length}`,
      warm: `p99 ${quantile(warm, 0.99).toFixed(2)} ms`,
      back: `${back.toFixed(0)} ms`,
      timers: `up to ${late.toFixed(1)} ms late`,
    };
    console.info(`${fault.name}: ${JSON.stringify(figures)}`);

    expect(quantile(cold, 0.99), "p99 of cold lookups, ms").toBeLessThan(DEADLINE_MS + PROMISED_SLACK_MS + late);
    expect(lost, "hits in memory that were lost").toBe(0);
    expect(quantile(warm, 0.99), "p99 of hits in memory, ms").toBeLessThan(PROMISED_SLACK_MS + late);
    expect(back, "recovery, ms").toBeLessThan(RECOVERY_MS);
    expect(events.some(({ type }) => type === "cache.bypass")).toBe(false);
    if (fault.readable === true) expect(quantile(cold, 0.5)).toBeLessThan(DEADLINE_MS / 2 + late);
    else expect(toldOfTier()).toBe(true);
  });
});

test("closing does not wait for the answers of a Redis that went silent, only for one try of what is not yet written", async () => {
  const closing = async (leaves: (one: TieredCache) => Promise<unknown>): Promise<number> => {
    const one = new TieredCache({ tiers: [redisTier({ client: server.url, deadline: "1s" })], modelId: "m" });
    await one.lookup("the first connects", LLM_KEY);
    // Leads, until it answers.
    await one.lookup("a prompt that is asked of the model", LLM_KEY);
    await one.flush();
    await server.kill("SIGSTOP");
    await leaves(one);
    const start = performance.now();
    await one.close();
    const took = performance.now() - start;
    await server.kill("SIGCONT");
    return took;
  };
  const lateness = timerLateness();
  const idle = await closing(() => Promise.resolve());
  const writing = await closing((one) => one.update("a prompt that was answered", LLM_KEY, [{ text: "an answer" }]));
  const late = lateness();
  expect(idle, "with a lead, ms").toBeLessThan(1_000 + late);
  expect(writing, "with a write that waits, ms").toBeLessThan(3_000 + late);
});
