/**
 * A screen of its own in a terminal: the other buffer, no cursor, single keys. Whatever ends the process, the terminal is given back
 * as it was: the restoring sequence is written synchronously, by the exit handler at the latest.
 */
import { writeSync } from "node:fs";

export interface LiveScreen {
  readonly columns: number;
  readonly rows: number;
  /** Shows these lines, over what was there. */
  show(lines: readonly string[]): void;
  /** Gives the terminal back. May be called twice. */
  close(): void;
}

export interface LiveScreenOptions {
  /** The window has another size. */
  readonly onResize: () => void;
  /** Somebody pressed q, Ctrl-C or Ctrl-D. */
  readonly onQuit: () => void;
}

const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const CLEAR_REST_OF_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";
/** q, Q, Ctrl-C, Ctrl-D. */
const QUITTING: ReadonlySet<number> = new Set([0x71, 0x51, 0x03, 0x04]);

export function liveScreen({ onResize, onQuit }: LiveScreenOptions): LiveScreen {
  const { stdin, stdout } = process;
  let isOpen = true;
  const pressed = (key: Buffer): void => {
    if (key.some((byte) => QUITTING.has(byte))) onQuit();
  };
  const close = (): void => {
    if (!isOpen) return;
    isOpen = false;
    process.removeListener("exit", close);
    stdout.removeListener("resize", onResize);
    stdin.removeListener("data", pressed);
    if (stdin.isTTY) stdin.setRawMode(false);
    stdin.pause();
    try {
      writeSync(stdout.fd, LEAVE);
    } catch {
      // The terminal is gone.
    }
  };
  process.on("exit", close);
  stdout.write(ENTER);
  stdout.on("resize", onResize);
  if (stdin.isTTY) stdin.setRawMode(true);
  stdin.on("data", pressed).resume();
  return {
    get columns() {
      return stdout.columns || 80;
    },
    get rows() {
      return stdout.rows || 24;
    },
    show(lines) {
      if (isOpen) stdout.write(HOME + lines.map((line) => line + CLEAR_REST_OF_LINE).join("\r\n") + CLEAR_BELOW);
    },
    close,
  };
}
