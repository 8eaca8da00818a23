/**
 * The envelope: how one value lies in any tier. It describes itself, so that any process can tell from the bytes alone whether
 * they are whole, whose they are, and how long they live, before anything is inflated or parsed.
 *
 * Little-endian layout, version 1:
 *
 * | offset | bytes | field |
 * | --- | --- | --- |
 * | 0 | 4 | magic `STRA` |
 * | 4 | 1 | version |
 * | 5 | 1 | codec of the payload (0 = raw; see `cache/compression.ts`) |
 * | 6 | 2 | flags, 0 today; a reader refuses flags that it does not know |
 * | 8 | 16 | key fingerprint: the first 16 characters of the key digest |
 * | 24 | 16 | scope fingerprint: the first 16 characters of the scope digest |
 * | 40 | 8 | created at, Unix ms (float64) |
 * | 48 | 8 | expires at, Unix ms (float64); 0 = never |
 * | 56 | 4 | cost: what a hit saves, ms (float32) |
 * | 60 | 4 | length of the payload before compression |
 * | 64 | 4 | length of the payload as stored |
 * | 68 | 4 | length of the tags (UTF-8 JSON array), 0 = none |
 * | 72 | 4 | CRC-32 of everything but this field |
 * | 76 | | tags, then payload |
 *
 * Expiry is absolute, so that no move between tiers extends a life. The fingerprints make bytes that answer another key or
 * another scope (a desynchronised connection, a restored file, a forged entry) a miss. CRC-32 finds every flipped bit and every
 * burst up to 32 bits; it is no defence against a writer with intent, which the fingerprints and the tier's own access rules are.
 */
import * as zlib from "node:zlib";
import { StrataError } from "./errors.ts";
import type { Digest } from "./key.ts";

const MAGIC = 0x41525453;
const VERSION = 1;
const FINGERPRINT = 16;
const CHECKSUM_AT = 72;
const HEADER = 76;

/** What an envelope says about its payload. */
interface EnvelopeHeader {
  readonly createdAt: number;
  /** Unix ms; `undefined` = never. */
  readonly expiresAt: number | undefined;
  /** Milliseconds that a hit saves. */
  readonly cost: number;
  /** 0 = raw. */
  readonly codec: number;
  /** Bytes of the payload before compression. */
  readonly rawLength: number;
  readonly tags: readonly string[];
}

export interface Envelope extends EnvelopeHeader {
  /** A view of the sealed bytes, not a copy. */
  readonly payload: Uint8Array;
}

/** What is sealed: the header's fields, whose they are, and the payload as it will lie in the tier. */
export interface SealInput extends EnvelopeHeader {
  readonly key: Digest;
  readonly scope: Digest;
  readonly payload: Uint8Array;
}

/** Writes one envelope. The payload is copied once, into the result. */
export function seal(input: SealInput): Buffer {
  const tags = input.tags.length === 0 ? undefined : Buffer.from(JSON.stringify(input.tags));
  const tagsLength = tags?.byteLength ?? 0;
  const bytes = Buffer.allocUnsafe(HEADER + tagsLength + input.payload.byteLength);
  bytes.writeUInt32LE(MAGIC, 0);
  bytes.writeUInt8(VERSION, 4);
  bytes.writeUInt8(input.codec, 5);
  bytes.writeUInt16LE(0, 6);
  bytes.write(input.key, 8, FINGERPRINT, "latin1");
  bytes.write(input.scope, 24, FINGERPRINT, "latin1");
  bytes.writeDoubleLE(input.createdAt, 40);
  bytes.writeDoubleLE(input.expiresAt ?? 0, 48);
  bytes.writeFloatLE(input.cost, 56);
  bytes.writeUInt32LE(input.rawLength, 60);
  bytes.writeUInt32LE(input.payload.byteLength, 64);
  bytes.writeUInt32LE(tagsLength, 68);
  if (tags !== undefined) bytes.set(tags, HEADER);
  bytes.set(input.payload, HEADER + tagsLength);
  bytes.writeUInt32LE(checksum(bytes), CHECKSUM_AT);
  return bytes;
}

/**
 * Reads one envelope after verifying length, version, fingerprints and checksum, in that order of cost.
 * @throws {@link StrataError} `CORRUPT`, with the reason, when any of them does not hold
 */
