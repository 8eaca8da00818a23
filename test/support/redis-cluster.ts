import { createServer, type AddressInfo } from "node:net";
import { Redis } from "ioredis";
import { startRedis } from "./servers/routes.ts";
import type { TestServer } from "./servers/test-server.ts";

export interface RedisCluster {
  /** Its primaries; there are no replicas. */
  readonly nodes: readonly TestServer[];
  readonly addresses: ReadonlyArray<{ readonly host: string; readonly port: number }>;
  stop(): Promise<void>;
}

const SLOTS = 16_384;

/** Starts a real Redis Cluster of primaries that share the slots, and waits until all of them agree on it. Not inside containers. */
export async function startRedisCluster(size = 3): Promise<RedisCluster> {
  const nodes = await Promise.all(
    Array.from({ length: size }, async () =>
      startRedis({
        args: ["--cluster-enabled", "yes", "--cluster-port", String(await freePort()), "--cluster-node-timeout", "2000"],
      }),
    ),
  );
  const clients = nodes.map(({ url }) => new Redis(url));
  try {
    for (const [index, client] of clients.entries()) {
      const [from, to] = [Math.floor((index * SLOTS) / size), Math.floor(((index + 1) * SLOTS) / size) - 1];
      await client.call("cluster", "addslotsrange", from, to);
      const info = String(await client.call("cluster", "nodes"));
      const busPort = /@(\d+)/.exec(info)?.[1] ?? "";
      const { port } = nodes[index] as TestServer;
      for (const other of clients) if (other !== client) await other.call("cluster", "meet", "127.0.0.1", port, busPort);
    }
    for (const client of clients) await agreement(client, size);
  } catch (error) {
    await Promise.all(nodes.map((node) => node.stop()));
    throw error;
  } finally {
    for (const client of clients) client.disconnect();
  }
  return {
    nodes,
    addresses: nodes.map(({ host, port }) => ({ host, port })),
    stop: async () => void (await Promise.all(nodes.map((node) => node.stop()))),
  };
}

async function agreement(client: Redis, size: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const info = String(await client.call("cluster", "info"));
    if (info.includes("cluster_state:ok") && info.includes(`cluster_size:${size}`)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("The nodes of the Redis Cluster did not agree within 10 s.");
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
