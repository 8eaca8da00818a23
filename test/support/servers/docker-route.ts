import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { ContainerRuntimeClient, StartedTestContainer } from "testcontainers";
import { freePort } from "./local-server.ts";
import { probePostgres, probeRedis, waitFor } from "./probes.ts";
import {
  ENDING_SIGNALS,
  postgresArguments,
  redisArguments,
  RouteUnavailable,
  type RedisFlavour,
  type Route,
  type TestServer,
} from "./test-server.ts";

/** How long an engine may take to say that it is there, milliseconds. One whose socket is dead must not hold up the tests. */
const ANSWER_MS = 3_000;
const START_MS = 60_000;
const POSTGRES_IMAGE = "pgvector/pgvector:pg17";
const REDIS_IMAGES: Record<RedisFlavour, string> = { redis8: "redis:8", redis7: "redis:7", valkey: "valkey/valkey:8" };

/** Servers in containers, by any engine that testcontainers finds. That a `docker` command exists says nothing. */
export const dockerRoute: Route = {
  name: "containers",
  async prepare() {
    const client = await engine();
    return `engine ${client.info.containerRuntime.host}`;
  },

  async startRedis(options = {}) {
    const flavour = options.flavour ?? "redis8";
    const program = flavour === "valkey" ? "valkey-server" : "redis-server";
    const login = options.password === undefined ? "" : `:${encodeURIComponent(options.password)}@`;
    return startContainer({
      image: REDIS_IMAGES[flavour],
      port: 6379,
      command: [program, "--bind", "*", "--protected-mode", "no", ...redisArguments(options)],
      url: (address) => `redis://${login}${address}`,
      probe: probeRedis,
    });
  },

  async startPostgres(options = {}) {
    return startContainer({
      image: POSTGRES_IMAGE,
      port: 5432,
      command: ["postgres", ...postgresArguments(options)],
      environment: { POSTGRES_HOST_AUTH_METHOD: "trust", POSTGRES_INITDB_ARGS: "--encoding=UTF8 --locale=C.UTF-8" },
      url: (address) => `postgresql://postgres@${address}/postgres`,
      probe: probePostgres,
    });
  },
};

interface ContainerPlan {
  readonly image: string;
  readonly port: number;
  readonly command: string[];
  readonly environment?: Record<string, string>;
  readonly url: (address: string) => string;
  readonly probe: (url: string) => Promise<string>;
}

/** @throws {RouteUnavailable} no engine answers */
async function engine(): Promise<ContainerRuntimeClient> {
  // Loading testcontainers takes a quarter of a second, for nothing where there is not even a socket.
  if (!engineMayExist()) throw new RouteUnavailable("no engine's socket is here, and DOCKER_HOST is not set");
  const { getContainerRuntimeClient } = await import("testcontainers");
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${ANSWER_MS} ms`)), ANSWER_MS);
  });
  try {
    return await Promise.race([getContainerRuntimeClient(), late]);
  } catch (error) {
    throw new RouteUnavailable(`no engine answers (${(error as Error).message})`);
  } finally {
    clearTimeout(timer);
  }
}

/** The places where testcontainers looks. */
function engineMayExist(): boolean {
  const sockets = [
    "/var/run/docker.sock",
    "//./pipe/docker_engine",
    join(process.env["XDG_RUNTIME_DIR"] ?? `/run/user/${process.getuid?.()}`, "docker.sock"),
    ...[".docker/run", ".docker/desktop"].map((folder) => join(homedir(), folder, "docker.sock")),
    join(homedir(), ".testcontainers.properties"),
  ];
  return process.env["DOCKER_HOST"] !== undefined || sockets.some((path) => existsSync(path));
}

async function startContainer(plan: ContainerPlan): Promise<TestServer> {
  const client = await engine();
  const { GenericContainer } = await import("testcontainers");
  // A port that we choose stays the same over a restart; one that the engine chooses does not.
  const container: StartedTestContainer = await new GenericContainer(plan.image)
    .withExposedPorts({ container: plan.port, host: await freePort() })
    .withEnvironment(plan.environment ?? {})
    .withCommand(plan.command)
    .withStartupTimeout(START_MS)
    .start();
  const handle = client.container.getById(container.getId());
  const port = container.getMappedPort(plan.port);
  const url = plan.url(`${container.getHost()}:${port}`);
  const ready = (): Promise<string> =>
    waitFor(
      () => plan.probe(url),
      START_MS,
      () => undefined,
    );
  const version = await ready();
  let stopped = false;
  return {
    url,
    host: container.getHost(),
    port,
    pid: undefined,
    version,
    async kill(signal = "SIGKILL") {
      if (signal === "SIGSTOP") return void (await handle.pause());
      if (signal === "SIGCONT") return void (await handle.unpause());
      const ended = ENDING_SIGNALS.has(signal) ? handle.wait() : undefined;
      await handle.kill({ signal });
      await ended;
    },
    async restart() {
      const running = (await handle.inspect()).State.Running;
      await (running ? handle.restart() : handle.start());
      await ready();
    },
    async stop() {
      if (stopped) return;
      stopped = true;
      await handle.remove({ force: true, v: true });
    },
  };
}
