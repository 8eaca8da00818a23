/**
 * The metrics of many processes in one Redis: each writes its own under a lease that ends by itself, and is listed with the time when
 * it was last heard of, by the clock of the server. Who ends in order takes itself off the list; who is killed stays on it for an hour,
 * without metrics, and is shown as gone.
 *
 * One hash slot for all keys, so that a cluster takes the same script. Nothing waits for Redis: while it is away nobody is seen, and
 * everything else goes on.
 */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { connectRedis, redisScript, type RedisSource } from "../../clients/redis.ts";
import type { Clock } from "../../core/clock.ts";
import { StrataConfigError } from "../../core/errors.ts";
import { parseClock, parseDuration, refuseUnknown, requireMethods, type Duration } from "../../core/options.ts";
import { readShared, sharedLine, type ShareableMetrics } from "./shared-line.ts";
import type { SharedMetrics } from "./shared-metrics.ts";
import type { GoneProcess } from "./top-figures.ts";

export interface ShareMetricsInRedisOptions {
  readonly metrics: ShareableMetrics;
  /** A URL, or a client of ioredis whose configuration is taken. */
  readonly client: RedisSource | string;
  /** What the process is called; default `"strata"`. */
  readonly name?: string | undefined;
  /** How often it tells; default `"2s"`. Who has said nothing for five times that is gone. */
  readonly every?: Duration | undefined;
  /** Begins the names of the keys; default `"strata:metrics"`. */
  readonly prefix?: string | undefined;
  readonly clock?: Clock | undefined;
}

export interface RedisMetricsShare {
  /** Takes the process off the list. May be called twice. */
  close(): Promise<void>;
}

const PREFIX = "strata:metrics";
const LEASE_TICKS = 5;
const KEPT_MS = 3_600_000;
/** Listed at a time; beyond it those that were not heard of for longest go. */
const MOST_PROCESSES = 1_000;

const NOW = "local time = redis.call('TIME') local now = time[1] * 1000 + math.floor(time[2] / 1000)";

const TELL = redisScript(`${NOW}
  redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
  redis.call('ZADD', KEYS[1], now, ARGV[1])
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ${KEPT_MS})
  redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -${MOST_PROCESSES + 1})
  redis.call('PEXPIRE', KEYS[1], ${KEPT_MS})
  return 1`);

const LIST = redisScript(`${NOW}
  return { now, redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES') }`);

function keysOf(prefix: string): { readonly list: string; of(id: string): string } {
  return { list: `{${prefix}}:list`, of: (id) => `{${prefix}}:of:${id}` };
}

function parsePrefix(option: string, prefix: string | undefined): string {
  if (prefix === "" || (prefix !== undefined && (typeof prefix !== "string" || /[{}]/.test(prefix))))
    throw new StrataConfigError(option, prefix, "a text without { and }");
  return prefix ?? PREFIX;
}

/**
 * Lets `strata top --redis URL` see this process. Keeps no process alive; what Redis refuses is tried again with the next tick.
 * @throws {@link StrataConfigError} naming the option
 * @example
 * ```ts
 * const share = shareMetricsInRedis({ metrics, client: "redis://localhost:6379", name: "api" });
 * ```
 */
export function shareMetricsInRedis(options: ShareMetricsInRedisOptions): RedisMetricsShare {
  refuseUnknown("shareMetricsInRedis", options, ["metrics", "client", "name", "every", "prefix", "clock"]);
  const { metrics, client, name = "strata" } = options;
  requireMethods("shareMetricsInRedis.metrics", metrics ?? null, ["snapshot"], "metrics, as createMetrics() gives them");
  const clock = parseClock(options.clock);
  const everyMs = parseDuration("shareMetricsInRedis.every", options.every ?? "2s");
  const keys = keysOf(parsePrefix("shareMetricsInRedis.prefix", options.prefix));
  const connection = connectRedis(client, { option: "shareMetricsInRedis.client", clock });
  const id = randomUUID();
  // The list holds the name too: of who is gone nothing else is left.
  const member = JSON.stringify({ id, name: name.slice(0, 100), pid: process.pid, host: hostname() });
  let cancel: (() => void) | undefined;
  let telling: Promise<void> = Promise.resolve();
  let closing: Promise<void> | undefined;

  async function tell(): Promise<void> {
    const line = sharedLine({ name, host: hostname() }, metrics);
    await connection.send({ script: TELL, keys: [keys.list, keys.of(id)], args: [member, line, LEASE_TICKS * everyMs] });
  }

  function tick(): void {
    telling = tell().catch(() => undefined);
    // The next one after this one: a slow server is not given more to do.
    void telling.then(() => {
      if (closing === undefined) cancel = clock.setTimer(everyMs, tick, { background: true });
    });
  }

  async function end(): Promise<void> {
    cancel?.();
    await telling;
    await connection
      .sendAll([
        ["DEL", keys.of(id)],
        ["ZREM", keys.list, member],
      ])
      .catch(() => undefined);
    await connection.close();
  }

  tick();
  return { close: () => (closing ??= end()) };
}

/** The processes that share their metrics in a Redis. */
export class RedisMetricsWatch {
  readonly #connection: ReturnType<typeof connectRedis>;
  readonly #keys: ReturnType<typeof keysOf>;
  processes: readonly SharedMetrics[] = [];
  gone: readonly GoneProcess[] = [];

  constructor(client: RedisSource | string, prefix?: string) {
    this.#connection = connectRedis(client, { option: "redis" });
    this.#keys = keysOf(parsePrefix("prefix", prefix));
  }

  /**
   * Looks who is there.
   * @throws {@link StrataError} `UNAVAILABLE` when Redis cannot be reached
   */
  async look(): Promise<void> {
    const [now, listed] = (await this.#connection.send({ script: LIST, keys: [this.#keys.list], args: [] })) as [
      number,
      readonly string[],
    ];
    const members = listed.flatMap((member, index) => (index % 2 === 0 ? readMember(member, Number(listed[index + 1])) : []));
    const lines =
      members.length === 0
        ? []
        : ((await this.#connection.send(["MGET", ...members.map(({ id }) => this.#keys.of(id))])) as readonly (string | null)[]);
    const processes: SharedMetrics[] = [];
    const gone: GoneProcess[] = [];
    for (const [index, { name, pid, host, seenAt }] of members.entries()) {
      const shared = readShared(lines[index] ?? "");
      if (shared !== undefined) processes.push(shared);
      else if (lines[index] === null) gone.push({ name, pid, host, ms: Math.max(0, now - seenAt) });
    }
    this.processes = processes;
    this.gone = gone;
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}

interface Member {
  readonly id: string;
  readonly name: string;
  readonly pid: number;
  readonly host: string;
  readonly seenAt: number;
}

/** None for what is none of ours. */
function readMember(text: string, seenAt: number): Member[] {
  try {
    const { id, name, pid, host } = JSON.parse(text) as Partial<Member>;
    const isOurs = typeof id === "string" && typeof name === "string" && typeof pid === "number" && typeof host === "string";
    return isOurs ? [{ id, name, pid, host, seenAt }] : [];
  } catch {
    return [];
  }
}
