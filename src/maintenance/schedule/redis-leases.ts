/** Leases in Redis: one hash a job, changed by one script, by the clock of the server, which all schedulers share. */
import { connectRedis, redisScript, type RedisScript, type RedisSource } from "../../clients/redis.ts";
import { StrataConfigError } from "../../core/errors.ts";
import { refuseUnknown } from "../../core/options.ts";
import type { ScheduleLeases } from "./schedule-leases.ts";

export interface RedisLeasesOptions {
  /** A URL, or a client of ioredis whose configuration is taken. */
  readonly client: RedisSource | string;
  /** Begins the names of the keys; default `"strata:schedule"`. */
  readonly prefix?: string | undefined;
}

const NOW = `local time = redis.call('TIME') local now = time[1] * 1000 + math.floor(time[2] / 1000)`;
/** The token outlives the lease, so that it never comes twice: hashes stay as long as their job comes at least once in a year. */
const YEAR_MS = 366 * 86_400_000;

const TAKE = redisScript(`${NOW}
  local slot, held = redis.call('HGET', KEYS[1], 'slot'), redis.call('HGET', KEYS[1], 'held')
  if slot and tonumber(slot) >= tonumber(ARGV[1]) then return 0 end
  if held and tonumber(held) > now then return 0 end
  redis.call('HSET', KEYS[1], 'slot', ARGV[1], 'held', now + ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ${YEAR_MS})
  return redis.call('HINCRBY', KEYS[1], 'token', 1)`);

const HOLD = redisScript(`${NOW}
  if redis.call('HGET', KEYS[1], 'token') ~= ARGV[1] then return 0 end
  redis.call('HSET', KEYS[1], 'held', now + ARGV[2])
  return 1`);

/**
 * Schedulers of all processes that share a Redis run a job once. A failover of Redis may lose the last taking, and a job then runs
 * twice; where that must not be, use `postgresLeases`.
 * @throws {@link StrataConfigError} naming the option
 */
export function redisLeases(options: RedisLeasesOptions): ScheduleLeases {
  refuseUnknown("redisLeases", options, ["client", "prefix"]);
  const { prefix = "strata:schedule" } = options;
  if (typeof prefix !== "string" || prefix === "") throw new StrataConfigError("redisLeases.prefix", prefix, "a text");
  const connection = connectRedis(options.client, { option: "redisLeases.client" });

  const call = async (script: RedisScript, job: string, ...args: (string | number)[]): Promise<number> =>
    Number(await connection.send({ script, keys: [`${prefix}:${job}`], args }));

  return {
    async take(job, slot, ms, { signal } = {}) {
      signal?.throwIfAborted();
      const token = await call(TAKE, job, slot, ms);
      if (token === 0) return undefined;
      return {
        token,
        renew: async (again) => (await call(HOLD, job, token, again)) === 1,
        end: async () => void (await call(HOLD, job, token, 0)),
      };
    },
    close: () => connection.close(),
  };
}
