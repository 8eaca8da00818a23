import { spawn, type ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { waitFor } from "./probes.ts";
import { asServerUser, makeRunDirectories, type RunDirectories } from "./server-user.ts";
import { ENDING_SIGNALS, type TestServer } from "./test-server.ts";

/** Longest start that is waited for, milliseconds; a PostgreSQL that was killed replays its log first. */
const START_MS = 30_000;
/** How long a server may take to shut down when asked, milliseconds; then it is killed. */
const SHUTDOWN_MS = 10_000;

export interface LocalServerPlan {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  readonly directory: string;
  readonly command: readonly string[];
  /** Resolves with the server's version when it serves. */
  readonly probe: () => Promise<string>;
  /** Asks for a clean shutdown. */
  readonly shutdown: NodeJS.Signals;
  /** Asks for the quickest end that leaves nothing behind in the system. */
  readonly abort: "KILL" | "QUIT";
}

/** Set by a test run for its workers, which are killed when they are done and could not clean up. */
const PARENTS_DIRECTORIES = "STRATA_TEST_RUN_DIRECTORIES";

const live = new Set<LocalServer>();
let directories: Promise<RunDirectories> | undefined;

/** Where this process, or the test run that it works for, keeps the data of its servers; gone when the run ends. */
export function ourRunDirectories(): Promise<RunDirectories> {
  directories ??= joinRun() ?? beginRun();
  return directories;
}

/** Makes the processes that we start from now on keep their servers' data in our run directories. */
export async function shareRunDirectories(): Promise<void> {
  process.env[PARENTS_DIRECTORIES] = JSON.stringify(await ourRunDirectories());
}

/** The run directories of the test run that started us; undefined if none did. */
function joinRun(): Promise<RunDirectories> | undefined {
  const parents = process.env[PARENTS_DIRECTORIES];
  if (parents === undefined) return undefined;
  // A worker whose run was killed would finish its test first, with its servers. It ends at once, and they with it.
  process.once("disconnect", () => process.kill(process.pid, "SIGKILL"));
  return Promise.resolve(JSON.parse(parents) as RunDirectories);
}

async function beginRun(): Promise<RunDirectories> {
  const made = await makeRunDirectories();
  process.once("exit", () => {
    for (const server of live) server.abandon();
    for (const directory of Object.values<string>({ ...made })) rmSync(directory, { recursive: true, force: true });
  });
  return made;
}

/** A port of the loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A server that runs as a child of this process. */
export class LocalServer implements TestServer {
  readonly host = "127.0.0.1";
  readonly url: string;
  readonly port: number;
  readonly #plan: LocalServerPlan;
  readonly #log: string;
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #version = "";

  /** @throws with the end of the server's log if it does not come up */
  static async start(plan: LocalServerPlan): Promise<LocalServer> {
    const server = new LocalServer(plan);
    live.add(server);
    try {
      await server.#start();
      return server;
    } catch (error) {
      await server.stop();
      throw error;
    }
  }

  private constructor(plan: LocalServerPlan) {
    this.#plan = plan;
    this.url = plan.url;
    this.port = plan.port;
    this.#log = join(plan.directory, "server.log");
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get version(): string {
    return this.#version;
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    if (this.#child === undefined) throw new Error(`${this.#plan.name} at port ${this.port} is not running`);
    this.#signal(signal);
    if (ENDING_SIGNALS.has(signal)) await this.#ended;
  }

  async restart(): Promise<void> {
    await this.#end(this.#plan.shutdown);
    await this.#start();
  }

  async stop(): Promise<void> {
    await this.#end(`SIG${this.#plan.abort}`);
    live.delete(this);
    await rm(this.#plan.directory, { recursive: true, force: true });
  }

  /** Ends it at once, without waiting, when this process exits. */
  abandon(): void {
    this.#signal("SIGCONT");
    this.#signal(`SIG${this.#plan.abort}`);
  }

  #signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
    if (signal !== "SIGSTOP" && signal !== "SIGCONT") return;
    // PostgreSQL serves each connection by a process of its own, which ends with the main one but does not freeze with it.
    for (const pid of childrenOf(this.#child?.pid)) {
      try {
        process.kill(pid, signal);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // Its connection was closed meanwhile.
      }
    }
  }

  async #start(): Promise<void> {
    const deadline = performance.now() + SHUTDOWN_MS;
    for (;;) {
      try {
        this.#version = await this.#startOnce();
        return;
      } catch (error) {
        // The workers of a killed PostgreSQL hold its memory for a moment, and the next one refuses to start meanwhile.
        if (!/still in use|already in use/.test(String(error)) || performance.now() > deadline) throw error;
      }
    }
  }

  async #startOnce(): Promise<string> {
    const [command, args] = asServerUser(this.#plan.command, this.#plan.abort);
    const log = openSync(this.#log, "a");
    // A group of its own: Ctrl-C in the terminal is for the test run, which then ends its servers in order.
    const child = spawn(command, args, { cwd: this.#plan.directory, stdio: ["ignore", log, log], detached: true });
    closeSync(log);
    let failure: Error | undefined;
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      child.once("error", (error) => {
        failure = error;
        resolve();
      });
      child.once("exit", (code, signal) => {
        failure = new Error(`${this.#plan.name} ended with ${code ?? signal}:\n${readFileSync(this.#log, "utf8").slice(-2_000)}`);
        this.#child = undefined;
        resolve();
      });
    });
    try {
      return await waitFor(this.#plan.probe, START_MS, () => failure);
    } catch (error) {
      await this.#end("SIGKILL");
      throw error;
    }
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (this.#child === undefined) return;
    this.#signal("SIGCONT"); // A frozen server would not hear the next one.
    this.#signal(signal);
    const timer = setTimeout(() => this.#signal("SIGKILL"), SHUTDOWN_MS);
    await this.#ended;
    clearTimeout(timer);
  }
}

/** Processes that a process has started and that are still there, as Linux lists them. */
function childrenOf(pid: number | undefined): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
  } catch {
    return []; // It has ended meanwhile.
  }
}
