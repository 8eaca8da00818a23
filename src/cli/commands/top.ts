/** `strata top`: the figures of the processes that share them in a data folder or in Redis, live. */
import { parseArgs } from "node:util";
import { sleep } from "../../core/abort.ts";
import { systemClock } from "../../core/clock.ts";
import { RedisMetricsWatch } from "../../observability/terminal/metrics-in-redis.ts";
import { MetricsWatch } from "../../observability/terminal/metrics-socket.ts";
import type { SharedMetrics } from "../../observability/terminal/shared-metrics.ts";
import { topFigures, type GoneProcess, type TopFigures } from "../../observability/terminal/top-figures.ts";
import { topScreen } from "../../observability/terminal/top-screen.ts";
import { UsageError, type Command, type Terminal } from "../command.ts";
import { untilInterrupted } from "../interrupt.ts";
import { liveScreen } from "../live-screen.ts";

const TICK_MS = 1_000;
const KEPT = 200;

export const top: Command = {
  name: "top",
  summary: "watch running processes live in the terminal",
  usage: `Usage: strata top [--data DIR | --redis URL [--prefix P]] [--once [--json]]

Adds up what processes share with \`observability: { share: true }\`, or with \`shareMetrics\` and \`shareMetricsInRedis\`.

  --data DIR   the folder of processes on this machine; default: .strata
  --redis URL  the Redis of processes on any machine
  --prefix P   of the keys there; default: strata:metrics
  --once       prints the figures once and ends
  --json       with --once: as JSON

q or Ctrl-C quits.`,
  async run(args, terminal) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        data: { type: "string" },
        redis: { type: "string" },
        prefix: { type: "string" },
        once: { type: "boolean" },
        json: { type: "boolean" },
      },
      strict: true,
    });
    const { data, redis, prefix } = values;
    if (values.json === true && values.once !== true) throw new UsageError("--json goes with --once.");
    if (data !== undefined && redis !== undefined) throw new UsageError("--data or --redis, not both.");
    if (prefix !== undefined && redis === undefined) throw new UsageError("--prefix goes with --redis.");
    const watch: Watch = redis === undefined ? new MetricsWatch(data ?? ".strata") : new RedisMetricsWatch(redis, prefix);
    try {
      await watch.look();
      if (values.once === true) {
        // A URL may hold a password.
        return once(watch, redis === undefined ? (data ?? ".strata") : "that Redis", values.json === true, terminal);
      }
      if (!process.stdout.isTTY) throw new UsageError("There is no terminal here; --once prints the figures once.");
      return await live(watch, terminal);
    } finally {
      await watch.close();
    }
  },
};

/** Processes of one folder, or of one Redis. */
interface Watch {
  readonly processes: readonly SharedMetrics[];
  readonly gone: readonly GoneProcess[];
  look(): Promise<void>;
  close(): void | Promise<void>;
}

function once(watch: Watch, place: string, isJson: boolean, terminal: Terminal): number {
  const figures = topFigures(watch.processes, watch.gone);
  if (isJson) terminal.out(JSON.stringify(figures));
  else if (figures.processes.length > 0) for (const line of picture(figures, [figures], terminal, 100, 60)) terminal.out(line);
  if (figures.processes.length > 0) return 0;
  terminal.note(`No running process shares its metrics in ${place}.`);
  return 1;
}

/** Until somebody quits, or the process is told to end. */
async function live(watch: Watch, terminal: Terminal): Promise<number> {
  const interrupt = untilInterrupted();
  const quit = new AbortController();
  const signal = AbortSignal.any([interrupt.signal, quit.signal]);
  const past: TopFigures[] = [];
  const show = (): void => {
    const now = past.at(-1);
    if (now !== undefined) screen.show(picture(now, past, terminal, screen.columns, screen.rows));
  };
  const screen = liveScreen({ onResize: show, onQuit: () => quit.abort() });
  try {
    while (!signal.aborted) {
      // A server that is away for a moment is no reason to end: what was seen last stays on the screen.
      const isSeen = await watch.look().then(
        () => true,
        () => false,
      );
      if (isSeen) past.push(topFigures(watch.processes, watch.gone));
      if (past.length > KEPT) past.shift();
      show();
      await sleep(systemClock, TICK_MS, { signal }).catch(() => undefined);
    }
    return 0;
  } finally {
    screen.close();
    interrupt.release();
  }
}

function picture(now: TopFigures, past: readonly TopFigures[], terminal: Terminal, columns: number, rows: number): string[] {
  if (now.processes.length === 0)
    return ["strata top", "", "No running process shares its metrics here yet.   q quits"].map((line) => line.slice(0, columns));
  const { paint = (_paint, text) => text } = terminal;
  return topScreen(now, {
    ...{ columns, rows, paint },
    requests: past.map(({ requestsPerSecond }) => requestsPerSecond),
    hitRates: past.map(({ hitRate }) => hitRate),
  });
}
