/** One real server that a test owns: it may be killed, frozen and started again without harm to other tests. */
export interface TestServer {
  /** Connection string; stays the same over `restart()`. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  /** Process id of the server itself; undefined while it is down, and for a server inside a container. */
  readonly pid: number | undefined;
  /** What the server says it is: `Redis 8.0.2`, `PostgreSQL 17.11, pgvector 0.8.0`. */
  readonly version: string;
  /**
   * Sends a signal, `SIGKILL` unless told. One that ends the server (KILL, TERM, INT, QUIT) is waited for; `SIGSTOP` and
   * `SIGCONT` freeze and thaw it.
   */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it on the same port and the same data; a server that still runs is shut down cleanly before. */
  restart(): Promise<void>;
  /** Ends it and deletes its data. Safe to call twice. */
  stop(): Promise<void>;
}

/** The signals after which a server is gone. */
export const ENDING_SIGNALS: ReadonlySet<NodeJS.Signals> = new Set(["SIGKILL", "SIGTERM", "SIGINT", "SIGQUIT"]);

/** A way of getting servers: a container engine, or Debian's packages. */
export interface Route {
  /** Named in messages. */
  readonly name: string;
  /**
   * Fetches what the servers need, and resolves with a few words on it (`cached`, `built in 5 s`).
   * @throws {RouteUnavailable} this machine cannot go this way
   */
  prepare(): Promise<string>;
  startRedis(options?: RedisOptions): Promise<TestServer>;
  startPostgres(options?: PostgresOptions): Promise<TestServer>;
  /** Starts a PostgreSQL that follows another one's log, made by `pg_basebackup`; only where servers run beside us. */
  startStandby?(primary: TestServer): Promise<TestServer>;
}

/** A route that this machine cannot take; the message says why, in the middle of a sentence. */
export class RouteUnavailable extends Error {
  override readonly name = "RouteUnavailable";
}

/** `redis8` has vector sets; `redis7` has neither those nor expiry of hash fields; `valkey` is the fork that Linux systems ship. */
export type RedisFlavour = "redis8" | "redis7" | "valkey";

export interface RedisOptions {
  /** Default `redis8`. */
  readonly flavour?: RedisFlavour;
  /** Append-only file, synced before every reply: what was acknowledged survives a kill. Default off: a restart starts empty. */
  readonly aof?: boolean;
  /** Makes clients send this password; it is part of `url`. */
  readonly password?: string;
  /** More server arguments, such as `["--maxmemory", "3mb"]`; they win over ours. */
  readonly args?: readonly string[];
}

export interface PostgresOptions {
  /**
   * `fast` (default) gives durability up for speed, and may lose commits when killed; `shipped` is what PostgreSQL ships with,
   * for tests of durability and for benchmarks.
   */
  readonly durability?: "fast" | "shipped";
  /** More server settings, such as `{ statement_timeout: "500ms" }`; they win over ours. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Arguments of `redis-server`, the same on every route. `DEBUG` is allowed because fault tests use `DEBUG SLEEP`. */
export function redisArguments(options: RedisOptions): string[] {
  const settings = {
    save: "",
    "enable-debug-command": "yes",
    appendonly: options.aof === true ? "yes" : "no",
    appendfsync: "always",
  };
  return [
    ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
    ...(options.password === undefined ? [] : ["--requirepass", options.password]),
    ...(options.args ?? []),
  ];
}

/** Arguments of `postgres`, the same on every route. Compiling queries is off: the private prefix carries no LLVM. */
export function postgresArguments(options: PostgresOptions): string[] {
  const fast = { fsync: "off", synchronous_commit: "off", full_page_writes: "off", max_wal_size: "256MB" };
  const settings = { jit: "off", max_connections: "200", ...(options.durability === "shipped" ? {} : fast), ...options.settings };
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}
