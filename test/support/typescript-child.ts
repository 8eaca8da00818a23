import { spawn, type ChildProcess } from "node:child_process";

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A process of ours that runs one TypeScript file, for what must not happen in the test's own: to be killed, or to crash. */
export interface TypeScriptChild {
  /** What it has sent so far, oldest first. */
  readonly messages: readonly unknown[];
  /** What it has written to standard output and standard error so far. */
  readonly noise: string;
  readonly ended: Promise<Ended>;
  readonly pid: number | undefined;
  /** How it ended, once it has. */
  readonly end: Ended | undefined;
  /** Resolves with the next message that has not been taken yet; rejects when the process ends first. */
  next(): Promise<unknown>;
  send(message: object): void;
  /** `SIGKILL`, which no process can put off. Resolves when it is gone. */
  kill(): Promise<void>;
}

/** @param shell what bash runs before the process, in the same process: `ulimit -f 1024` */
export function startTypeScript(file: string, words: readonly string[] = [], shell?: string): TypeScriptChild {
  const node = [process.execPath, "--import", "tsx", file, ...words] as const;
  const [command, ...rest] = shell === undefined ? node : (["bash", "-c", `${shell} && exec "$@"`, "bash", ...node] as const);
  return watch(spawn(command, rest, { stdio: ["ignore", "pipe", "pipe", "ipc"] }));
}

function watch(child: ChildProcess): TypeScriptChild {
  const messages: unknown[] = [];
  let noise = "";
  let taken = 0;
  let wake = (): void => undefined;
  child.on("message", (message) => {
    messages.push(message);
    wake();
  });
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (noise += String(chunk)));
  let end: Ended | undefined;
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code, signal) => {
      end = { code, signal };
      resolve(end);
      wake();
    });
  });
  return {
    messages,
    pid: child.pid,
    get noise() {
      return noise;
    },
    ended,
    get end() {
      return end;
    },
    async next() {
      while (messages.length <= taken) {
        if (end !== undefined) throw new Error(`The process ended with ${JSON.stringify(end)}: ${noise}`);
        await new Promise<void>((resolve) => (wake = resolve));
      }
      return messages[taken++];
    },
    send: (message) => void child.send(message),
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
