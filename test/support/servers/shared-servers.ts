import { randomBytes } from "node:crypto";
import { Redis } from "ioredis";
import { probePostgres, probeRedis, queryOnce } from "./probes.ts";
import { chooseRoute, startPostgres, startRedis } from "./routes.ts";
import type { PostgresOptions, RedisOptions, TestServer } from "./test-server.ts";

/** One PostgreSQL and one Redis for a whole run, in which every test makes a database and a key prefix of its own. */
export interface SharedServers {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** Part of the name of everything that this run creates: eight hexadecimal digits. */
  readonly runId: string;
  /** One line a server: its version, where it came from, how long that took. */
  readonly report: readonly string[];
  /** Ends the servers that we started, and deletes what the run created in those that we were given. Safe to call twice. */
  close(): Promise<void>;
}

export interface SharedServersOptions {
  /** `TEST_DATABASE_URL` and `TEST_REDIS_URL` are read from it; default the process' environment. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  readonly postgres?: PostgresOptions;
  readonly redis?: RedisOptions;
}

/** Name of the database that is copied for each test: it has the extension `vector`, and nobody connects to it. */
export function templateName(runId: string): string {
  return `strata_${runId}_template`;
}

/**
 * Connects to the servers that the environment names, or else starts them.
 * @throws if one of them is to be had in no way, or does not answer
 */
export async function openSharedServers(options: SharedServersOptions = {}): Promise<SharedServers> {
  const environment = options.environment ?? process.env;
  const runId = randomBytes(4).toString("hex");
  const opened = await Promise.allSettled([
    open("TEST_DATABASE_URL", environment, probePostgres, () => startPostgres(options.postgres)),
    open("TEST_REDIS_URL", environment, probeRedis, () => startRedis(options.redis)),
  ]);
  const [postgres, redis] = opened.map((result) => (result.status === "fulfilled" ? result.value : undefined));
  let closed: Promise<unknown> | undefined;
  const close = async (): Promise<void> => {
    closed ??= Promise.all([
      postgres && (postgres.server?.stop() ?? dropDatabases(postgres.url, runId)),
      redis && (redis.server?.stop() ?? deleteKeys(redis.url, runId)),
    ]);
    await closed;
  };
  try {
    if (postgres === undefined || redis === undefined) throw opened.find((result) => result.status === "rejected")?.reason;
    await createTemplate(postgres.url, runId);
    const report = [postgres.line, redis.line];
    return { databaseUrl: postgres.url, redisUrl: redis.url, runId, report, close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Opened {
  readonly url: string;
  readonly line: string;
  /** Undefined if it was given to us. */
  readonly server: TestServer | undefined;
}

async function open(
  variable: string,
  environment: Readonly<Record<string, string | undefined>>,
  probe: (url: string) => Promise<string>,
  start: () => Promise<TestServer>,
): Promise<Opened> {
  const given = environment[variable];
  if (given !== undefined && given !== "") {
    const version = await probe(given).catch((error: Error) => {
      throw new Error(`${variable} is set, but: ${error.message}`, { cause: error });
    });
    return { url: given, line: `${version}: from ${variable}`, server: undefined };
  }
  const begin = performance.now();
  const { description } = await chooseRoute();
  const server = await start();
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  return { url: server.url, line: `${server.version}: ${description}, ready after ${seconds} s`, server };
}

async function createTemplate(url: string, runId: string): Promise<void> {
  const name = templateName(runId);
  await queryOnce(url, `CREATE DATABASE ${name}`);
  await queryOnce(withDatabase(url, name), "CREATE EXTENSION vector");
}

/** The same server, another database. */
export function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

async function dropDatabases(url: string, runId: string): Promise<void> {
  const names = await queryOnce(url, `SELECT datname FROM pg_database WHERE datname LIKE 'strata\\_${runId}\\_%'`);
  for (const { datname } of names) await queryOnce(url, `DROP DATABASE ${String(datname)} WITH (FORCE)`);
}

async function deleteKeys(url: string, runId: string): Promise<void> {
  const redis = new Redis(url, { lazyConnect: true });
  try {
    for await (const keys of redis.scanStream({ match: `strata-test:${runId}:*`, count: 1000 })) {
      if ((keys as string[]).length > 0) await redis.unlink(keys as string[]);
    }
  } finally {
    redis.disconnect();
  }
}
