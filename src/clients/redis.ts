/**
 * The one place that knows ioredis. It makes every connection of this library to Redis, with settings that suit a cache:
 * nothing waits for a server that is away, nothing is sent twice, and a connection that went silent is replaced.
 *
 * A client that the caller hands in is never used itself: it is duplicated, with the caller's address, credentials, TLS and
 * database, and our settings. ioredis by default queues commands without end while the server is away and sends them again
 * after a reconnect; neither can be changed from outside, and the caller may need both. What we open, we close; the caller's own
 * client stays untouched.
 */
import { createHash } from "node:crypto";
import type { Duplex } from "node:stream";
import { isPromise, type MaybePromise } from "../core/abort.ts";
import { systemClock, type Clock } from "../core/clock.ts";
import { StrataConfigError, StrataError } from "../core/errors.ts";

/** An ioredis client, 5.3 or later: `Redis`, also behind Sentinel, or `Cluster`. Only its configuration is used. */
export interface RedisSource {
  readonly isCluster: boolean;
  readonly options: object;
  duplicate(...override: never[]): unknown;
}

export type RedisArgument = string | number | Buffer;

/** The name of a command and its arguments. */
export type RedisCommand = readonly [name: string, ...args: RedisArgument[]];

/** A Lua script; the server remembers it by its SHA-1. */
export interface RedisScript {
  readonly lua: string;
  readonly sha: string;
}

export interface RedisScriptCall {
  readonly script: RedisScript;
  readonly keys: readonly string[];
  readonly args: readonly RedisArgument[];
}

/** What `sendAll` takes. */
export type RedisCall = RedisCommand | RedisScriptCall;

export function redisScript(lua: string): RedisScript {
  return { lua, sha: createHash("sha1").update(lua).digest("hex") };
}

/** What this library calls of an ioredis client. */
export interface RedisClient {
  readonly status: string;
  /** The socket, from `connect` on; a cluster has none of its own. */
  readonly stream?: Duplex | undefined;
  connect(): Promise<void>;
  disconnect(reconnect?: boolean): void;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "ready" | "connect", listener: () => void): unknown;
  on(event: "+node", listener: (node: RedisClient) => void): unknown;
  once(event: "end", listener: () => void): unknown;
  getBuffer(key: string): Promise<Buffer | null>;
  mgetBuffer(keys: readonly string[]): Promise<Array<Buffer | null>>;
  call(command: string, ...args: RedisArgument[]): Promise<unknown>;
  callBuffer(command: string, ...args: RedisArgument[]): Promise<unknown>;
  pipeline(commands: ReadonlyArray<ReadonlyArray<RedisArgument>>): { exec(): Promise<Array<[Error | null, unknown]> | null> };
}

export interface RedisConnectionOptions {
  /** For messages: `redisTier.client`. */
  readonly option: string;
  readonly clock?: Clock | undefined;
  /** From 0 to 1; spreads the reconnects of many processes. */
  readonly random?: (() => number) | undefined;
  /** Told whenever the server can be reached, the first time and after an outage. */
  readonly onReady?: (() => void) | undefined;
}

/** An unanswered command fails after so long, and its connection is replaced. */
const COMMAND_TIMEOUT_MS = 2_000;
const CONNECT_TIMEOUT_MS = 2_000;
/** Reconnecting is quick, so that a healed server is back well within the 5 s that the breakers promise. */
const FIRST_RECONNECT_MS = 50;
const LONGEST_RECONNECT_MS = 1_000;
/** How long a closed socket may linger. */
const DISCONNECT_TIMEOUT_MS = 100;
/** At most one replacement of a connection for what the server says in so many ms: a replica given by mistake stays readable. */
const RECYCLE_INTERVAL_MS = 5_000;
const CLOSE_TIMEOUT_MS = 1_000;

/**
 * Prepares a connection; it is opened at the first use.
 * @param source a URL (`redis://`, `rediss://`), or a client whose configuration is taken
 * @throws {@link StrataConfigError} when it is neither
 */
