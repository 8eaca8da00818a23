/** The endpoint behind the proxy: asked with the caller's own credentials, which go to this address and nowhere else. */
import { onAbort } from "../../core/abort.ts";
import type { Clock } from "../../core/clock.ts";
import { CREDENTIAL_HEADERS } from "./chat-request.ts";

export interface UpstreamOptions {
  /** Such as `https://api.deepseek.com/v1`: `/chat/completions` is put behind it. */
  readonly url: string;
  /** Longest time of one answer, ms. */
  readonly deadlineMs: number;
  /** Longest silence in the middle of a stream, ms. */
  readonly silenceMs: number;
  readonly clock: Clock;
}

/** An answer that has begun. */
export interface UpstreamAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Its text in pieces. @throws when it breaks off, is silent for too long, or the signal aborts */
  pieces(): AsyncGenerator<string>;
}

/** Why the upstream gave nothing; `status` is what the caller is told. */
export class UpstreamError extends Error {
  override readonly name = "UpstreamError";
  readonly status: 502 | 504;

  constructor(status: 502 | 504, message: string) {
    super(message);
    this.status = status;
  }
}

/** Of the caller's headers, those that the upstream is given. */
const SENT = [...CREDENTIAL_HEADERS, "accept", "openai-beta", "http-referer", "x-title", "x-request-id"];
/** Of the upstream's, those that are between it and this server alone. */
const BETWEEN =
  /^(?:connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|content-length|content-encoding|set-cookie|access-control-.*)$/i;

/** @throws {@link UpstreamError}, or the signal's reason */
export async function askUpstream(
  { url, deadlineMs, silenceMs, clock }: UpstreamOptions,
  path: string,
  request: { readonly method: string; readonly headers: Headers; readonly body: string | null },
  signal: AbortSignal,
): Promise<UpstreamAnswer> {
  signal.throwIfAborted();
  const ending = new AbortController();
  const end = (error: Error): void => ending.abort(error);
  const release = onAbort(signal, () => end(signal.reason as Error));
  const cancelDeadline = clock.setTimer(
    deadlineMs,
    () => end(new UpstreamError(504, `The upstream did not answer within ${deadlineMs} ms.`)),
    { background: true },
  );
  const settle = (): void => {
    release();
    cancelDeadline();
  };
  const headers = new Headers({ "content-type": "application/json", "accept-encoding": "identity" });
  for (const name of SENT) {
    const value = request.headers.get(name);
    if (value !== null) headers.set(name, value);
  }
  let response: Response;
  try {
    response = await fetch(url + path, {
      ...{ method: request.method, headers, body: request.body, signal: ending.signal },
      // The key is for this address; the caller is shown where it was sent on.
      redirect: "manual",
    });
  } catch (error) {
    settle();
    throw ending.signal.aborted ? (ending.signal.reason as Error) : unreachable(error);
  }

  // Of an answer in one piece nothing comes before its end.
  const patienceMs = isEventStream(response.headers) ? silenceMs : deadlineMs;

  async function* pieces(): AsyncGenerator<string> {
    const decoder = new TextDecoder();
    let cancelSilence = (): void => undefined;
    const listen = (): void => {
      cancelSilence();
      const late = new UpstreamError(504, `The upstream was silent for ${patienceMs} ms.`);
      cancelSilence = clock.setTimer(patienceMs, () => end(late), { background: true });
    };
    try {
      listen();
      for await (const piece of response.body ?? []) {
        listen();
        yield decoder.decode(piece as Uint8Array, { stream: true });
      }
      const rest = decoder.decode();
      if (rest !== "") yield rest;
    } catch (error) {
      throw ending.signal.aborted ? (ending.signal.reason as Error) : new UpstreamError(502, brokeOff(error));
    } finally {
      cancelSilence();
      settle();
      ending.abort();
    }
  }

  const passed = new Headers();
  for (const [name, value] of response.headers) if (!BETWEEN.test(name)) passed.set(name, value);
  return { status: response.status, headers: passed, pieces };
}

export function isEventStream(headers: Headers): boolean {
  return /^text\/event-stream\b/i.test(headers.get("content-type") ?? "");
}

/** The code alone: the message of `fetch` may hold the address, and its cause the request. */
function unreachable(error: unknown): UpstreamError {
  const code = (error as { cause?: { code?: unknown } } | undefined)?.cause?.code;
  return new UpstreamError(502, `The upstream cannot be reached${typeof code === "string" ? ` (${code})` : ""}.`);
}

function brokeOff(error: unknown): string {
  const code = (error as { cause?: { code?: unknown } } | undefined)?.cause?.code;
  return `The upstream's answer broke off${typeof code === "string" ? ` (${code})` : ""}.`;
}
