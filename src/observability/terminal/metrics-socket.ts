/**
 * The metrics of a running process, for other processes of the same user on the same machine: a Unix socket in the data folder, on
 * which a line of JSON is written at once and then every second. Nothing is read from it: whoever connects can only look.
 *
 * Whose it is decides the file system: the folder is 0700 and the socket 0600.
 */
import { chmodSync, readdirSync, rmSync } from "node:fs";
import { createConnection, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { systemClock, type Clock } from "../../core/clock.ts";
import { StrataError } from "../../core/errors.ts";
import { makePrivateFolder } from "../../core/private-folder.ts";
import { readShared, sharedLine, type ShareableMetrics } from "./shared-line.ts";
import type { SharedMetrics } from "./shared-metrics.ts";

export interface ShareMetricsOptions {
  readonly metrics: ShareableMetrics;
  /** The data folder; made, private to the user, when it is not there. */
  readonly folder: string;
  /** What the process is called; default `"strata"`. */
  readonly name?: string | undefined;
  readonly clock?: Clock | undefined;
}

export interface MetricsShare {
  /** Where the socket lies. */
  readonly path: string;
  /** Removes the socket. May be called twice. */
  close(): Promise<void>;
}

const TICK_MS = 1_000;
const SOCKET = /^metrics-\d{1,10}\.sock$/;
/** Of `sockaddr_un`, on Linux and macOS; the smaller of the two. */
const LONGEST_PATH = 103;
/** What says more is no process of ours. */
const LONGEST_LINE = 1024 * 1024;

/**
 * Lets `strata top` see this process. Keeps no process alive.
 * @throws {@link StrataError} `UNAVAILABLE` when the socket cannot be made there
 */
export async function shareMetrics(options: ShareMetricsOptions): Promise<MetricsShare> {
  const { metrics, folder, name = "strata", clock = systemClock } = options;
  makePrivateFolder(folder);
  const path = join(folder, `metrics-${process.pid}.sock`);
  if (Buffer.byteLength(path) > LONGEST_PATH) throw new StrataError("UNAVAILABLE", `The path of the socket is too long: ${path}`);
  const open = new Set<Socket>();
  let cancel: (() => void) | undefined;
  const line = (): string => `${sharedLine({ name }, metrics)}
`;
  function tick(): void {
    const text = line();
    // Who does not take what was written is passed over: the newest state counts.
    for (const socket of open) if (socket.writableLength === 0) socket.write(text);
    cancel = open.size === 0 ? undefined : clock.setTimer(TICK_MS, tick, { background: true });
  }
  const server = createServer((socket) => {
    open.add(socket);
    socket.unref();
    socket.on("error", () => socket.destroy()).on("close", () => open.delete(socket));
    socket.resume();
    socket.write(line());
    cancel ??= clock.setTimer(TICK_MS, tick, { background: true });
  });
  rmSync(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => reject(new StrataError("UNAVAILABLE", `No socket can be made at ${path}.`, { cause })));
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
  server.unref();
  let closing: Promise<void> | undefined;
  return {
    path,
    close() {
      closing ??= new Promise<void>((resolve) => {
        cancel?.();
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      });
      return closing;
    },
  };
}

/** The processes that share their metrics in a folder, as long as it is watched. */
export class MetricsWatch {
  readonly #folder: string;
  readonly #sockets = new Map<string, Socket>();
  readonly #latest = new Map<string, SharedMetrics>();
  /** A socket that closes leaves nothing to tell of. */
  readonly gone: readonly never[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** What each process said last. */
  get processes(): readonly SharedMetrics[] {
    return [...this.#latest.values()];
  }

  /** Connects to the sockets that are new. Resolves when each has said something, or is found dead. */
  async look(): Promise<void> {
    let names: string[] = [];
    try {
      names = readdirSync(this.#folder).filter((name) => SOCKET.test(name));
    } catch {
      // Nothing was ever kept there.
    }
    await Promise.all(names.filter((name) => !this.#sockets.has(name)).map((name) => this.#connect(name)));
  }

  close(): void {
    for (const socket of this.#sockets.values()) socket.destroy();
  }

  #connect(name: string): Promise<void> {
    return new Promise((resolve) => {
      const socket = createConnection(join(this.#folder, name));
      this.#sockets.set(name, socket);
      let unread = 0;
      socket.on("data", (chunk: Buffer) => {
        unread = chunk.includes(0x0a) ? 0 : unread + chunk.length;
        if (unread > LONGEST_LINE) socket.destroy();
      });
      const lines = createInterface({ input: socket });
      // What readline is told of the socket's errors it tells again; both are the end, which `close` sees.
      lines.on("error", () => undefined);
      lines.on("line", (text) => {
        const said = readShared(text);
        if (said !== undefined) this.#latest.set(name, said);
        resolve();
      });
      socket
        .on("error", () => undefined)
        .on("close", () => {
          this.#sockets.delete(name);
          this.#latest.delete(name);
          resolve();
        });
    });
  }
}
