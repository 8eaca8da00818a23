/**
 * How the history lies in Redis. All names are digests under a prefix; no text of a user is ever part of one.
 *
 * | key | type | holds | lives |
 * | --- | --- | --- | --- |
 * | `prefix:stream` | stream | what is acknowledged and not yet in PostgreSQL, one entry an append | until it is stored |
 * | `prefix:bytes` | number | the size of the stream | for good |
 * | `prefix:epoch` | number | what numbers begin above, as long as Redis keeps its data | for good |
 * | `prefix:q:<talk>` | number | the highest number that Redis gave in a conversation | for good |
 * | `prefix:u:<talk>` | sorted set | the first number of each append that is in the stream | until it is stored |
 * | `prefix:o:<owner>` | sorted set | the owner's conversations of which something is in the stream, all with the score 0 | until it is stored |
 * | `prefix:w:<talk>` | sorted set | the window: the newest messages by number, and all that are in the stream | the window's ttl |
 * | `prefix:i:<talk>` | sorted set | the ids of the window, and some before it, by number | the same |
 * | `prefix:h:<talk>` | hash | the state of the window | the same |
 *
 * On a cluster the prefix is followed by one of 16 shards in braces, chosen by the conversation's digest: a shard is one hash slot,
 * so that the stream and the window of a conversation are written by one script there too. Sixteen streams are few enough to be
 * asked in turn by each writer, and enough to spread over any cluster that a history needs.
 *
 * The state of a window: `warm` is `1` when it holds every message from its first on, so that an empty window is an empty
 * conversation; anything else is cold, and says nothing. `n` is how many messages it holds: a server that evicted them shows by
 * it. `r` names the run of the server in which it was made. `all` is `1` when nothing precedes it. `s` is the highest number that it
 * knows to be given. `v` changes with whatever happens to a cold window, so that a copy that was read from PostgreSQL before is not
 * installed after it. `d` names the appends that PostgreSQL is committing and the window lacks, and until when each is waited for;
 * meanwhile nobody goes by the window. `k` names the run of the server since which none of them was lost; where it is missing or
 * another one's, some may have been, and the window is in doubt for a moment (`?`).
 *
 * `p` is `1` while messages of it are in the stream: then nothing of it ends by itself, and its owner's set names it.
 *
 * Nothing in the stream is ever trimmed or given an end, and no window ends while messages of it are in the stream.
 */
import type { Digest } from "../../core/key.ts";
import type { LogMessage, StoredMessage } from "../message-log.ts";

const CLUSTER_SHARDS = 16;

/** What one shard consists of. */
export interface RedisShard {
  readonly stream: string;
  readonly bytes: string;
  readonly epoch: string;
  /** What the digest of an owner follows in the name of a key. */
  readonly owners: string;
}

/** What one conversation consists of. */
export interface RedisTalk {
  readonly shard: RedisShard;
  readonly sequence: string;
  readonly state: string;
  readonly window: string;
  readonly ids: string;
  readonly undrained: string;
}

export interface RedisHistoryLayout {
  readonly shards: readonly RedisShard[];
  readonly talk: (key: Digest) => RedisTalk;
}

export function redisHistoryLayout(prefix: string, isCluster: boolean): RedisHistoryLayout {
  const names = isCluster ? Array.from({ length: CLUSTER_SHARDS }, (_, index) => `${prefix}:{h${index.toString(16)}}`) : [prefix];
  const shards = names.map((name) => ({
    stream: `${name}:stream`,
    bytes: `${name}:bytes`,
    epoch: `${name}:epoch`,
    owners: `${name}:o:`,
  }));
  return {
    shards,
    talk(key) {
      // The first two characters of a digest are evenly spread.
      const index = Buffer.from(key.slice(0, 4), "base64url").readUInt8(0) % shards.length;
      const name = names[index] as string;
      return {
        shard: shards[index] as RedisShard,
        sequence: `${name}:q:${key}`,
        state: `${name}:h:${key}`,
        window: `${name}:w:${key}`,
        ids: `${name}:i:${key}`,
        undrained: `${name}:u:${key}`,
      };
    },
  };
}

/** A shorter text is not worth its place in the payload. */
const SHORTEST_QUOTED = 32;

/**
 * A message without its number, as it lies in Redis: a line of JSON, and the payload as it is. JSON knows no bare line break, so the
 * first one ends the line; and the payload, which is most of it, is not escaped once more. A text that the payload holds too, which it
 * mostly does, is not sent and kept twice: the line says where it begins and how long it is, quotes included.
 */
export function packMessage({ id, role, name, createdAt, text, payload }: LogMessage): string {
  const quoted = text.length < SHORTEST_QUOTED ? undefined : JSON.stringify(text);
  const at = quoted === undefined ? -1 : payload.indexOf(quoted);
  const where = quoted === undefined || at < 0 ? [text] : [at, quoted.length];
  return `${JSON.stringify([id, role, name ?? null, createdAt, ...where])}\n${payload}`;
}

/** `number|message`, as windows and entries hold it. @throws {@link SyntaxError} when it is none */
export function unpackMessage(packed: string): StoredMessage {
  const [end, line] = [packed.indexOf("|"), packed.indexOf("\n")];
  const seq = Number(packed.slice(0, end));
  const parts: unknown = JSON.parse(packed.slice(end + 1, line));
  if (line < 0 || !Number.isSafeInteger(seq) || seq < 1 || !Array.isArray(parts)) throw new SyntaxError("No message.");
  const [id, role, name, createdAt, ...where] = parts as [string, string, string | null, number, ...unknown[]];
  const payload = packed.slice(line + 1);
  const text = textOf(payload, where);
  return { id, role, ...(name !== null && { name }), createdAt, text, payload, seq };
}

function textOf(payload: string, where: readonly unknown[]): string {
  const [first, length] = where;
  const isQuoted = where.length === 2 && typeof first === "number" && typeof length === "number";
  const text: unknown = isQuoted ? JSON.parse(payload.slice(first, first + length)) : first;
  if (typeof text !== "string" || (where.length !== 1 && !isQuoted)) throw new SyntaxError("No message.");
  return text;
}
