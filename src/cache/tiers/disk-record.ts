/**
 * What the disk tier notes of an entry beside its value. Little-endian:
 *
 * | offset | bytes | field |
 * | --- | --- | --- |
 * | 0 | 8 | last used, Unix ms (float64) |
 * | 8 | 8 | expires at, Unix ms (float64; infinity = never) |
 * | 16 | 4 | cost, ms (float32) |
 * | 20 | 4 | bytes of the value |
 * | 24 | 4 | hits |
 * | 28 | 1 | length of the scope digest, 0 = none |
 * | 29 | | scope digest (ASCII), then the tags (UTF-8 JSON array, left out when empty) |
 *
 * Records have no checksum: what they say decides only how long an entry stays, never what it holds. One that cannot be read
 * goes first, with its value, and goes with every clear, since nobody knows whose it is.
 */
import type { Digest } from "../../core/key.ts";
import type { TierFilter } from "../tier.ts";

export interface DiskRecord {
  readonly lastUsed: number;
  /** Unix ms; `Infinity` = never. */
  readonly expiresAt: number;
  readonly cost: number;
  readonly bytes: number;
  readonly hits: number;
  readonly scope: Digest | undefined;
  readonly tags: readonly string[];
}

const FIXED = 29;

export function writeRecord(record: DiskRecord): Buffer {
  const scope = record.scope ?? "";
  const tags = record.tags.length === 0 ? "" : JSON.stringify(record.tags);
  const bytes = Buffer.allocUnsafe(FIXED + scope.length + Buffer.byteLength(tags));
  bytes.writeDoubleLE(record.lastUsed, 0);
  bytes.writeDoubleLE(record.expiresAt, 8);
  bytes.writeFloatLE(record.cost, 16);
  bytes.writeUInt32LE(record.bytes, 20);
  bytes.writeUInt32LE(record.hits, 24);
  bytes.writeUInt8(scope.length, 28);
  bytes.write(scope, FIXED, "latin1");
  bytes.write(tags, FIXED + scope.length, "utf8");
  return bytes;
}

/** `undefined` when it is damaged. */
export function readRecord(bytes: Buffer): DiskRecord | undefined {
  if (bytes.byteLength < FIXED) return undefined;
  const tagsAt = FIXED + bytes.readUInt8(28);
  const tags = tagsAt === bytes.byteLength ? [] : readTags(bytes.toString("utf8", tagsAt));
  if (tags === undefined) return undefined;
  return {
    lastUsed: bytes.readDoubleLE(0),
    expiresAt: bytes.readDoubleLE(8),
    cost: bytes.readFloatLE(16),
    bytes: bytes.readUInt32LE(20),
    hits: bytes.readUInt32LE(24),
    scope: tagsAt === FIXED ? undefined : bytes.toString("latin1", FIXED, tagsAt),
    tags,
  };
}

/** The same record after one more use; `undefined` when it is damaged. */
export function touchRecord(bytes: Buffer, now: number): Buffer | undefined {
  if (bytes.byteLength < FIXED) return undefined;
  const copy = Buffer.from(bytes);
  copy.writeDoubleLE(now, 0);
  copy.writeUInt32LE(Math.min(copy.readUInt32LE(24) + 1, 0xffffffff), 24);
  return copy;
}

export function recordMatches(bytes: Buffer, filter: TierFilter): boolean {
  const record = readRecord(bytes);
  if (record === undefined) return true;
  if (filter.scope !== undefined && record.scope !== filter.scope) return false;
  return filter.tag === undefined || record.tags.includes(filter.tag);
}

function readTags(text: string): readonly string[] | undefined {
  try {
    const tags: unknown = JSON.parse(text);
    return Array.isArray(tags) && tags.every((tag) => typeof tag === "string") ? tags : undefined;
  } catch {
    return undefined;
  }
}
