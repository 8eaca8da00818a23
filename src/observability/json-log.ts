/**
 * A log of events: one line of JSON each. No event holds a prompt, an answer or a scope, so they can go to any log; what engines say in
 * their own words may hold more, and is left out unless asked for.
 *
 * A log must not take the process down with it. While the stream takes no more (`write` gave `false`), lines are dropped and counted
 * in place of kept; the first line afterwards says how many.
 */
import type { Clock } from "../core/clock.ts";
import type { Observer, StrataEvent } from "../core/events.ts";
import { parseClock, parseFunction, refuseUnknown, requireMethods } from "../core/options.ts";
import { StrataConfigError } from "../core/errors.ts";
import { correlationId } from "./correlation.ts";

/** What lines are written to: `process.stdout`, a file, a pipe. It stays the caller's. */
export interface LogStream {
  write(line: string): boolean;
  once(event: "drain", listener: () => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
}

export interface JsonLogOptions {
  /** Events that are written; default all. */
  readonly only?: ((event: StrataEvent) => boolean) | undefined;
  /** What ties lines together; default: see `correlate`. */
  readonly correlationId?: (() => string | undefined) | undefined;
  /**
   * Whether to write what engines said when they failed, cut to 300 characters and without the credentials of URLs. A database may
   * quote what it was given. Default `false`.
   */
  readonly messages?: boolean | undefined;
  readonly clock?: Clock | undefined;
}

const LONGEST_MESSAGE = 300;
/** `scheme://user:password@`, whatever the scheme. */
const CREDENTIALS = /\b([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/@]{1,500}@/gi;

/**
 * Writes each event as one line: `{"at":"…","type":"cache.lookup","correlationId":"…",…}`.
 * @throws {@link StrataConfigError} naming the option
 */
export function jsonLog(stream: LogStream, options: JsonLogOptions = {}): Observer {
  requireMethods("jsonLog", stream, ["write", "once", "on"], "a writable stream, such as process.stdout");
  refuseUnknown("jsonLog", options, ["only", "correlationId", "messages", "clock"]);
  const { messages = false } = options;
  if (typeof messages !== "boolean") throw new StrataConfigError("jsonLog.messages", messages, "true or false");
  const only = parseFunction("jsonLog.only", options.only);
  const idOf = parseFunction("jsonLog.correlationId", options.correlationId) ?? correlationId;
  const clock = parseClock(options.clock);
  let isFull = false;
  let isBroken = false;
  let dropped = 0;

  function write(fields: object): void {
    if (stream.write(`${JSON.stringify({ at: new Date(clock.now()).toISOString(), ...fields })}\n`)) return;
    isFull = true;
    stream.once("drain", () => {
      isFull = false;
      if (dropped === 0) return;
      const lost = dropped;
      dropped = 0;
      write({ type: "log.dropped", lines: lost });
    });
  }

  stream.on("error", (error) => {
    if (isBroken) return;
    isBroken = true;
    process.emitWarning(`A log of langchain-strata cannot be written any more: ${error.message}`, { code: "STRATA_LOG" });
  });

  return (event) => {
    if (isBroken || (only !== undefined && !only(event))) return;
    if (isFull) {
      dropped++;
      return;
    }
    const { type, ...fields } = event as StrataEvent & { message?: string };
    const { message } = fields;
    delete fields.message;
    const id = idOf();
    write({
      type,
      ...(id !== undefined && { correlationId: id }),
      ...fields,
      ...(messages && message !== undefined && { message: harmless(message) }),
    });
  };
}

function harmless(message: string): string {
  return message
    .slice(0, LONGEST_MESSAGE * 2)
    .replace(CREDENTIALS, "$1***@")
    .slice(0, LONGEST_MESSAGE);
}
