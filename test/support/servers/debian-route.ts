import { join } from "node:path";
import { freePort, LocalServer, ourRunDirectories } from "./local-server.ts";
import { openPrefix, type Prefix, type PrefixPlan } from "./private-prefix.ts";
import { probePostgres, probeRedis } from "./probes.ts";
import { runCommand } from "./run-command.ts";
import { asServerUser, dataDirectory } from "./server-user.ts";
import {
  postgresArguments,
  redisArguments,
  type PostgresOptions,
  type RedisOptions,
  type Route,
  type TestServer,
} from "./test-server.ts";

const POSTGRES_PROGRAMS = "usr/lib/postgresql/17/bin";

const words = (text: string): string[] => text.trim().split(/\s+/);

/** PostgreSQL 17 with pgvector, Redis 8 and Valkey 8 of Debian 13, with all that they link; LLVM (35 MB) is left out. */
const SERVERS: PrefixPlan = {
  name: "servers",
  suite: "trixie",
  packages: words(`
    libc6 libgcc-s1 libstdc++6 zlib1g libzstd1 liblz4-1 liblzma5 libssl3t64 libatomic1 libsystemd0 libcap2
    postgresql-17 postgresql-17-pgvector postgresql-client-17 libpq5 libicu76 libxml2 libxslt1.1 libuuid1
    libldap2 libsasl2-2 libpam0g libselinux1 libpcre2-8-0 libaudit1 libcap-ng0 libxxhash0
    libgssapi-krb5-2 libkrb5-3 libk5crypto3 libcom-err2 libkrb5support0 libkeyutils1
    redis-server redis-tools valkey-server valkey-tools libjemalloc2 liblzf1
  `),
  wrap: [POSTGRES_PROGRAMS],
};

/** Redis 7.0 of Debian 12: the oldest that is supported, and without vector sets. */
const OLD_REDIS: PrefixPlan = {
  name: "redis7",
  suite: "bookworm",
  packages: words(`
    libc6 libgcc-s1 libstdc++6 libatomic1 libzstd1 liblz4-1 liblzma5 libssl3 libsystemd0 libcap2 libgcrypt20 libgpg-error0
    redis-server redis-tools libhiredis0.14 libjemalloc2 liblzf1 liblua5.1-0 lua-bitop lua-cjson
  `),
  wrap: [],
};

/** Servers from Debian's own packages, unpacked beside the project. */
export const debianRoute: Route = {
  name: "Debian packages in a private folder",
  async prepare() {
    return (await openPrefix(SERVERS)).origin;
  },

  async startRedis(options = {}): Promise<TestServer> {
    const flavour = options.flavour ?? "redis8";
    const prefix = await openPrefix(flavour === "redis7" ? OLD_REDIS : SERVERS);
    const program = flavour === "valkey" ? "valkey-server" : "redis-server";
    return startRedis(prefix, program, options);
  },

  async startPostgres(options = {}): Promise<TestServer> {
    return startPostgres(await openPrefix(SERVERS), options);
  },

  async startStandby(primary) {
    return startStandby(await openPrefix(SERVERS), primary);
  },
};

async function startRedis(prefix: Prefix, program: string, options: RedisOptions): Promise<TestServer> {
  const { disk, memory } = await ourRunDirectories();
  const directory = await dataDirectory(options.aof === true ? disk : memory, program);
  const port = await freePort();
  const login = options.password === undefined ? "" : `:${encodeURIComponent(options.password)}@`;
  const url = `redis://${login}127.0.0.1:${port}`;
  const place = ["--bind", "127.0.0.1", "--port", String(port), "--dir", directory];
  return LocalServer.start({
    name: program,
    url,
    port,
    directory,
    command: prefix.command(`usr/bin/${program}`, [...place, ...redisArguments(options)]),
    probe: () => probeRedis(url),
    shutdown: "SIGTERM",
    abort: "KILL",
  });
}

async function startPostgres(prefix: Prefix, options: PostgresOptions): Promise<TestServer> {
  const { disk, memory } = await ourRunDirectories();
  const directory = await dataDirectory(options.durability === "shipped" ? disk : memory, "postgres");
  const port = await freePort();
  const data = join(directory, "data");
  const program = (name: string): string => join(prefix.directory, POSTGRES_PROGRAMS, name);
  const format = ["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"];
  const [command, args] = asServerUser([program("initdb"), `--pgdata=${data}`, ...format]);
  await runCommand([command, ...args], directory);
  return servePostgres(prefix, { directory, data, port }, options);
}

async function startStandby(prefix: Prefix, primary: TestServer): Promise<TestServer> {
  const directory = await dataDirectory((await ourRunDirectories()).memory, "standby");
  const data = join(directory, "data");
  const backup = join(prefix.directory, POSTGRES_PROGRAMS, "pg_basebackup");
  const how = ["--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast", "--no-sync"];
  const [command, args] = asServerUser([backup, `--dbname=${primary.url}`, `--pgdata=${data}`, ...how]);
  await runCommand([command, ...args], directory);
  return servePostgres(prefix, { directory, data, port: await freePort() }, {});
}

interface PostgresPlace {
  readonly directory: string;
  readonly data: string;
  readonly port: number;
}

function servePostgres(prefix: Prefix, { directory, data, port }: PostgresPlace, options: PostgresOptions): Promise<TestServer> {
  const place = ["-D", data, "-p", String(port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="];
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`;
  return LocalServer.start({
    name: "postgres",
    url,
    port,
    directory,
    command: [join(prefix.directory, POSTGRES_PROGRAMS, "postgres"), ...place, ...postgresArguments(options)],
    probe: () => probePostgres(url),
    shutdown: "SIGINT",
    abort: "QUIT", // Killed at once it would leave its shared memory in the system.
  });
}
