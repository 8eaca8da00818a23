/** Several processes seen as one, through a Redis and through a folder. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { afterEach, beforeEach, describe, expect, inject, test } from "vitest";
import { top } from "../../../src/cli/commands/top.ts";
import { createMetrics } from "../../../src/observability/create-metrics.ts";
import { RedisMetricsWatch, shareMetricsInRedis } from "../../../src/observability/terminal/metrics-in-redis.ts";
import { LONGEST_SHARED } from "../../../src/observability/terminal/shared-line.ts";
import type { TopFigures } from "../../../src/observability/terminal/top-figures.ts";
import { freshPrefix } from "../../support/fresh.ts";
import { recordedTerminal } from "../../support/recorded-terminal.ts";
import { startTypeScript, type TypeScriptChild } from "../../support/typescript-child.ts";

let root = "";
let prefix = "";
const children: TypeScriptChild[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "strata-shared-"));
  prefix = freshPrefix();
});
afterEach(async () => {
  await Promise.all(children.splice(0).map((child) => child.kill()));
  rmSync(root, { recursive: true });
});

async function start(name: string, questions: number, redis = inject("redisUrl")): Promise<TypeScriptChild> {
  const child = startTypeScript("test/fixtures/sharing-process.ts", [join(root, name), redis, prefix, name, String(questions)]);
  children.push(child);
  expect(await child.next()).toBe("ready");
  return child;
}

async function figures(...args: string[]): Promise<TopFigures> {
  const terminal = recordedTerminal();
  const code = await top.run(["--once", "--json", ...args], terminal);
  const seen = JSON.parse(terminal.outs[0] ?? "") as TopFigures;
  expect(code).toBe(seen.processes.length === 0 ? 1 : 0);
  return seen;
}

describe("strata top --redis", () => {
  test("adds up what processes say, shows who was killed as gone, and forgets who ended in order", async () => {
    const [one, other] = await Promise.all([start("one", 3), start("other", 6)]);
    const watched = ["--redis", inject("redisUrl"), "--prefix", prefix];
    // The first question of each is a miss.
    await expect.poll(async () => (await figures(...watched)).hits, { timeout: 10_000 }).toBe(2 + 5);
    const both = await figures(...watched);
    expect(both).toMatchObject({ misses: 2, hitRate: 7 / 9, gone: [] });
    expect(both.processes.map(({ name, pid }) => ({ name, pid })).toSorted((a, b) => a.name.localeCompare(b.name))).toEqual([
      { name: "one", pid: one.pid },
      { name: "other", pid: other.pid },
    ]);
    // Of all nine lookups, not of the slowest process.
    expect(both.p50).toBeGreaterThan(0);
    expect(both.p99).toBeGreaterThanOrEqual(both.p50 ?? Infinity);

    await other.kill();
    await expect
      .poll(async () => (await figures(...watched)).gone, { timeout: 10_000 })
      .toMatchObject([{ name: "other", pid: other.pid }]);
    expect(await figures(...watched)).toMatchObject({ hits: 2, processes: [{ name: "one" }] });

    one.send({});
    expect(await one.next()).toBe("closed");
    expect(await one.ended).toEqual({ code: 0, signal: null });
    expect((await figures(...watched)).processes).toEqual([]);
  });

  test("keeps numbers in Redis and nothing else, bounded, and under keys that end by themselves", async () => {
    await start("one", 2);
    const redis = new Redis(inject("redisUrl"));
    try {
      const scan = async (): Promise<string[]> => {
        const keys: string[] = [];
        for await (const found of redis.scanStream({ match: `{${prefix}}:*`, count: 1_000 })) keys.push(...(found as string[]));
        return [...new Set(keys)];
      };
      await expect.poll(scan).toHaveLength(2);
      const keys = await scan();
      for (const key of keys) expect(await redis.pttl(key)).toBeGreaterThan(0);
      const line = await redis.get(keys.find((key) => key.includes(":of:")) ?? "");
      expect(line).toContain('"cache":{"hits":');
      expect(line).not.toMatch(/canary|secret/);
    } finally {
      redis.disconnect();
    }

    const metrics = createMetrics();
    for (let number = 0; number < 5_000; number++) {
      const tier = `tier ${number} ${"x".repeat(50)}`;
      metrics.observer({ type: "tier.fault", tier, operation: "get", code: "TIMEOUT", message: "a secret question" });
    }
    const share = shareMetricsInRedis({ metrics, client: inject("redisUrl"), prefix, name: "crowded", every: "50ms" });
    const watch = new RedisMetricsWatch(inject("redisUrl"), prefix);
    await expect
      .poll(async () => {
        await watch.look();
        return watch.processes.find(({ name }) => name === "crowded");
      })
      .toBeDefined();
    const crowded = watch.processes.find(({ name }) => name === "crowded");
    expect(JSON.stringify(crowded).length).toBeLessThanOrEqual(LONGEST_SHARED);
    expect(crowded?.metrics.errorCount).toBe(5_000);
    await Promise.all([share.close(), share.close(), watch.close()]);
    metrics.close();
  });

  test("says so where nobody is, and where there is no Redis, without the password", async () => {
    const terminal = recordedTerminal();
    expect(await top.run(["--once", "--redis", inject("redisUrl"), "--prefix", prefix], terminal)).toBe(1);
    expect(terminal.notes).toEqual(["No running process shares its metrics in that Redis."]);
    const nowhere = top.run(["--once", "--redis", "redis://u:hunter2@127.0.0.1:1"], terminal);
    await expect(nowhere).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.not.stringContaining("hunter2") as string,
    });
    await expect(top.run(["--once", "--redis", "redis://x", "--data", "."], terminal)).rejects.toThrow("not both");
  });
});

test("a system without Redis shares in its folder", async () => {
  const child = await start("alone", 4, "");
  await expect.poll(() => figures("--data", join(root, "alone"))).toMatchObject({ hits: 3, processes: [{ name: "alone" }] });
  child.send({});
  expect(await child.next()).toBe("closed");
  expect(await figures("--data", join(root, "alone"))).toMatchObject({ processes: [] });
});
