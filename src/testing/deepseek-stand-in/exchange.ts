import type { ServerResponse } from "node:http";

import { sleep } from "../../core/abort.ts";
import type { Clock } from "../../core/clock.ts";
import type { StandInCall } from "./call-log.ts";
import { completionBody, streamChunks, type Completion, type UsageChunk } from "./completion.ts";
import type { StandInFailure } from "./failure.ts";
import type { Pace } from "./pacing.ts";
import type { ChatRequest } from "./protocol.ts";

/** What every way of answering needs: where to write, what to note, when to stop. */
export interface Exchange {
  readonly response: ServerResponse;
  readonly call: StandInCall;
  readonly clock: Clock;
  /** Milliseconds between two signs of life while nothing is due; `Infinity` sends none. */
  readonly keepAlive: number;
  /** Aborts when the client has gone, or the stand-in is closed. */
  readonly signal: AbortSignal;
}

const JSON_HEADERS = { "content-type": "application/json" };
const STREAM_HEADERS = { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache" };
/** Silence that ends only with the connection; a day is longer than any client waits. */
const HANG_CHECK_MS = 86_400_000;
const DEFAULT_KEEP_ALIVE_MS = 1_000;

/** Answers with Server-Sent Events: one chunk a token, then `[DONE]`. */
export async function sendStream(
  exchange: Exchange,
  completion: Completion,
  request: ChatRequest,
  pace: Pace,
  usageChunk: UsageChunk,
  cut: CutFailure | undefined,
): Promise<void> {
  const { call, signal } = exchange;
  const chunks = [...streamChunks(completion, request, usageChunk)];
  const beat = (): Promise<void> => write(exchange, ": keep-alive\n\n");
  begin(exchange, STREAM_HEADERS);
  for (const [index, chunk] of chunks.entries()) {
    if (index === cut?.cut) return cutOff(exchange, cut);
    await pace.until(Math.min(Math.max(0, index - 1), completion.tokens.length), signal, exchange.keepAlive, beat);
    await write(exchange, `data: ${chunk}\n\n`);
    call.sentTokens = Math.min(index, completion.tokens.length);
  }
  if (cut !== undefined) return cutOff(exchange, cut);
  finish(exchange, "data: [DONE]\n\n");
}

/** Answers with one JSON body, when the last token would be there. */
export async function sendWhole(
  exchange: Exchange,
  completion: Completion,
  pace: Pace,
  cut: CutFailure | undefined,
): Promise<void> {
  const { call, signal } = exchange;
  const body = completionBody(completion);
  await pace.until(completion.tokens.length, signal, exchange.keepAlive, async () => {
    begin(exchange, JSON_HEADERS);
    await write(exchange, "\n");
  });
  begin(exchange, JSON_HEADERS);
  if (cut !== undefined) {
    await write(exchange, body.slice(0, Math.floor(body.length / 2)));
    return cutOff(exchange, cut);
  }
  call.sentTokens = completion.tokens.length;
  finish(exchange, body);
}

/** Never answers: waits for the client, or for the close of the stand-in. */
export async function hang(exchange: Exchange, how: "silent" | "keep-alive", streams: boolean): Promise<void> {
  const { call, clock, signal } = exchange;
  call.outcome = "hung";
  if (how === "silent") for (;;) await sleep(clock, HANG_CHECK_MS, { signal });
  begin(exchange, streams ? STREAM_HEADERS : JSON_HEADERS);
  for (;;) {
    await write(exchange, streams ? ": keep-alive\n\n" : "\n");
    await sleep(clock, Math.min(exchange.keepAlive, DEFAULT_KEEP_ALIVE_MS), { signal });
  }
}

export type CutFailure = Extract<StandInFailure, { cut: number }>;

function cutOff({ response, call }: Exchange, { how }: CutFailure): void {
  call.outcome = "cut";
  if (how === "end") response.end();
  else response.destroy();
}

function finish({ response, call }: Exchange, text: string): void {
  call.outcome = "answered";
  response.end(text);
}

function begin({ response, call }: Exchange, headers: Record<string, string>): void {
  if (response.headersSent) return;
  call.status = 200;
  response.writeHead(200, headers);
}

/**
 * Resolves when the system took the text: a slow reader slows the stand-in, and a cut loses nothing that was sent before it. Node does
 * not call back for what was written to a client that has gone.
 */
function write({ response }: Exchange, text: string): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      response.off("close", done);
      resolve();
    };
    response.once("close", done);
    response.write(text, done);
  });
}
