/** The terminal of a process: its streams, its colours, its one line of progress. */
import { styleText } from "node:util";
import type { Paint, Terminal } from "./command.ts";

const COLOURS = { good: "green", bad: "red", warn: "yellow", faint: "dim", strong: "bold" } as const satisfies Record<
  Paint,
  string
>;
const CLEAR_LINE = "\r\u001b[2K";

/** What a terminal writes to: a part of `process.stdout`. */
export interface Sink {
  readonly isTTY?: boolean | undefined;
  write(text: string): unknown;
}

export function processTerminal(out: Sink, error: Sink, environment: Terminal["environment"]): Terminal {
  const isColoured = wantsColours(out, environment);
  const clear = error.isTTY === true ? CLEAR_LINE : "";
  return {
    out: (line) => void out.write(`${line}\n`),
    note: (line) => void error.write(`${clear}${line}\n`),
    status: (line) => {
      if (error.isTTY === true) error.write(`${clear}${line}`);
    },
    paint: (paint, text) => (isColoured ? styleText(COLOURS[paint], text, { validateStream: false }) : text),
    environment,
  };
}

/** As https://no-color.org and https://force-color.org have it; otherwise on a terminal that is not a dumb one. */
function wantsColours({ isTTY }: Sink, { NO_COLOR, FORCE_COLOR, TERM }: Terminal["environment"]): boolean {
  if (NO_COLOR !== undefined && NO_COLOR !== "") return false;
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== "") return FORCE_COLOR !== "0";
  return isTTY === true && TERM !== "dumb";
}
