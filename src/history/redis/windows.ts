/** The conversations as Redis holds them: each method is one step there. */
import { randomBytes } from "node:crypto";
import type { RedisCall, RedisConnection, RedisScript } from "../../clients/redis.ts";
import type { MaybePromise } from "../../core/abort.ts";
import { StrataError } from "../../core/errors.ts";
import type { Guard } from "../../core/guard.ts";
import type { Digest } from "../../core/key.ts";
import { conversationKey, ownerKey } from "../conversation-key.ts";
import type { AppendResult, Conversation, ConversationNotes, LogMessage, ReadRange, StoredMessage } from "../message-log.ts";
import { packMessage, unpackMessage, type RedisHistoryLayout, type RedisShard, type RedisTalk } from "./layout.ts";
import * as scripts from "./scripts.ts";

export interface RedisWindowsOptions {
  readonly connection: RedisConnection;
  /** Around every call to Redis. */
  readonly guard: Guard;
  readonly layout: RedisHistoryLayout;
  /** Messages that a window keeps. */
  readonly size: number;
  readonly ttlMs: number;
  /** Bytes that one stream may hold. */
  readonly maxBytes: number;
}

/** What a window gives of a range: what it has, newest last, and what is missing before it. */
export interface WindowView {
  readonly messages: readonly StoredMessage[];
  readonly isWhole: boolean;
  /** The first number in the window; `undefined` when it holds nothing. */
  readonly first: number | undefined;
}

/** What one append committed, or several without a gap between them. */
export interface Committed {
  /** Every number up to this was given to an earlier append. */
  readonly base: number;
  readonly last: number;
  readonly messages: readonly StoredMessage[];
}

export interface WindowBeginning {
  readonly token: string;
  readonly epoch: string | undefined;
  readonly firstUndrained: number | undefined;
  readonly isDoubted: boolean;
}

/** What a window is made from. */
export interface WindowContents {
  readonly token: string;
  /** Given when Redis gives the numbers of this conversation. */
  readonly epoch?: string | undefined;
  readonly lastSeq: number;
  readonly clearedSeq: number;
  /** Whether nothing precedes the messages. */
  readonly isAll: boolean;
  readonly messages: readonly StoredMessage[];
  /** Of messages before those. */
  readonly ids: ReadonlyArray<{ readonly id: string; readonly seq: number }>;
}

/** Ids are remembered for so many windows' worth of messages, to know one that comes again. */
const IDS_FOR = 4;
const LEAST_IDS = 200;
/** Conversations whose names in Redis are remembered, so that not every append makes two digests and ten texts. */
const MOST_PLACES = 1_000;
const LONGEST_DOUBT_MS = 5_000;
/** For the twentieth part of a doubt its author may go by it, and after a loss of doubts nobody goes by a window for twice as long. */
const TRUST = 1 / 20;

export class RedisWindows {
  readonly layout: RedisHistoryLayout;
  readonly size: number;
  readonly keptIds: number;
  /** How long a window is in doubt that nobody feeds. */
  readonly doubtMs: number;
  /**
   * So long after it began to note a doubt, an append may be committed and acknowledged before the window is fed. An author whose doubt
   * is lost with Redis' data has committed by then, so that who reads PostgreSQL later sees it.
   */
  readonly trustMs: number;
  readonly #options: RedisWindowsOptions;
  readonly #places = new Map<string, TalkPlace>();
  /** Names the run of the server, as far as it is known. */
  #serverRun = "";

  constructor(options: RedisWindowsOptions) {
    this.#options = options;
    this.layout = options.layout;
    this.size = options.size;
    // The note lies with the state of the window, which must outlive it.
    this.doubtMs = Math.min(LONGEST_DOUBT_MS, Math.floor(options.ttlMs / 2));
    this.trustMs = Math.floor(this.doubtMs * TRUST);
    this.keptIds = Math.max(LEAST_IDS, options.size * IDS_FOR);
  }

