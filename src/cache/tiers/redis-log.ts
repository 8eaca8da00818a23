/**
 * What processes that share a Redis tier tell each other: which keys were written or deleted, and what was cleared, so that each
 * drops its own copies in the tiers above.
 *
 * It is a stream, not Redis' publish/subscribe: a stream is read on from where one stopped, so a process that lost its connection
 * for a while hears what it missed, and need not throw away all that it has. Only when the stream was cut beyond that place is
 * something really lost, and the process is told so. One message goes with each write, about 60 bytes a key; the stream keeps
 * the last few thousand.
 *
 * Fields of a message: `o`, who wrote it; then `k`, keys one after another; or `c`, with the digest of a scope in `s` and of a tag
 * in `t`, as far as they were given.
 */
import { sleep } from "../../core/abort.ts";
import { systemClock, type Clock } from "../../core/clock.ts";
import { StrataError } from "../../core/errors.ts";
import type { Digest } from "../../core/key.ts";
import type { RedisCommand, RedisConnection } from "../../clients/redis.ts";
import { tagDigest } from "../tags.ts";
import type { TierChange, TierFilter } from "../tier.ts";

/** Messages that are kept, roughly: some minutes of a busy service, and under a megabyte. */
const KEPT = 4_096;
const DIGEST_LENGTH = 43;
const KEYS_IN_ONE = 500;
/** How long one read waits for news. It must end well before the connection gives up on it (`clients/redis.ts`). */
const BLOCK_MS = 1_000;
const READ_AT_ONCE = 500;
/** Under a stream of news one read takes what came in so long: each is a wake-up and two trips, also for our own messages. */
const READ_EVERY_MS = 5;
const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 1_000;

export interface RedisLogOptions {
  /** Of its own: a read that waits for news holds up whatever is sent after it. */
  readonly connection: RedisConnection;
  /** Of the stream. */
  readonly name: string;
  /** Sets this writer apart from all others. */
  readonly origin: string;
  readonly clock?: Clock | undefined;
  readonly onChange: (change: TierChange) => void;
  /** Told when the server refuses a command, such as to a user who may not read streams; once for each spell. */
  readonly onRefusal: (error: unknown) => void;
}

