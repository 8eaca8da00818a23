/**
 * Server-sent events (HTML standard §9.2): one answer that stays open, on which the server writes when there is something new.
 *
 * The newest state counts, not every step: while a client has not taken what was written, the next ticks are passed over, so that
 * a slow one costs no memory. Comments keep proxies from cutting a quiet line.
 */
import type { Context } from "hono";
import { streamSSE } from "hono/streaming";
import { sleep } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import { refusal } from "./refusal.ts";

export interface EventStreamsOptions {
  readonly clock: Clock;
  /** How many may be open; more are refused with 503. Default 32. */
  readonly max?: number | undefined;
}

/** What goes out at one tick; `undefined` = nothing this time. */
export interface StreamedEvent {
  readonly event: string;
  readonly data: unknown;
}

export class EventStreams {
  readonly #clock: Clock;
  readonly #max: number;
  readonly #closing = new AbortController();
  #open = 0;

  constructor({ clock, max = 32 }: EventStreamsOptions) {
    this.#clock = clock;
    this.#max = max;
  }

  /** How many clients listen. */
  get open(): number {
    return this.#open;
  }

  /** Answers with a stream that writes what `next` gives at once and then every `everyMs`, until either side ends it. */
  respond(c: Context, everyMs: number, next: () => StreamedEvent | undefined | Promise<StreamedEvent | undefined>): Response {
    // An answer to HEAD has no body, so that nobody would ever end the stream.
    if (c.req.method === "HEAD") return c.body(null, 200, { "content-type": "text/event-stream" });
    if (this.#closing.signal.aborted) return refusal(c, 503, "The server is closing.");
    if (this.#open >= this.#max) return refusal(c, 503, `${this.#max} streams are open already.`);
    this.#open++;
    const gone = new AbortController();
    const signal = AbortSignal.any([gone.signal, this.#closing.signal]);
    return streamSSE(c, async (stream) => {
      stream.onAbort(() => gone.abort());
      try {
        while (!signal.aborted) {
          const event = await next();
          // A comment is no event; it shows that the line is alive.
          await (event === undefined
            ? stream.write(": quiet\n\n")
            : stream.writeSSE({ event: event.event, data: JSON.stringify(event.data) }));
          await sleep(this.#clock, everyMs, { signal }).catch(() => undefined);
        }
      } finally {
        this.#open--;
      }
    });
  }

  /** Ends every stream; clients are told to come back by the standard, and find nobody. May be called twice. */
  close(): void {
    this.#closing.abort();
  }
}
