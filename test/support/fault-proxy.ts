/**
 * A TCP proxy that misbehaves on demand, after the idea of Toxiproxy (Shopify): a client is given the proxy's port in place of
 * the server's, and the test then changes what the wire does, while connections are open.
 *
 * A connection is two lanes, `requests` (client to server) and `replies` (server to client). Each lane is a queue: a chunk is
 * stamped with the moment when it is due, and is written at that moment in the order of arrival. So latency delays without
 * limiting the throughput, as distance does, and jitter never swaps bytes, as TCP never does.
 */
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { seededRandom } from "./seeded-random.ts";

/** How long the reader of a connection that is cut has for the bytes before the cut, milliseconds. */
const READ_FIRST_MS = 5;

/** What is wrong with one direction. What is left out is right. */
export interface LaneFaults {
  /** Delay of every chunk, milliseconds. */
  readonly latencyMs?: number;
  /** Up to so many milliseconds more, drawn evenly for each chunk. */
  readonly jitterMs?: number;
  /** Nothing passes, and nothing is lost: it arrives when the fault ends, as TCP would send it again. A black hole is this on both lanes. */
  readonly hold?: boolean;
  /** Everything is swallowed for good. On `replies` alone: the server did it, and nobody learns of it. */
  readonly drop?: boolean;
  /** Resets the connection when so many more bytes have passed on it, in the middle of a chunk if need be. */
  readonly cutAfterBytes?: number;
  /** Chance for each byte to have one of its bits turned, 0 to 1. */
  readonly flipChance?: number;
  /** Writes at most so many bytes at a time. */
  readonly sliceBytes?: number;
  readonly bytesPerSecond?: number;
}

export interface Faults {
  readonly requests?: LaneFaults;
  readonly replies?: LaneFaults;
}

export interface FaultProxyOptions {
  readonly host?: string;
  /** Drives jitter and bit flips, so that a run can be repeated; default 1. */
  readonly seed?: number;
}

export interface FaultProxy {
  readonly port: number;
  /** Connections since the start. */
  readonly accepted: number;
  /** Connections now. */
  readonly open: number;
  /** `url` with the proxy's address in place of its host and port. */
  through(url: string): string;
  /** Sends new connections to another port: a failover. Open ones go on. */
  aim(port: number): void;
  /** Replaces all faults by these, on open connections too; `{}` heals. Does not undo `refuse()`. */
  set(faults: Faults): void;
  /** A partition that sends no reset: both lanes hold. Connecting still succeeds, because the kernel does that. */
  blackHole(): void;
  /** Ends every open connection with a reset (RST); new ones are accepted. */
  reset(): void;
  /** New connections get ECONNREFUSED; open ones go on. */
  refuse(): Promise<void>;
  /** Undoes `refuse()`, on the same port. */
  accept(): Promise<void>;
  /** Ends everything. */
  close(): Promise<void>;
}

/** Starts a proxy on a free port of the loopback, in front of `port`. */
export async function faultProxy(port: number, options: FaultProxyOptions = {}): Promise<FaultProxy> {
  const random = seededRandom(options.seed ?? 1);
  const links = new Set<Link>();
  let faults: Faults = {};
  let accepted = 0;
  let target = port;

  // Half-open on both sides: the end of one lane must not end the other, which may hold a late reply.
  const dial = (): Socket => connect({ port: target, host: options.host ?? "127.0.0.1", allowHalfOpen: true, noDelay: true });
  const onConnection = (client: Socket): void => {
    accepted++;
    const link = new Link(client, dial(), random, () => links.delete(link));
    link.set(faults);
    links.add(link);
  };
  const listen = async (at: number): Promise<Server> => {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, onConnection);
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(at, "127.0.0.1", resolve));
    return server;
  };

  let server: Server | undefined = await listen(0);
  const own = (server.address() as AddressInfo).port;
  const set = (next: Faults): void => {
    faults = next;
    for (const link of links) link.set(next);
  };
  const reset = (): void => {
    for (const link of links) link.destroy();
  };
  const refuse = async (): Promise<void> => {
    server?.close(); // It stops listening at once; the callback would wait for the open connections.
    server = undefined;
    await new Promise((resolve) => setImmediate(resolve));
  };

  return {
    port: own,
    get accepted() {
      return accepted;
    },
    get open() {
      return links.size;
    },
    through(url) {
      const changed = new URL(url);
      changed.hostname = "127.0.0.1";
      changed.port = String(own);
      return changed.href;
    },
    aim(next) {
      target = next;
    },
    set,
    blackHole: () => set({ requests: { hold: true }, replies: { hold: true } }),
    reset,
    refuse,
    async accept() {
      server ??= await listen(own);
    },
    async close() {
      await refuse();
      reset();
    },
  };
}

