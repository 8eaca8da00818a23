import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What a provider says, before it is written in its format. */
export interface WireReply {
  readonly thinking?: string;
  readonly text?: string;
  readonly tool?: { readonly name: string; readonly args: Readonly<Record<string, unknown>> };
  /** Cut off by the limit of tokens. */
  readonly truncated?: boolean;
}

/** One provider's format: what it answers at which address. */
export interface Wire {
  readonly path: RegExp;
  readonly contentType: string;
  streams(body: Readonly<Record<string, unknown>>, path: string): boolean;
  /** The name of the model in a request. */
  model(body: Readonly<Record<string, unknown>>, path: string): string;
  /** The answer in one piece. */
  whole(reply: WireReply, model: string): unknown;
  /** The answer in the pieces of a stream; the last ones say that it is over. */
  pieces(reply: WireReply, model: string): string[];
}

export interface WireServer {
  readonly url: string;
  /** What was asked for, oldest first. */
  readonly requests: readonly {
    readonly model: string;
    readonly streams: boolean;
    readonly body: Readonly<Record<string, unknown>>;
  }[];
  /** The next stream ends after so many pieces, as if it were complete. */
  cutNext(pieces: number): void;
  /** Pieces from this one on wait until the server is closed. */
  holdFrom(piece: number): void;
  close(): Promise<void>;
}

/** Serves one provider's format on a free port of this machine. A model `x` answers for itself: `reply` is asked with its name. */
export async function startWireServer(wire: Wire, reply: (model: string) => WireReply): Promise<WireServer> {
  const requests: { model: string; streams: boolean; body: Record<string, unknown> }[] = [];
  let cut: number | undefined;
  let hold = Infinity;
  const answering = new Set<Promise<void>>();
  const server = createServer((request, response) => {
    const answer = serve(request, response).finally(() => answering.delete(answer));
    answering.add(answer);
  });
  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? "";
    if (request.method !== "POST" || !wire.path.test(path)) {
      response.writeHead(404).end(`not here: ${request.method} ${path}`);
      return;
    }
    const body = JSON.parse(await textOf(request)) as Record<string, unknown>;
    const [model, streams] = [wire.model(body, path), wire.streams(body, path)];
    requests.push({ model, streams, body });
    if (!streams) {
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(wire.whole(reply(model), model)));
      return;
    }
    const closed = new Promise((resolve) => response.once("close", resolve));
    response.writeHead(200, { "content-type": wire.contentType });
    const pieces = wire.pieces(reply(model), model).slice(0, cut);
    cut = undefined;
    for (const [at, piece] of pieces.entries()) {
      if (at >= hold) return;
      // A piece is never told to be written when the client has gone away.
      await Promise.race([new Promise((resolve) => response.write(piece, resolve)), closed]);
    }
    response.end();
    await closed;
  }
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    cutNext: (pieces) => void (cut = pieces),
    holdFrom: (piece) => void (hold = piece),
    async close() {
      // A reader that went away may have left its client reading on: Google's rejects then, where nobody can catch it.
      await Promise.allSettled(answering);
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const piece of request) text += String(piece);
  return text;
}

/** Words with the space behind them. */
export function words(text: string): string[] {
  return text.match(/\S+\s*/g) ?? [];
}
