import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdaptorServer } from "@hono/node-server";
import type { Clock } from "../core/clock.ts";
import { StrataConfigError, StrataError } from "../core/errors.ts";

export interface ListenOptions {
  readonly fetch: (request: Request, connection: Connection) => Response | Promise<Response>;
  /** 0 = a free one. */
  readonly port: number;
  /** The address to bind; default 127.0.0.1, which only this machine reaches. */
  readonly host?: string | undefined;
  readonly clock: Clock;
  /** How long requests under way may take once `close()` was called; default 2,000 ms. Then their connections are cut. */
  readonly graceMs?: number | undefined;
}

/** What a request came over. */
export interface Connection {
  /**
   * Ends it now, so that the client sees that an answer broke off. The adaptor would write the error's text into the answer and end that
   * as if it were whole.
   */
  readonly cut: () => void;
}

/** A server that answers. */
export interface Listening {
  /** `http://127.0.0.1:8080`, without a slash at the end. */
  readonly url: string;
  readonly port: number;
  /** Takes no new request, waits for those under way, then cuts what is left. May be called twice. */
  close(): Promise<void>;
}

/**
 * Starts an HTTP server.
 * @throws {@link StrataConfigError} for a port that is none; {@link StrataError} `UNAVAILABLE` when it is in use, may not be used, or
 * the address is not one of this machine
 */
export async function listen(options: ListenOptions): Promise<Listening> {
  const { port, host = "127.0.0.1", clock, graceMs = 2_000 } = options;
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new StrataConfigError("port", port, "a whole number from 0 (a free one) to 65535");
  }
  const server = createAdaptorServer({
    fetch: (request, { outgoing }) => options.fetch(request, { cut: () => void outgoing.destroy() }),
    // LangChain and others look at `Response`; the adaptor's lighter one is not instanceof theirs.
    overrideGlobalObjects: false,
    // A client that sends its headers or body byte by byte is cut off.
    serverOptions: { headersTimeout: 10_000, requestTimeout: 60_000, maxHeaderSize: 16_384 },
  }) as Server;
  await new Promise<void>((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => reject(explain(error, host, port));
    server.once("error", failed);
    server.listen(port, host, () => {
      server.off("error", failed);
      resolve();
    });
  });
  const bound = (server.address() as AddressInfo).port;
  let closing: Promise<void> | undefined;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}`,
    port: bound,
    close() {
      closing ??= new Promise<void>((resolve) => {
        const cancel = clock.setTimer(graceMs, () => server.closeAllConnections());
        server.close(() => {
          cancel();
          resolve();
        });
        server.closeIdleConnections();
      });
      return closing;
    },
  };
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "is in use: stop what listens there, or give another port (0 takes a free one)",
  EACCES: "may not be used by this user: give one above 1023",
  EADDRNOTAVAIL: "cannot be bound: the address is not one of this machine",
  ENOTFOUND: "cannot be bound: the address is not known",
};

function explain(error: NodeJS.ErrnoException, host: string, port: number): StrataError {
  const reason = REASONS[error.code ?? ""] ?? `cannot be bound (${error.code ?? "no code"})`;
  return new StrataError("UNAVAILABLE", `Port ${port} of ${host} ${reason}.`, { cause: error });
}
