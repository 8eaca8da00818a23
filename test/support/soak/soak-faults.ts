/** What goes wrong in a soak, one thing after the other, round after round. */
import { execFile } from "node:child_process";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import { Redis } from "ioredis";
import type { FaultProxy } from "../fault-proxy.ts";
import type { TestServer } from "../servers/test-server.ts";

export interface SoakServers {
  readonly redis: TestServer;
  readonly postgres: TestServer;
  /** In front of them; the system knows these only. */
  readonly redisProxy: FaultProxy;
  readonly postgresProxy: FaultProxy;
  /** Of the system. */
  readonly folder: string;
}

export type SoakPart = "redis" | "postgres" | "disk";

export interface SoakFault {
  readonly name: string;
  /** What cannot be relied on meanwhile. */
  readonly away: readonly SoakPart[];
  /** Resolves when it is healed. */
  run(servers: SoakServers, ms: number): Promise<void>;
}

const both = ({ redisProxy, postgresProxy }: SoakServers): FaultProxy[] => [redisProxy, postgresProxy];

export const SOAK_FAULTS: readonly SoakFault[] = [
  { name: "nothing", away: [], run: async (_servers, ms) => pause(ms) },
  {
    name: "Redis killed",
    away: ["redis"],
    async run({ redis }, ms) {
      await redis.kill();
      await pause(ms);
      await redis.restart();
    },
  },
  {
    name: "PostgreSQL killed",
    away: ["postgres"],
    async run({ postgres }, ms) {
      await postgres.kill();
      await pause(ms);
      await postgres.restart();
    },
  },
  {
    name: "everything is slow",
    away: ["redis", "postgres"],
    async run(servers, ms) {
      for (const proxy of both(servers)) proxy.set({ replies: { latencyMs: 150, jitterMs: 300 } });
      await pause(ms);
      for (const proxy of both(servers)) proxy.set({});
    },
  },
  {
    name: "a black hole",
    away: ["redis", "postgres"],
    async run(servers, ms) {
      for (const proxy of both(servers)) proxy.blackHole();
      await pause(ms);
      for (const proxy of both(servers)) proxy.set({});
    },
  },
  {
    name: "resets",
    away: ["redis", "postgres"],
    async run(servers, ms) {
      for (let at = 0; at < ms; at += 200) {
        for (const proxy of both(servers)) proxy.reset();
        await pause(200);
      }
    },
  },
  {
    name: "Redis forgets everything",
    away: ["redis"],
    async run({ redis }, ms) {
      const client = new Redis(redis.url);
      await client.flushall();
      client.disconnect();
      await pause(ms);
    },
  },
  {
    name: "the disk is full",
    away: ["disk"],
    async run({ folder }, ms) {
      // What is in the file can be written again, as on a full disk; nothing can be written behind it.
      const { size } = await stat(join(folder, "cache", "data.mdb"));
      await limitFiles(String(size));
      await pause(ms);
      await limitFiles("unlimited");
    },
  },
];

/** From now on this process can write to no file behind so many bytes; what it prints must go to a terminal or a pipe. */
async function limitFiles(bytes: string): Promise<void> {
  if (process.platform !== "linux") return;
  await promisify(execFile)("prlimit", ["--pid", String(process.pid), `--fsize=${bytes}:unlimited`]);
}
