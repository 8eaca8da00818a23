/** Whether a Redis is set up for a cache: see docs/operations/redis-client-settings.md for the reasons. */
import { connectRedis, type RedisConnection } from "../../clients/redis.ts";
import { checkLatency } from "./check-latency.ts";
import { broken, ok, reasonOf, warn, type Finding } from "./finding.ts";

export interface RedisUse {
  /** Of the cache's keys; default `"strata"`. */
  readonly prefix?: string | undefined;
  /** Whether acknowledged messages of conversations lie in this Redis only, until a worker has stored them. */
  readonly holdsMessages?: boolean | undefined;
}

const LEAST_MAJOR = 7;

/** Needs no right to `CONFIG`: all settings are in `INFO`. One key is written, and removed at once. */
export async function checkRedis(url: string, use: RedisUse = {}): Promise<readonly Finding[]> {
  let connection: RedisConnection | undefined;
  try {
    connection = connectRedis(url, { option: "redis" });
    const info = String(await connection.send(["info"]));
    const field = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1] ?? "";
    const open = connection;
    return [
      checkVersion(field),
      await checkLatency("Redis latency", () => open.send(["ping"])),
      await checkRights(open, use.prefix ?? "strata"),
      checkBound(Number(field("maxmemory")), field("maxmemory_human")),
      checkPolicy(field("maxmemory_policy")),
      checkPersistence(field("aof_enabled") === "1", use.holdsMessages === true),
    ];
  } catch (error) {
    return [broken("Redis", reasonOf(error), adviceFor(reasonOf(error)))];
  } finally {
    await connection?.close();
  }
}

function adviceFor(reason: string): string {
  if (/WRONGPASS|NOAUTH|invalid password|without any password/i.test(reason)) {
    return "correct the user and the password in the URL: redis://USER:PASSWORD@HOST:PORT";
  }
  if (reason.includes("NOPERM")) {
    return "give this user the rights that docs/operations/redis-client-settings.md lists under ACL";
  }
  return "start the server, or correct the URL: scheme (rediss:// for TLS), host, port";
}

function checkVersion(field: (name: string) => string): Finding {
  const valkey = field("valkey_version");
  const detail = valkey === "" ? `redis ${field("redis_version")}` : `valkey ${valkey}`;
  if (Number.parseInt(valkey === "" ? field("redis_version") : valkey, 10) >= LEAST_MAJOR) return ok("Redis", detail);
  return broken("Redis", detail, `update it to ${LEAST_MAJOR} or later`);
}

/** What every write of the cache does: a script that sets a key. Shows a replica, a full memory, and a right that is missing. */
async function checkRights(connection: RedisConnection, prefix: string): Promise<Finding> {
  const name = "Redis rights";
  const script = "redis.call('set', KEYS[1], '1', 'px', 1000); return redis.call('del', KEYS[1])";
  try {
    await connection.send(["eval", script, 1, `${prefix}:doctor`]);
    return ok(name, `writes under ${prefix}:`);
  } catch (error) {
    const reason = reasonOf(error);
    if (reason.includes("READONLY")) return broken(name, "a replica, which is only read", "name the primary in the URL");
    if (reason.includes("OOM")) return broken(name, reason, "raise maxmemory, or take a maxmemory-policy that makes room");
    return broken(name, reason, adviceFor(reason.includes("permission") ? "NOPERM" : reason));
  }
}

function checkBound(bytes: number, readable: string): Finding {
  const name = "Redis maxmemory";
  if (bytes > 0) return ok(name, readable);
  return warn(name, "no bound", "set maxmemory: else the machine ends the server when memory runs out");
}

function checkPolicy(policy: string): Finding {
  const name = "Redis maxmemory-policy";
  const advice = "set it to volatile-lfu, volatile-lru or volatile-ttl";
  if (policy.startsWith("volatile-")) return ok(name, policy);
  if (policy.startsWith("allkeys-")) {
    return broken(name, `${policy} may evict the indexes, and clear then misses entries`, advice);
  }
  return warn(name, `${policy}: when memory is full, nothing new is stored`, advice);
}

/** A cache may begin anew; messages that were acknowledged may not. */
function checkPersistence(isOn: boolean, holdsMessages: boolean): Finding {
  const name = "Redis append-only file";
  if (isOn) return ok(name, "on");
  if (!holdsMessages) return ok(name, "off: a restart begins empty, which a cache may");
  const detail = "off: messages that were acknowledged are lost with the server";
  return broken(name, detail, 'set appendonly yes, or history.durability: "postgres"');
}
