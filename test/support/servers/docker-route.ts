import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { ContainerRuntimeClient } from "testcontainers";
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
    for (const image of [POSTGRES_IMAGE, REDIS_IMAGES.redis8]) await fetchImage(client, image);
    const { getReaper } = await import("testcontainers");
    await getReaper(client).catch((error: Error) => {
      throw new RouteUnavailable(`testcontainers cannot start its reaper (${error.message})`);
    });
    return `${POSTGRES_IMAGE}, ${REDIS_IMAGES.redis8}`;
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
  const { getReaper, LABEL_TESTCONTAINERS_SESSION_ID } = await import("testcontainers");
  await fetchImage(client, plan.image);
  const host = client.info.containerRuntime.host;
  // A port that we choose stays the same over a restart; one that the engine chooses does not.
  const port = await freePort();
  const url = plan.url(`${host}:${port}`);
  const container = await client.container.create({
    Image: plan.image,
    Cmd: plan.command,
    Env: Object.entries(plan.environment ?? {}).map(([name, value]) => `${name}=${value}`),
    ExposedPorts: { [`${plan.port}/tcp`]: {} },
    HostConfig: { PortBindings: { [`${plan.port}/tcp`]: [{ HostPort: String(port) }] } },
    // By this label testcontainers' reaper knows what to remove when we have been killed.
    Labels: { [LABEL_TESTCONTAINERS_SESSION_ID]: (await getReaper(client)).sessionId },
  });
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    await container.remove({ force: true, v: true });
  };
  const failure = async (): Promise<Error | undefined> => {
    if ((await container.inspect()).State.Running) return undefined;
    const log = await container.logs({ stdout: true, stderr: true, tail: 30 });
    return new Error(`The container of ${plan.image} ended:\n${log.toString("utf8").replace(/[^\P{Cc}\n]/gu, "")}`);
  };
  const ready = (): Promise<string> => waitFor(() => plan.probe(url), START_MS, failure);
  try {
    await container.start();
    const version = await ready();
    return { url, host, port, pid: undefined, version, kill, restart, stop };
  } catch (error) {
    await stop();
    throw error;
  }

  async function kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    if (signal === "SIGSTOP") return void (await container.pause());
    if (signal === "SIGCONT") return void (await container.unpause());
    const ended = ENDING_SIGNALS.has(signal) ? container.wait() : undefined;
    await container.kill({ signal });
    await ended;
  }

  async function restart(): Promise<void> {
    const running = (await container.inspect()).State.Running;
    await (running ? container.restart() : container.start());
    await ready();
  }
}

/** @throws {RouteUnavailable} the image is not here, and no registry gives it */
async function fetchImage(client: ContainerRuntimeClient, image: string): Promise<void> {
  const { ImageName } = await import("testcontainers");
  const name = ImageName.fromString(image);
  if (await client.image.exists(name)) return;
  await client.image.pull(name).catch((error: Error) => {
    throw new RouteUnavailable(`the image ${image} is not here and cannot be pulled (${error.message})`);
  });
}
