/**
 * Wrapped keys in Redis, for all processes that share it: a hash of all of them, and a set of scopes for each wider scope. The server
 * must not lose them: a key that is evicted, or gone with an unsaved second, takes its values along. So it needs persistence, and
 * `noeviction`.
 */
import { systemClock } from "../../core/clock.ts";
import { Guard } from "../../core/guard.ts";
import { parseDuration, refuseUnknown, type Duration } from "../../core/options.ts";
import { StrataConfigError } from "../../core/errors.ts";
import { connectRedis, redisScript, type RedisCall, type RedisSource } from "../../clients/redis.ts";
import { readWrappedKey, type KeyStore } from "../key-store.ts";

export interface RedisKeyStoreOptions {
  /** An ioredis client, whose configuration is taken for a connection of its own; or a URL, for which `ioredis` is loaded. */
  readonly redis: RedisSource | string;
  /** Begins every key in Redis; default `"strata:keys"`. */
  readonly prefix?: string | undefined;
  /** How long a call waits; default 500 ms. */
  readonly deadline?: Duration | undefined;
  /** From 0 to 1; spreads the tries of many processes; default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** `KEYS` hash, then a set for each wider scope; `ARGV` scope, record. Answers the record that is there. */
const ADD = redisScript(`
local there = redis.call('HGET', KEYS[1], ARGV[1])
if there then return there end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
for at = 2, #KEYS do redis.call('SADD', KEYS[at], ARGV[1]) end
return ARGV[2]
`);

/** `KEYS` hash; `ARGV` scope, id, record. */
const REWRAP = redisScript(`
local there = redis.call('HGET', KEYS[1], ARGV[1])
if there and cjson.decode(there).id == ARGV[2] then redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end
return 1
`);

/** `KEYS` hash, the set of the scope; `ARGV` scope. Answers how many were there. */
const DROP = redisScript(`
local gone = redis.call('HDEL', KEYS[1], ARGV[1])
for _, scope in ipairs(redis.call('SMEMBERS', KEYS[2])) do gone = gone + redis.call('HDEL', KEYS[1], scope) end
redis.call('DEL', KEYS[2])
return gone
`);

/** @throws {@link StrataConfigError} naming the option */
export function redisKeyStore(options: RedisKeyStoreOptions): KeyStore & { close(): Promise<void> } {
  refuseUnknown("redisKeyStore", options, ["redis", "prefix", "deadline", "random"]);
  const { redis, prefix = "strata:keys", deadline = "500ms", random = Math.random } = options;
  if (typeof prefix !== "string" || prefix === "") throw new StrataConfigError("redisKeyStore.prefix", prefix, "a text");
  const clock = systemClock;
  const deadlineMs = parseDuration("redisKeyStore.deadline", deadline);
  const guard = new Guard({ name: "Redis", clock, random, deadlineMs });
  const connection = connectRedis(redis, {
    option: "redisKeyStore.redis",
    clock,
    random,
    onReady: () => guard.recovered(),
  });
  const send = async (call: RedisCall): Promise<unknown> => guard.run(() => connection.send(call));
  // One slot of a cluster, so that a script can reach all of them.
  const all = `{${prefix}}:all`;
  const within = (scope: string): string => `{${prefix}}:in:${scope}`;
  return {
    async find(scope) {
      const found = (await send(["hget", all, scope])) as string | null;
      return found === null ? undefined : readWrappedKey(found);
    },
    async add(key) {
      const keys = [all, ...key.within.map(within)];
      return readWrappedKey((await send({ script: ADD, keys, args: [key.scope, JSON.stringify(key)] })) as string);
    },
    async rewrap(key) {
      await send({ script: REWRAP, keys: [all], args: [key.scope, key.id, JSON.stringify(key)] });
    },
    async drop(scope) {
      return Number(await send({ script: DROP, keys: [all, within(scope)], args: [scope] }));
    },
    async *list() {
      let cursor = "0";
      do {
        const [next, flat] = (await send(["hscan", all, cursor, "COUNT", 200])) as [string, string[]];
        for (let at = 1; at < flat.length; at += 2) yield readWrappedKey(flat[at] as string);
        cursor = next;
      } while (cursor !== "0");
    },
    close: async () => {
      await connection.close();
    },
  };
}