  /**
   * Asks which run of the server this is; after every reconnect. A window is gone by in the run in which it was made: a server that
   * was killed, or took over from another, may have come back without its last second. A cluster, whose servers each have a run of
   * their own, and a server that does not tell are not asked for it.
   */
  async meet(): Promise<void> {
    const { connection } = this.#options;
    if (connection.isCluster) return void (await connection.send(["ping"]));
    try {
      this.#serverRun = /^run_id:(\w+)/m.exec(String(await connection.send(["info", "server"])))?.[1] ?? "";
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith("NOPERM"))) throw error;
    }
  }

  /**
   * Numbers messages and takes them over.
   * @param blind from which number of the epoch a conversation goes on that has none here
   * @returns `undefined` when the window is cold
   * @throws {@link StrataError} `QUEUE_FULL`
   */
  async append(
    conversation: Conversation,
    messages: readonly LogMessage[],
    notes: ConversationNotes | undefined,
    blind?: number,
  ): Promise<AppendResult | undefined> {
    const { keys, name } = this.#placeOf(conversation);
    const { maxBytes } = this.#options;
    const args = [name, notes === undefined ? "" : JSON.stringify(notes), maxBytes];
    args.push(blind === undefined ? this.#serverRun : `${blind} ${newToken()}`);
    for (const message of messages) args.push(message.id, packMessage(message));
    const append = blind === undefined ? scripts.APPEND : scripts.APPEND_BLIND;
    const reply = (await this.#run(append, keys, args)) as string | [string, number, ...string[]];
    if (typeof reply === "string") {
      const first = Number(reply);
      return { added: messages.length, seqs: messages.map((_, index) => first + index) };
    }
    const [outcome, count, ...seqs] = reply;
    if (outcome === "cold") return undefined;
    if (outcome === "full") {
      throw new StrataError(
        "QUEUE_FULL",
        `${count} of ${maxBytes} bytes wait in Redis to be stored in PostgreSQL; no more are taken until some are.`,
      );
    }
    return { added: count, seqs: seqs.map(Number) };
  }

  /**
   * Before messages are committed that PostgreSQL numbers: nobody goes by the window until they are fed, or `doubtMs` are over; then
   * it is cold. @returns a token for `feed`
   */
  async doubt(key: Digest, token: string = newToken()): Promise<string> {
    const { state, undrained } = this.layout.talk(key);
    await this.#run(scripts.DOUBT, [state, undrained], [token, this.doubtMs, this.#options.ttlMs, this.#serverRun, this.#lossMs]);
    return token;
  }

  /**
   * Adds what is committed to the window, and ends a doubt or prolongs it.
   * @param doubt whose it is, and whether more is being committed under it; default: nobody's
   * @returns whether the window is warm, with the messages in it
   */
  async feed(
    key: Digest,
    { base, last, messages }: Committed,
    doubt?: { readonly token: string; readonly isHeld: boolean },
  ): Promise<boolean> {
    const { state, window, ids, undrained } = this.layout.talk(key);
    const parts = messages.flatMap((message) => [message.seq, message.id, packMessage(message)]);
    const args = [
      base,
      last,
      this.size,
      this.keptIds,
      this.#options.ttlMs,
      doubt?.token ?? newToken(),
      doubt?.isHeld === true ? this.doubtMs : 0,
      this.#serverRun,
      doubt === undefined ? "" : this.#lossMs,
      ...parts,
    ];
    return (await this.#run(scripts.FEED, [state, window, ids, undrained], args)) === 1;
  }

  /** @returns `undefined` when the window is cold; `"doubt"` while it lacks messages that may be committed */
  async read(key: Digest, { after = 0, before, limit }: ReadRange): Promise<WindowView | "doubt" | undefined> {
    const { state, window } = this.layout.talk(key);
    const args = [after, before ?? Number.MAX_SAFE_INTEGER, limit ?? -1, this.#serverRun];
    const reply = (await this.#run(scripts.READ, [state, window], args)) as [string, number, string, ...string[]];
    if (reply[0] === "cold") return undefined;
    if (reply[0] === "doubt") return "doubt";
    const messages = (reply.slice(3) as string[]).map(unpackMessage).toReversed();
    return { messages, isWhole: reply[1] === 1, first: reply[2] === "" ? undefined : Number(reply[2]) };
  }

  /** Before a window is read from PostgreSQL. @param hasDoubts whether appends go by doubts that they noted */
  async begin(key: Digest, hasDoubts: boolean): Promise<WindowBeginning> {
    const { state, undrained, shard } = this.layout.talk(key);
    const args = [newToken(), this.#options.ttlMs, this.#serverRun, hasDoubts ? this.#lossMs : ""];
    const reply = await this.#run(scripts.BEGIN, [state, undrained, shard.epoch], args);
    const [token, epoch, first, doubt] = reply as [string, string, string, string];
    return {
      token,
      epoch: epoch === "" ? undefined : epoch,
      firstUndrained: first === "" ? undefined : Number(first),
      isDoubted: doubt !== "no",
    };
  }

  /** @returns whether it was installed: nothing happened to the window meanwhile */
  async install(key: Digest, contents: WindowContents): Promise<boolean> {
    const { sequence, state, window, ids, undrained, shard } = this.layout.talk(key);
    const { token, epoch, lastSeq, clearedSeq, isAll, messages } = contents;
    const args = [token, epoch ?? "", lastSeq, clearedSeq, isAll ? 1 : 0, this.size, this.keptIds, this.#options.ttlMs];
    const parts = messages.flatMap((message) => [message.seq, message.id, packMessage(message)]);
    const further = contents.ids.flatMap(({ seq, id }) => [seq, id]);
    const outcome = await this.#run(
      scripts.INSTALL,
      [sequence, state, window, ids, undrained, shard.epoch],
      [...args, this.#serverRun, messages.length, ...parts, ...further],
    );
    return outcome === 1;
  }

  /** What numbers begin above, until Redis loses its data; the first who says it decides. */
  async setEpoch(key: Digest, base: number): Promise<void> {
    await this.#send(["set", this.layout.talk(key).shard.epoch, base, "NX"]);
  }

  /** @param lastSeq numbers go on above it; 0 when Redis gives none */
  async invalidate(key: Digest, lastSeq = 0): Promise<void> {
    const { sequence, state, window, ids, undrained } = this.layout.talk(key);
    const keys = [state, window, ids, undrained, sequence];
    await this.#run(scripts.INVALIDATE, keys, [newToken(), this.#options.ttlMs, lastSeq]);
  }

  /** The highest number given here, and the numbers of all messages in the window and the stream. */
  async numbers(key: Digest): Promise<{ last: number; held: number[] }> {
    const { sequence, window } = this.layout.talk(key);
    const [last, held] = await Promise.all([this.#send(["get", sequence]), this.#send(["zrange", window, 0, -1, "WITHSCORES"])]);
    const scores = (held as string[]).filter((_, index) => index % 2 === 1);
    return { last: Number(last ?? 0), held: scores.map(Number) };
  }

  async cleared(key: Digest, upTo: number): Promise<void> {
    const { state, window, ids, undrained } = this.layout.talk(key);
    await this.#run(scripts.CLEARED, [state, window, ids, undrained], [upTo, newToken(), this.#options.ttlMs]);
  }

  /** Removes everything of a conversation but what is in the stream. */
  async remove(key: Digest): Promise<void> {
    const { sequence, state, window, ids, undrained } = this.layout.talk(key);
    await this.#send(["unlink", sequence, state, window, ids, undrained]);
  }

  /** After entries of one stream were stored. @param isChanged whether PostgreSQL took other messages than those of the entries */
  async drained(shard: RedisShard, group: string, entries: readonly DrainedEntry[], isChanged: boolean): Promise<void> {
    const talks = new Map<Digest, { readonly conversation: Conversation; readonly firsts: number[] }>();
    for (const { key, first, batch } of entries) {
      if (key === undefined || first === undefined || batch === undefined) continue;
      const talk = talks.get(key) ?? { conversation: batch.conversation, firsts: [] };
      talk.firsts.push(first);
      talks.set(key, talk);
    }
    const keys = [...talks].map(([key, { conversation }]) => [
      ...windowKeys(this.layout.talk(key)),
      ownersKey(shard, conversation.ownerId),
    ]);
    await this.#run(
      scripts.DRAINED,
      [shard.stream, shard.bytes, ...keys.flat()],
      [
        group,
        this.size,
        this.keptIds,
        this.#options.ttlMs,
        newToken(),
        isChanged ? 1 : 0,
        entries.length,
        ...entries.flatMap(({ id, size }) => [id, size]),
        ...[...talks.values()].flatMap(({ conversation, firsts }) => [nameOf(conversation), firsts.length, ...firsts]),
      ],
    );
  }

  /** The sessions of an owner of which something is in the stream, and how far each has come. */
  async waiting(ownerId: string): Promise<{ sessionId: string; lastSeq: number }[]> {
    const talks = await Promise.all(
      this.layout.shards.map(async (shard) => {
        const found = await this.#talksOf(shard, ownerId);
        if (found.length === 0) return [];
        const last = (await this.#send(["mget", ...found.map(({ talk }) => talk.sequence)])) as Array<string | null>;
        return found.map(({ sessionId }, at) => ({ sessionId, lastSeq: Number(last[at] ?? 0) }));
      }),
    );
    return talks.flat();
  }

  /** The conversations of an owner of which something is in one stream. */
  async #talksOf(shard: RedisShard, ownerId: string): Promise<{ sessionId: string; name: string; talk: RedisTalk }[]> {
    const names = (await this.#send(["zrange", ownersKey(shard, ownerId), 0, -1])) as string[];
    return names.flatMap((name) => {
      const [owner, sessionId] = JSON.parse(name) as [string, string];
      if (owner !== ownerId) return [];
      return { sessionId, name, talk: this.layout.talk(conversationKey({ ownerId, sessionId })) };
    });
  }

  /** What is in the stream of a conversation, and what came after it, oldest first. */
  async undrained(key: Digest): Promise<StoredMessage[]> {
    const { undrained, window } = this.layout.talk(key);
    return ((await this.#run(scripts.WAITING, [undrained, window], [])) as string[]).map(unpackMessage);
  }

  /** Forgets which conversations of an owner were in the streams; what came meanwhile stays. */
  async forgetOwner(ownerId: string): Promise<void> {
    await Promise.all(
      this.layout.shards.map(async (shard) => {
        const found = await this.#talksOf(shard, ownerId);
        const keys = [ownersKey(shard, ownerId), ...found.map(({ talk }) => talk.undrained)];
        const names = found.map(({ name }) => name);
        await this.#run(scripts.FORGET_OWNER, keys, names);
      }),
    );
  }

  async withdraw(
    shard: RedisShard,
    group: string,
    entries: ReadonlyArray<{ readonly id: string; readonly size: number }>,
  ): Promise<void> {
    const args = [group, ...entries.flatMap(({ id, size }) => [id, size])];
    await this.#run(scripts.WITHDRAW, [shard.stream, shard.bytes], args);
  }

  /** What a conversation is called in Redis; of those that were appended to last it is remembered. */
  #placeOf(conversation: Conversation): TalkPlace {
    const { ownerId, sessionId } = conversation;
    // Neither holds NUL (`accept.ts`).
    const both = `${ownerId}\0${sessionId}`;
    const known = this.#places.get(both);
    if (known !== undefined) return known;
    const { sequence, state, window, ids, undrained, shard } = this.layout.talk(conversationKey(conversation));
    const keys = [state, window, ids, undrained, shard.stream, shard.bytes, ownersKey(shard, ownerId), sequence, shard.epoch];
    const place = { name: nameOf(conversation), keys };
    if (this.#places.size >= MOST_PLACES) this.#places.clear();
    this.#places.set(both, place);
    return place;
  }

  get #lossMs(): number {
    return this.trustMs * 2;
  }

  #run(script: RedisScript, keys: readonly string[], args: ReadonlyArray<string | number>): MaybePromise<unknown> {
    return this.#send({ script, keys, args });
  }

  /** May throw at once. */
  #send(call: RedisCall): MaybePromise<unknown> {
    const { guard, connection } = this.#options;
    return guard.run(() => connection.send(call));
  }
}

/** Where an append goes. */
interface TalkPlace {
  /** As entries hold it. */
  readonly name: string;
  /** As the scripts of an append name them. */
  readonly keys: readonly string[];
}

/** A part of a `StreamEntry`. */
interface DrainedEntry {
  readonly id: string;
  readonly size: number;
  readonly key?: Digest;
  readonly first?: number;
  readonly batch?: { readonly conversation: Conversation } | undefined;
}

/** As entries hold it. */
function nameOf({ ownerId, sessionId }: Conversation): string {
  return JSON.stringify([ownerId, sessionId]);
}

function ownersKey({ owners }: RedisShard, ownerId: string): string {
  return owners + ownerKey(ownerId);
}

function windowKeys({ state, window, ids, undrained }: RedisTalk): string[] {
  return [state, window, ids, undrained];
}

/** Random once a process: it costs more than a call to Redis has to spare. */
const ours = randomBytes(9).toString("base64url");
let made = 0;

/** Sets one state of a window apart from all others. */
export function newToken(): string {
  return `${ours}.${(made++).toString(36)}`;
}
