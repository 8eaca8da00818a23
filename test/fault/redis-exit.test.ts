/** A process that closed its cache ends by itself: no socket and no timer of ours is left, whatever state Redis is in. */
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { faultProxy } from "../support/fault-proxy.ts";
import { startRedis } from "../support/servers/routes.ts";
import type { TestServer } from "../support/servers/test-server.ts";

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
  const child = fork(script, [proxy.through(server.url), mode], { execArgv: ["--import", "tsx"], stdio: "pipe" });
  let noise = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (text: Buffer) => void (noise += text.toString()));
  const exit = once(child, "exit");
  const [message] = (await once(child, "message")) as [{ closedAfter: number }];
  const closed = performance.now();
  const [code] = await exit;
  expect({ code, noise }).toEqual({ code: 0, noise: "" });
  expect(message.closedAfter).toBeLessThan(PROMISED_MS);
  expect(performance.now() - closed).toBeLessThan(1_000);
  await proxy.close();
});