export class RedisLog {
  readonly #options: RedisLogOptions;
  readonly #ending = new AbortController();
  #running: Promise<void> | undefined;
  #ready: () => void = () => undefined;
  /** Settled when the place is known from which changes are heard, or cannot be known for now. */
  readonly #listening: Promise<void> = new Promise((resolve) => {
    this.#ready = () => {
      this.isListening = true;
      resolve();
    };
  });
  /** Whether changes are heard. */
  isListening = false;

  constructor(options: RedisLogOptions) {
    this.#options = options;
  }

  /**
   * Hears of changes from here on; what is read from Redis before this has resolved may be changed without our hearing of it.
   * @returns `undefined` when that is so already
   */
  listen(): Promise<void> | undefined {
    if (this.isListening) return undefined;
    this.#running ??= this.#run();
    return this.#listening;
  }

  /** The commands that tell others of keys. */
  keysChanged(keys: readonly Digest[]): RedisCommand[] {
    const commands: RedisCommand[] = [];
    for (let from = 0; from < keys.length; from += KEYS_IN_ONE) {
      commands.push(this.#message("k", keys.slice(from, from + KEYS_IN_ONE).join("")));
    }
    return commands;
  }

  /** The command that tells others what was cleared. */
  cleared({ scope, tag }: TierFilter): RedisCommand {
    return this.#message(
      "c",
      "1",
      ...(scope === undefined ? [] : ["s", scope]),
      ...(tag === undefined ? [] : ["t", tagDigest(tag)]),
    );
  }

  /** Stops reading. The connection is the caller's. */
  async close(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  #message(...fields: string[]): RedisCommand {
    const { name, origin } = this.#options;
    return ["xadd", name, "MAXLEN", "~", KEPT, "*", "o", origin, ...fields];
  }

  async #run(): Promise<void> {
    const { connection, name, clock = systemClock } = this.#options;
    const { signal } = this.#ending;
    let position: string | undefined;
    let failures = 0;
    while (!signal.aborted) {
      try {
        if (position === undefined) position = (await this.#state())?.last ?? BEGINNING;
        else if (failures > 0) position = await this.#resume(position);
        failures = 0;
        this.#ready();
        const news = await connection.send(["xread", "COUNT", READ_AT_ONCE, "BLOCK", BLOCK_MS, "STREAMS", name, position]);
        if (news === null) continue;
        position = this.#tell(news as News) ?? position;
        await sleep(clock, READ_EVERY_MS, { signal });
      } catch (error) {
        if (signal.aborted || (StrataError.isInstance(error) && error.code === "CLOSED")) return;
        this.#ready();
        // That the server is away, the tier's own reads and writes tell; here it may be that only this is not allowed.
        if (failures === 0 && isRefusal(error)) this.#options.onRefusal(error);
        const pause = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(failures++, 5));
        await sleep(clock, pause, { signal }).catch(() => undefined);
      }
    }
  }

  /**
   * Where to read on after an interruption. A server that came back without its data has a new stream, or none; nobody could
   * write to it while it was away, and our own copies may be all that is left.
   */
  async #resume(position: string): Promise<string> {
    const state = await this.#state();
    if (state === undefined || isLater(position, state.last)) return BEGINNING;
    if (state.isCut && isLater(state.first, position)) this.#options.onChange({ kind: "unknown" });
    return position;
  }

  async #state(): Promise<{ first: string; last: string; isCut: boolean } | undefined> {
    let reply: unknown;
    try {
      reply = await this.#options.connection.send(["xinfo", "STREAM", this.#options.name]);
    } catch (error) {
      if (error instanceof Error && error.message.includes("no such key")) return undefined;
      throw error;
    }
    const state = pairs(reply as unknown[]);
    const [first = BEGINNING] = (state.get("first-entry") ?? []) as string[];
    return { first, last: String(state.get("last-generated-id")), isCut: state.get("entries-added") !== state.get("length") };
  }

  /** Passes on what others wrote; gives the place of the last message. */
  #tell(news: News): string | undefined {
    let last: string | undefined;
    const keys = new Set<Digest>();
    for (const [id, fields] of news?.[0]?.[1] ?? []) {
      last = id;
      const message = pairs(fields) as Map<string, string>;
      if (message.get("o") === this.#options.origin) continue;
      const listed = message.get("k") ?? "";
      for (let at = 0; at < listed.length; at += DIGEST_LENGTH) keys.add(listed.slice(at, at + DIGEST_LENGTH));
      if (message.has("c")) this.#options.onChange({ kind: "cleared", scope: message.get("s"), tag: message.get("t") });
    }
    if (keys.size > 0) this.#options.onChange({ kind: "keys", keys: [...keys] });
    return last;
  }
}

/** What `XREAD` of one stream answers; `null` when nothing came. */
type News = ReadonlyArray<readonly [name: string, messages: ReadonlyArray<readonly [id: string, fields: string[]]>]> | null;

/** Before every message. */
const BEGINNING = "0-0";

/** Whether the server answered, and said no. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && error.name === "ReplyError";
}

/** Ids are `milliseconds-count`. */
function isLater(one: string, other: string): boolean {
  const [ms = 0, count = 0] = one.split("-").map(Number);
  const [otherMs = 0, otherCount = 0] = other.split("-").map(Number);
  return ms === otherMs ? count > otherCount : ms > otherMs;
}

/** Redis answers with names and values in turn. */
function pairs(list: readonly unknown[]): Map<string, unknown> {
  const map = new Map<string, unknown>();
  for (let at = 0; at + 1 < list.length; at += 2) map.set(String(list[at]), list[at + 1]);
  return map;
}
