/** Whether a Redis is set up for a cache: see docs/operations/redis-client-settings.md for the reasons. */
import { connectRedis } from "../../clients/redis.ts";
import type { Finding } from "./finding.ts";

/** Never writes, and needs no right to `CONFIG`: all of it is in `INFO`. */
export async function checkRedis(url: string): Promise<readonly Finding[]> {
  let info: string;
  let connection: ReturnType<typeof connectRedis> | undefined;
  try {
    connection = connectRedis(url, { option: "--redis" });
    info = String(await connection.send(["info"]));
  } catch (error) {
    return [{ name: "Redis", state: "broken", detail: error instanceof Error ? error.message : String(error) }];
  } finally {
    await connection?.close();
  }
  const field = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1] ?? "";
  return [
    {
      name: "Redis",
      state: "ok",
      detail: `${field("server_name") || "redis"} ${field("valkey_version") || field("redis_version")}`,
    },
    checkBound(Number(field("maxmemory")), field("maxmemory_human")),
    checkPolicy(field("maxmemory_policy")),
  ];
}

function checkBound(bytes: number, readable: string): Finding {
  const name = "Redis maxmemory";
  if (bytes > 0) return { name, state: "ok", detail: readable };
  return { name, state: "absent", detail: "no bound: set maxmemory, or the machine ends the server when memory runs out" };
}

function checkPolicy(policy: string): Finding {
  const name = "Redis maxmemory-policy";
  if (policy.startsWith("volatile-")) return { name, state: "ok", detail: policy };
  if (policy.startsWith("allkeys-")) {
    const detail = `${policy} may evict the indexes, and clear then misses entries; use volatile-lfu, volatile-lru or volatile-ttl`;
    return { name, state: "broken", detail };
  }
  return { name, state: "absent", detail: `${policy}: when memory is full, nothing new is stored; volatile-lfu makes room` };
}
