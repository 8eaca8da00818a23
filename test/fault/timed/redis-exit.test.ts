/** A process that closed its cache ends by itself: no socket and no timer of ours is left, whatever state Redis is in. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { faultProxy } from "../../support/fault-proxy.ts";
import { startRedis } from "../../support/servers/routes.ts";
import type { TestServer } from "../../support/servers/test-server.ts";

const PROMISED_MS = 8_000;
let server: TestServer;
beforeAll(async () => {
  server = await startRedis();
});
afterAll(() => server.stop());

test.each([
  ["works", "used"],
  ["works, but was never used", "unused"],
  ["is not there", "used"],
  ["is behind a black hole", "used"],
  ["takes connections and says nothing", "used"],
])("Redis %s", async (state, mode) => {
  const proxy = await faultProxy(server.port);
  if (state === "is not there") await proxy.refuse();
  if (state === "is behind a black hole") proxy.blackHole();
  if (state === "takes connections and says nothing") proxy.set({ replies: { drop: true } });
  const script = fileURLToPath(new URL("redis-exit-process.ts", import.meta.url));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [
    "--import",
    "tsx",
    script,
    proxy.through(server.url),
    mode,
  ]);
  expect(stderr).toBe("");
  // By its own clock: how long a machine takes to start and to clear away a process is not ours.
  const { closedAfter, endedAfter } = JSON.parse(stdout) as { closedAfter: number; endedAfter: number };
  expect(closedAfter).toBeLessThan(PROMISED_MS);
  expect(endedAfter).toBeLessThan(1_000);
  await proxy.close();
});
