import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { checkRedis } from "../../src/cli/doctor/check-redis.ts";
import { startRedis } from "../support/servers/routes.ts";
import type { TestServer } from "../support/servers/test-server.ts";

let server: TestServer;
let admin: Redis;
beforeAll(async () => {
  server = await startRedis();
  admin = new Redis(server.url);
});
afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

describe("the doctor's look at a Redis", () => {
  test.each([
    ["volatile-lfu", "100mb", ["ok", "ok", "ok"]],
    ["allkeys-lru", "100mb", ["ok", "ok", "broken"]],
    ["noeviction", "0", ["ok", "absent", "absent"]],
  ])("finds the policy %s with maxmemory %s", async (policy, bound, states) => {
    await admin.config("SET", "maxmemory", bound);
    await admin.config("SET", "maxmemory-policy", policy);
    const findings = await checkRedis(server.url);
    expect(findings.map(({ state }) => state)).toEqual(states);
    expect(findings[0]?.detail).toMatch(/\d+\.\d+/);
    expect(findings[2]?.detail).toContain(policy);
  });

  test("finds a server that is away, and a URL that is none", async () => {
    expect(await checkRedis("redis://127.0.0.1:1")).toEqual([expect.objectContaining({ name: "Redis", state: "broken" })]);
    expect(await checkRedis("nonsense")).toEqual([expect.objectContaining({ name: "Redis", state: "broken" })]);
  });
});