export function open(value: Uint8Array, key: Digest, scope: Digest): Envelope {
  const bytes = asBuffer(value);
  if (bytes.byteLength < HEADER) throw corrupt("it is shorter than a header");
  if (bytes.readUInt32LE(0) !== MAGIC) throw corrupt("it does not begin with the magic bytes");
  if (bytes.readUInt8(4) !== VERSION) throw corrupt(`its version is ${bytes.readUInt8(4)}; this release reads ${VERSION}`);
  if (bytes.readUInt16LE(6) !== 0) throw corrupt("it has flags that this release does not know");
  const tagsLength = bytes.readUInt32LE(68);
  const storedLength = bytes.readUInt32LE(64);
  if (bytes.byteLength !== HEADER + tagsLength + storedLength) throw corrupt("its length is not the one that it states");
  if (bytes.toString("latin1", 8, 8 + FINGERPRINT) !== key.slice(0, FINGERPRINT)) throw corrupt("it belongs to another key");
  if (bytes.toString("latin1", 24, 24 + FINGERPRINT) !== scope.slice(0, FINGERPRINT))
    throw corrupt("it belongs to another scope");
  if (bytes.readUInt32LE(CHECKSUM_AT) !== checksum(bytes)) throw corrupt("its checksum does not match");
  const expiresAt = bytes.readDoubleLE(48);
  return {
    createdAt: bytes.readDoubleLE(40),
    expiresAt: expiresAt === 0 ? undefined : expiresAt,
    cost: bytes.readFloatLE(56),
    codec: bytes.readUInt8(5),
    rawLength: bytes.readUInt32LE(60),
    tags: tagsLength === 0 ? [] : readTags(bytes.subarray(HEADER, HEADER + tagsLength)),
    payload: bytes.subarray(HEADER + tagsLength),
  };
}

/**
 * The tags of an envelope, read without verifying the rest: for going through a tier whose entries are then only removed.
 * Empty when the bytes are no envelope of this version.
 */
export function peekTags(value: Uint8Array): readonly string[] {
  const bytes = asBuffer(value);
  if (bytes.byteLength < HEADER || bytes.readUInt32LE(0) !== MAGIC || bytes.readUInt8(4) !== VERSION) return [];
  const tagsLength = bytes.readUInt32LE(68);
  if (tagsLength === 0 || HEADER + tagsLength > bytes.byteLength) return [];
  try {
    return readTags(bytes.subarray(HEADER, HEADER + tagsLength));
  } catch {
    return [];
  }
}

/**
 * What an envelope says of itself, unverified: for listings, which show a header and serve nothing. `undefined` when the bytes are no
 * envelope of this version, or shorter than they state.
 */
export function peek(value: Uint8Array): Envelope | undefined {
  const bytes = asBuffer(value);
  if (bytes.byteLength < HEADER || bytes.readUInt32LE(0) !== MAGIC || bytes.readUInt8(4) !== VERSION) return undefined;
  const payload = bytes.subarray(HEADER + bytes.readUInt32LE(68));
  if (payload.byteLength !== bytes.readUInt32LE(64)) return undefined;
  const expiresAt = bytes.readDoubleLE(48);
  return {
    createdAt: bytes.readDoubleLE(40),
    expiresAt: expiresAt === 0 ? undefined : expiresAt,
    cost: bytes.readFloatLE(56),
    codec: bytes.readUInt8(5),
    rawLength: bytes.readUInt32LE(60),
    tags: peekTags(bytes),
    payload,
  };
}

/** A `Buffer` over the same memory. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function checksum(bytes: Buffer): number {
  return zlib.crc32(bytes.subarray(HEADER), zlib.crc32(bytes.subarray(0, CHECKSUM_AT)));
}

function readTags(bytes: Buffer): readonly string[] {
  let tags: unknown;
  try {
    tags = JSON.parse(bytes.toString("utf8"));
  } catch {
    // Not even JSON: refused below with everything else that is no list of texts.
  }
  if (!Array.isArray(tags) || !tags.every((tag) => typeof tag === "string")) throw corrupt("its tags are not a list of texts");
  return tags;
}

function corrupt(reason: string): StrataError {
  return new StrataError("CORRUPT", `A stored value cannot be used: ${reason}.`);
}
