/**
 * How the Redis tier lies in Redis. All names are digests under the prefix of the tier; no text of a user is ever part of one.
 *
 * | key | type | holds |
 * | --- | --- | --- |
 * | `prefix:v:<key>` | string | one value, with a life of its own |
 * | `prefix:i:s<scope>`, `prefix:i:t<tag>` | sorted set | the keys of a scope, of a tag, scored by expiry |
 * | `prefix:d` | sorted set | the names of all indexes, scored by the latest expiry in each |
 * | `prefix:l:<key>` | string | who computes the value (`redis-flight.ts`) |
 * | `prefix:log` | stream | what was changed lately (`redis-log.ts`) |
 *
 * On a cluster everything but the log is divided into 256 shards by the key's digest, `prefix:{5f}:v:<key>`. A shard is one hash
 * slot, so a value and its indexes are written by one script there too; 256 spread well over any cluster that a cache needs, and
 * are still few enough to be walked by `clear`.
 *
 * A value is `count of indexes (2 bytes) | first 16 characters of the key | 12 bytes for each index | sealed envelope`. The
 * indexes named in a value decide what it belongs to; an index may hold more keys (of values that expired, were evicted, or
 * moved to another scope), which are dropped when they are met.
 */
import { createHash } from "node:crypto";
import type { Digest } from "../../core/key.ts";
import { tagDigest } from "../tags.ts";
import type { TierEntry } from "../tier.ts";

export const ID_BYTES = 12;
const KEY_CHARACTERS = 16;
const COUNT_BYTES = 2;
/** Where the ids begin. */
export const IDS_AT: number = COUNT_BYTES + KEY_CHARACTERS;

const CLUSTER_SHARDS = 256;

export interface RedisLayout {
  /** What shard names begin keys with; one empty name when there are no shards. */
  readonly shards: readonly string[];
  readonly log: string;
  readonly shardOf: (key: Digest) => string;
  readonly value: (key: Digest) => string;
  readonly lock: (key: Digest) => string;
  readonly index: (shard: string, name: string) => string;
  readonly directory: (shard: string) => string;
}

export function redisLayout(prefix: string, isCluster: boolean): RedisLayout {
  const shards = isCluster
    ? Array.from({ length: CLUSTER_SHARDS }, (_, index) => `{${index.toString(16).padStart(2, "0")}}:`)
    : [""];
  const shardOf = (key: Digest): string =>
    isCluster ? (shards[Buffer.from(key.slice(0, 2), "base64url").readUInt8(0)] as string) : "";
  const values = `${prefix}:v:`;
  return {
    shards,
    log: `${prefix}:log`,
    shardOf,
    value: isCluster ? (key) => `${prefix}:${shardOf(key)}v:${key}` : (key) => values + key,
    lock: (key) => `${prefix}:${shardOf(key)}l:${key}`,
    index: (shard, name) => `${prefix}:${shard}i:${name}`,
    directory: (shard) => `${prefix}:${shard}d`,
  };
}

/** The name of the index of a scope; entries without one have an index too. */
export function scopeIndex(scope: Digest | undefined): string {
  return `s${scope ?? ""}`;
}

/** The scope that an index is of, `undefined` for entries without one. */
export function indexedScope(name: string): Digest | undefined {
  return name.length === 1 ? undefined : name.slice(1);
}

export function isScopeIndex(name: string): boolean {
  return name.startsWith("s");
}

export function tagIndex(tag: string): string {
  return `t${tagDigest(tag)}`;
}

/** The names of the indexes that an entry belongs to. */
export function indexesOf(entry: TierEntry): string[] {
  return [scopeIndex(entry.scope), ...new Set((entry.tags ?? []).map((tag) => tagIndex(tag)))];
}

/** The short form of an index's name that values carry. */
export function indexId(name: string): Buffer {
  return createHash("sha256").update(name).digest().subarray(0, ID_BYTES);
}

/** The bytes that are stored for an entry. */
export function packValue(entry: TierEntry, indexes: readonly string[]): Buffer {
  const head = Buffer.allocUnsafe(IDS_AT);
  head.writeUInt16BE(indexes.length, 0);
  head.write(entry.key.padEnd(KEY_CHARACTERS), COUNT_BYTES, KEY_CHARACTERS, "latin1");
  return Buffer.concat([head, ...indexes.map(indexId), entry.value]);
}

/**
 * The envelope in stored bytes.
 * @returns `undefined` when the bytes are not what is stored under `key`: the reply to another question, or no value of ours
 */
export function unpackValue(stored: Buffer, key: Digest): Buffer | undefined {
  if (stored.byteLength < IDS_AT) return undefined;
  const start = IDS_AT + stored.readUInt16BE(0) * ID_BYTES;
  if (start > stored.byteLength) return undefined;
  if (stored.toString("latin1", COUNT_BYTES, IDS_AT) !== key.slice(0, KEY_CHARACTERS).padEnd(KEY_CHARACTERS)) return undefined;
  return stored.subarray(start);
}

/** Whether stored bytes say that they belong to an index. */
export function belongsTo(stored: Buffer, id: Buffer): boolean {
  const count = stored.readUInt16BE(0);
  for (let at = IDS_AT, index = 0; index < count; index++, at += ID_BYTES) {
    if (id.equals(stored.subarray(at, at + ID_BYTES))) return true;
  }
  return false;
}