export function connectRedis(source: RedisSource | string, options: RedisConnectionOptions): RedisConnection {
  if (typeof source === "string") {
    // Of the URL only its scheme is shown: the rest may hold a password.
    if (!/^rediss?:\/\//.test(source)) throw new StrataConfigError(options.option, `${source.split(":", 1)[0]}:...`, ACCEPTED);
  } else if (typeof source?.duplicate !== "function" || typeof source.options !== "object") {
    throw new StrataConfigError(options.option, source, ACCEPTED);
  }
  return new RedisConnection(source, options);
}

const ACCEPTED = "a URL that begins with redis:// or rediss://, or a client of the package ioredis (Redis or Cluster)";

export class RedisConnection {
  /** Whether keys live on several servers, so that one command may only name keys of one hash slot. */
  readonly isCluster: boolean;
  readonly #source: RedisSource | string;
  readonly #options: RedisConnectionOptions;
  readonly #clock: Clock;
  readonly #random: () => number;
  #client: RedisClient | undefined;
  #opening: Promise<RedisClient> | undefined;
  #opened = false;
  #lastError: Error | undefined;
  #recycledAt = -Infinity;
  #closing: Promise<void> | undefined;

  constructor(source: RedisSource | string, options: RedisConnectionOptions) {
    this.#source = source;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.isCluster = typeof source !== "string" && source.isCluster;
  }

  /**
   * The connected client: at once when it is connected, later only while the first connection is being made.
   * @throws {@link StrataError} `UNAVAILABLE` at once while the server cannot be reached, `CLOSED`, `MISSING_PEER`
   */
  client(): MaybePromise<RedisClient> {
    const client = this.#client;
    if (client?.status === "ready" && this.#closing === undefined) return client;
    if (this.#closing !== undefined) throw new StrataError("CLOSED", "The connection to Redis is closed.");
    this.#opening ??= this.#open().finally(() => {
      this.#opened = true;
    });
    if (!this.#opened || client === undefined) return this.#opening;
    // ioredis gives up for good in a few cases only, such as a Sentinel that knows no primary.
    if (client.status === "end") client.connect().catch(() => undefined);
    throw this.#unavailable();
  }

  /** Calls `use` with the connected client, and replaces the connection when an answer to it is overdue. */
  async run<T>(use: (client: RedisClient) => Promise<T>): Promise<T> {
    const client = await this.client();
    return use(client).catch(this.failed);
  }

  /** Given what a call to the client rejected with: replaces a connection over which no answer comes, and throws it again. */
  readonly failed = (error: unknown): never => {
    if (isOverdue(error)) this.recycle();
    throw error;
  };

  /**
   * Sends commands together: in one round trip, on a cluster in one for each. The keys of one command must share a hash slot.
   * @returns the replies in order; texts and numbers, and an `Error` for each command that failed
   */
  async sendAll(calls: readonly RedisCall[]): Promise<readonly unknown[]> {
    const replies = await this.run((client) => this.#exchange(client, calls.map(byName)));
    const unknown = replies.findIndex(isUnknownScript);
    if (unknown === -1) return replies;
    // A server that was restarted knows no scripts. What came after the first is sent again with it, to keep the order.
    const rest = await this.run((client) => this.#exchange(client, calls.slice(unknown).map(byText)));
    return [...replies.slice(0, unknown), ...rest];
  }

  /** Sends one command. */
  send(call: RedisCall): Promise<unknown> {
    return this.#send(call, "call");
  }

  /** Sends one command; texts in its reply come as bytes. */
  sendBuffer(call: RedisCall): Promise<unknown> {
    return this.#send(call, "callBuffer");
  }

  async #send(call: RedisCall, method: "call" | "callBuffer"): Promise<unknown> {
    const known = this.client();
    const client = isPromise(known) ? await known : known;
    try {
      return await client[method](...byName(call));
    } catch (error) {
      if (isUnknownScript(error)) return client[method](...byText(call));
      return this.failed(error);
    }
  }

  /** Replaces the connection: what came over it cannot be trusted, or nothing comes. */
  recycle(): void {
    const now = this.#clock.monotonic();
    if (this.#client?.status !== "ready" || now - this.#recycledAt < FIRST_RECONNECT_MS) return;
    this.#recycledAt = now;
    this.#client.disconnect(true);
  }

  /** Ends the connection; what is under way fails. May be called twice. */
  close(): Promise<void> {
    this.#closing ??= this.#end();
    return this.#closing;
  }

  async #exchange(client: RedisClient, commands: readonly RedisCommand[]): Promise<readonly unknown[]> {
    let replies: readonly unknown[];
    if (this.isCluster) {
      const settled = await Promise.allSettled(commands.map((command) => client.call(...command)));
      replies = settled.map((reply) => (reply.status === "fulfilled" ? reply.value : asError(reply.reason)));
    } else {
      const results = await client.pipeline(commands.map((command) => ["call", ...command])).exec();
      replies = (results ?? []).map(([error, reply]) => error ?? reply);
    }
    if (replies.some(isOverdue)) this.recycle();
    return replies;
  }

  async #open(): Promise<RedisClient> {
    const client = await this.#make();
    client.on("error", (error) => {
      this.#lastError = error;
      // More answers than questions: the answers to come may belong to others.
      if (error.message.startsWith("Command queue state error")) this.recycle();
    });
    guardReader(client);
    client.on("+node", guardReader);
    client.on("ready", () => {
      this.#lastError = undefined;
      this.#options.onReady?.();
    });
    this.#client = client;
    try {
      await client.connect();
    } catch (error) {
      this.#lastError ??= asError(error);
      if (this.#closing === undefined) throw this.#unavailable();
    }
    if (this.#closing !== undefined) throw new StrataError("CLOSED", "The connection to Redis was closed while it was made.");
    return client;
  }

  async #make(): Promise<RedisClient> {
    const source = this.#source;
    if (typeof source === "string") {
      const Redis = await loadIoredis();
      return new Redis(source, this.#settings());
    }
    const duplicate = source.duplicate.bind(source) as (...override: unknown[]) => unknown;
    if (!source.isCluster) return duplicate(this.#settings()) as RedisClient;
    const { redisOptions } = source.options as { redisOptions?: object };
    const { retryStrategy, lazyConnect, enableOfflineQueue, ...perNode } = this.#settings();
    return duplicate([], {
      lazyConnect,
      enableOfflineQueue,
      clusterRetryStrategy: retryStrategy,
      redisOptions: { ...redisOptions, ...perNode },
    }) as RedisClient;
  }

  #settings(): Record<string, unknown> {
    return {
      lazyConnect: true,
      // While the server is away, commands fail at once; the cache has a fallback for each.
      enableOfflineQueue: false,
      // A write whose reply was lost may have been carried out; the cache decides whether to repeat it.
      autoResendUnfulfilledCommands: false,
      // 0, not 1: whatever was under way fails when the connection is lost. With 1, ioredis forgets it without an answer.
      maxRetriesPerRequest: 0,
      commandTimeout: COMMAND_TIMEOUT_MS,
      connectTimeout: CONNECT_TIMEOUT_MS,
      disconnectTimeout: DISCONNECT_TIMEOUT_MS,
      enableReadyCheck: true,
      enableAutoPipelining: false,
      stringNumbers: false,
      // The forms of replies are those of RESP2, whatever the caller's client speaks; ioredis 5 ignores both.
      protocol: 2,
      replyMapping: "legacy",
      retryStrategy: (times: number) => this.#reconnectDelay(times),
      // After a failover the old primary may live on as a replica behind the same name.
      reconnectOnError: (error: Error) => error.message.startsWith("READONLY") && this.#mayReconnectFor(),
    };
  }

  /** Doubles up to the longest delay; random in its upper half, so that many processes do not come back as one. */
  #reconnectDelay(times: number): number {
    const delay = Math.min(LONGEST_RECONNECT_MS, FIRST_RECONNECT_MS * 2 ** Math.min(times - 1, 10));
    return Math.round(delay * (0.5 + 0.5 * this.#random()));
  }

  #mayReconnectFor(): boolean {
    const now = this.#clock.monotonic();
    if (now - this.#recycledAt < RECYCLE_INTERVAL_MS) return false;
    this.#recycledAt = now;
    return true;
  }

  #unavailable(): StrataError {
    const reason = this.#lastError === undefined ? "" : `: ${this.#lastError.message}`;
    return new StrataError("UNAVAILABLE", `Redis cannot be reached${reason}`, { cause: this.#lastError });
  }

  async #end(): Promise<void> {
    await this.#opening?.catch(() => undefined);
    const client = this.#client;
    if (client === undefined || client.status === "end") return;
    // Between two tries to connect there is no socket, and ioredis says no "end": its timer is taken back, and that is all.
    if (client.status === "reconnecting") return client.disconnect();
    await new Promise<void>((resolve) => {
      // Not in the background: a process with nothing else to do would end here, in the middle of its own close().
      const cancel = this.#clock.setTimer(CLOSE_TIMEOUT_MS, resolve);
      client.once("end", () => {
        cancel();
        resolve();
      });
      client.disconnect();
    });
  }
}

/**
 * Ends the connection, and not the process, when ioredis throws while it reads. Its releases up to 6.0 do when an answer comes that
 * nobody asked for and that is null: they throw out of the socket's `data` event, where nobody can catch it.
 */
function guardReader(client: RedisClient): void {
  client.on("connect", () => {
    const { stream } = client;
    if (stream === undefined) return;
    for (const read of stream.listeners("data")) {
      stream.prependListener("data", (...data: unknown[]) => {
        try {
          Reflect.apply(read, stream, data);
        } catch (error) {
          stream.destroy(asError(error));
        }
      });
      stream.off("data", read as (chunk: unknown) => void);
    }
  });
}

async function loadIoredis(): Promise<new (url: string, settings: object) => RedisClient> {
  try {
    const { Redis } = await import("ioredis");
    return Redis as unknown as new (url: string, settings: object) => RedisClient;
  } catch (cause) {
    throw new StrataError("MISSING_PEER", "The package ioredis is needed to reach Redis: npm install ioredis", { cause });
  }
}

function byName(call: RedisCall): RedisCommand {
  if (!("script" in call)) return call;
  return ["EVALSHA", call.script.sha, call.keys.length, ...call.keys, ...call.args];
}

function byText(call: RedisCall): RedisCommand {
  if (!("script" in call)) return call;
  return ["EVAL", call.script.lua, call.keys.length, ...call.keys, ...call.args];
}

function isUnknownScript(reply: unknown): boolean {
  return reply instanceof Error && reply.message.startsWith("NOSCRIPT");
}

/** Whether no answer came in time. ioredis has no class for it. */
export function isOverdue(error: unknown): boolean {
  return error instanceof Error && error.message === "Command timed out";
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
