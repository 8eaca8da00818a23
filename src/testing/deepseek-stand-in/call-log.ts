import type { IncomingHttpHeaders } from "node:http";

import type { ChatUsage } from "./protocol.ts";

/** A completion request that reached the stand-in, refused ones included. It changes until its outcome is known. */
export interface StandInCall {
  readonly path: string;
  /** Headers without those that carry credentials; see `authorized`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether a bearer token came with the request. The token itself is not kept. */
  readonly authorized: boolean;
  /** The body as it was parsed; `undefined` while it is read, and when it was no JSON. */
  body: unknown;
  /**
   * `running`; `answered` in full; `refused` with an error status; `hung` or `cut` as scripted; `aborted` when the client went
   * away first; `closed` when the stand-in was.
   */
  outcome: "running" | "answered" | "refused" | "hung" | "cut" | "aborted" | "closed";
  /** The HTTP status that was sent; 0 while none was. */
  status: number;
  /** How many tokens were sent. */
  sentTokens: number;
  usage: ChatUsage | undefined;
}

const SECRET_HEADERS: ReadonlySet<string> = new Set(["authorization", "proxy-authorization", "cookie", "api-key", "x-api-key"]);

export function newCall(path: string, headers: IncomingHttpHeaders): StandInCall {
  const kept = Object.entries(headers).filter(([name]) => !SECRET_HEADERS.has(name));
  return {
    path,
    headers: Object.fromEntries(kept.map(([name, value]) => [name, String(value)])),
    authorized: isBearer(headers.authorization),
    body: undefined,
    outcome: "running",
    status: 0,
    sentTokens: 0,
    usage: undefined,
  };
}

export function isBearer(authorization: string | undefined): boolean {
  return /^Bearer \S/.test(authorization ?? "");
}
