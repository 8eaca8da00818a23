/** A server that speaks nonsense: every lookup is a miss, in time, and nothing else happens. */
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { TieredCache } from "../../../src/cache/tiered-cache.ts";
import type { TierEntry } from "../../../src/cache/tier.ts";
import { memoryTier } from "../../../src/cache/tiers/memory.ts";
import { redisTier } from "../../../src/cache/tiers/redis.ts";
import { packValue } from "../../../src/cache/tiers/redis-layout.ts";
import type { StrataEvent } from "../../../src/core/events.ts";
import { digest } from "../../../src/core/key.ts";
import { timerLateness } from "../../support/timer-lateness.ts";
import { seededRandom } from "../../support/seeded-random.ts";

const LLM_KEY = JSON.stringify({ _type: "openai", model_name: "m" });
const DEADLINE_MS = 50;
const SLACK_MS = 20;

let server: Server;
let sockets: Set<Socket>;
let connections: number;
/** What it says to a command that is no part of the handshake. */
let answer: (command: string) => Buffer | string;
/** Whether it speaks sense until the client is connected. */
let polite: boolean;
let cache: TieredCache;
let events: StrataEvent[];

beforeEach(async () => {
  sockets = new Set();
  connections = 0;
  polite = true;
  server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("data", (data) => {
      const text = data.toString("latin1");
      for (const command of text.split(/(?=\*\d+\r\n\$)/)) socket.write(reply(command));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  events = [];
  const client = `redis://127.0.0.1:${(server.address() as AddressInfo).port}`;
  cache = new TieredCache({
    tiers: [memoryTier(), redisTier({ client })],
    modelId: "m",
    observer: (event) => void events.push(event),
  });
});
afterEach(async () => {
  await cache.close();
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

function reply(command: string): Buffer | string {
  if (polite && /\r\ninfo\r\n/i.test(command)) return "$8\r\nloading:\r\n";
  if (polite && /\r\nclient\r\n/i.test(command)) return "+OK\r\n";
  return answer(command);
}

const stranger: TierEntry = { key: digest("another question"), value: Buffer.from("an answer to another question") };
const packed = packValue(stranger, ["s"]);
const noise = seededRandom(7);

const NONSENSE: ReadonlyArray<readonly [string, (command: string) => Buffer | string]> = [
  ["an error", () => "-ERR no\r\n"],
  ["a number", () => ":1\r\n"],
  ["a status", () => "+OK\r\n"],
  ["an empty list", () => "*0\r\n"],
  ["a list in a list", () => "*2\r\n*1\r\n$1\r\na\r\n:1\r\n"],
  ["an empty value", () => "$0\r\n\r\n"],
  ["some text", () => "$5\r\nhello\r\n"],
  ["the value of another key", () => Buffer.concat([Buffer.from(`$${packed.byteLength}\r\n`), packed, Buffer.from("\r\n")])],
  ["two answers to one question", () => "$-1\r\n$5\r\nhello\r\n"],
  ["a value that never ends", () => "$999999\r\nhello"],
  ["an impossible length", () => "$99999999999999999999\r\n"],
  ["an unknown type", () => "!boo\r\n"],
  ["a page of the web", () => "HTTP/1.1 400 Bad Request\r\n\r\n<html>"],
  ["noise", () => Buffer.from(Array.from({ length: 200 }, () => Math.floor(noise() * 256)))],
  ["nothing", () => ""],
];

describe.each(NONSENSE)("a server that answers %s", (_name, nonsense) => {
  test.each([
    ["once it is trusted", true],
    ["from the beginning", false],
  ])("%s gives misses in time", async (_when, isPolite) => {
    answer = nonsense;
    polite = isPolite;
    const lateness = timerLateness();
    const times: number[] = [];
    for (let round = 0; round < 12; round++) {
      const start = performance.now();
      expect(await cache.lookup(`prompt ${round}`, LLM_KEY)).toBeNull();
      times.push(performance.now() - start);
      await cache.update(`prompt ${round}`, LLM_KEY, [{ text: "an answer" }]);
      expect((await cache.lookup(`prompt ${round}`, LLM_KEY))?.[0]?.text).toBe("an answer");
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(Math.max(...times)).toBeLessThan(DEADLINE_MS + SLACK_MS + lateness());
    expect(events.some(({ type }) => type === "tier.fault" || type === "tier.state")).toBe(true);
    expect(events.filter((event) => event.type === "cache.lookup" && event.tier === "redis")).toEqual([]);
  });
});

test("a connection that gave the value of another key is replaced", async () => {
  answer = NONSENSE.find(([name]) => name === "the value of another key")?.[1] ?? (() => "");
  await cache.lookup("prompt", LLM_KEY);
  const before = connections;
  await expect.poll(() => connections).toBeGreaterThan(before);
  expect(events).toContainEqual(
    expect.objectContaining({ type: "tier.fault", tier: "redis", operation: "get", code: "CORRUPT" }),
  );
});