/** One connection through the proxy. */
class Link {
  readonly #requests: Lane;
  readonly #replies: Lane;
  readonly #sockets: readonly Socket[];
  readonly #closed: () => void;

  constructor(client: Socket, server: Socket, random: () => number, closed: () => void) {
    this.#closed = closed;
    this.#sockets = [client, server];
    this.#requests = new Lane(client, server, random, () => this.destroy());
    this.#replies = new Lane(server, client, random, () => this.destroy());
    let ended = 0;
    for (const socket of this.#sockets) {
      socket.on("error", () => this.destroy());
      socket.on("close", () => ++ended === this.#sockets.length && this.destroy());
    }
  }

  set(faults: Faults): void {
    this.#requests.set(faults.requests ?? {});
    this.#replies.set(faults.replies ?? {});
  }

  destroy(): void {
    for (const lane of [this.#requests, this.#replies]) lane.stop();
    for (const socket of this.#sockets) socket.resetAndDestroy();
    this.#closed();
  }
}

type Chunk = { readonly bytes: Buffer; readonly due: number } | { readonly end: true; readonly due: number };

/** One direction of a connection. */
class Lane {
  readonly #to: Socket;
  readonly #random: () => number;
  readonly #cut: () => void;
  readonly #queue: Chunk[] = [];
  #faults: LaneFaults = {};
  #allowance = Infinity;
  #severed = false;
  #lastDue = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(from: Socket, to: Socket, random: () => number, cut: () => void) {
    this.#to = to;
    this.#random = random;
    this.#cut = cut;
    from.on("data", (bytes: Buffer) => this.#take(bytes));
    from.on("end", () => {
      if (this.#faults.drop === true) return;
      this.#queue.push({ end: true, due: this.#lastDue });
      this.#flush();
    });
  }

  set(faults: LaneFaults): void {
    this.#faults = faults;
    this.#allowance = faults.cutAfterBytes ?? Infinity;
    this.#flush();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#queue.length = 0;
  }

  #take(bytes: Buffer): void {
    const { drop, latencyMs = 0, jitterMs = 0, sliceBytes = Infinity, bytesPerSecond = Infinity } = this.#faults;
    if (drop === true) return;
    this.#flip(bytes);
    const arrival = performance.now() + latencyMs + jitterMs * this.#random();
    const size = Math.max(1, Math.min(sliceBytes, bytes.length));
    for (let at = 0; at < bytes.length; at += size) {
      const slice = bytes.subarray(at, at + size);
      this.#lastDue = Math.max(arrival, this.#lastDue) + (slice.length / bytesPerSecond) * 1000;
      this.#queue.push({ bytes: slice, due: this.#lastDue });
    }
    this.#flush();
  }

  #flip(bytes: Buffer): void {
    const chance = this.#faults.flipChance ?? 0;
    if (chance === 0) return;
    for (let at = 0; at < bytes.length; at++) {
      if (this.#random() < chance) bytes[at] = bytes[at]! ^ (1 << Math.floor(this.#random() * 8));
    }
  }

  /** Writes what is due, and comes back for the rest. */
  #flush(): void {
    if (this.#severed) return;
    clearTimeout(this.#timer);
    if (this.#faults.hold === true) return;
    for (let head = this.#queue[0]; head !== undefined; head = this.#queue[0]) {
      const wait = head.due - performance.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#flush(), Math.ceil(wait));
        return;
      }
      this.#queue.shift();
      if ("end" in head) this.#to.end();
      else this.#write(head.bytes);
      if (this.#severed) return;
    }
  }

  #write(bytes: Buffer): void {
    const passing = bytes.subarray(0, this.#allowance);
    this.#allowance -= passing.length;
    this.#to.write(passing);
    if (this.#allowance > 0) return;
    this.#severed = true;
    // A reset that reaches the reader together with the last bytes looks to it like an orderly end. In this process a turn of
    // the event loop lies between them; another process gets a few milliseconds.
    this.#timer = setTimeout(() => setImmediate(this.#cut), READ_FIRST_MS);
  }
}
