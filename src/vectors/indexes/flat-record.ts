/**
 * What a flat index writes to its log, one change a record:
 *
 * | bytes | field |
 * | --- | --- |
 * | 4 | magic `SVR1` |
 * | 4 | CRC-32 of everything after this field |
 * | 4 | length of the record |
 * | 4 | length of the JSON |
 * | | the change as JSON |
 * | | its vector, float32, little-endian (as every processor is that Node is released for but one) |
 *
 * A reader that meets anything else looks for the next magic whose checksum holds, so that a torn write costs itself alone.
 */
import * as zlib from "node:zlib";
import type { AcceptedRecord } from "../accepted.ts";
import type { VectorFilter } from "../vector-index.ts";

const MAGIC = Buffer.from("SVR1");
const HEADER = 16;
/** A vector of 16,000 dimensions, or a filter of some thousand ids, with room. */
const LONGEST = 1024 * 1024;
/** Ids that one removal names at most, so that no record is longer than that. */
export const IDS_AT_ONCE = 5_000;

/** `w` names the write: who, and the how manieth. */
export type FlatChange =
  | {
      readonly k: "add";
      readonly w: string;
      readonly p: string;
      readonly i: string;
      readonly t: readonly string[];
      readonly e: number | null;
    }
  | { readonly k: "del"; readonly w: string; readonly f: VectorFilter }
  /** The log ends here; it goes on in the next file. */
  | { readonly k: "end"; readonly w: string };

export function addition(w: string, partition: string, { id, vector, tags, expiresAt }: AcceptedRecord): Buffer {
  const e = expiresAt === Infinity ? null : expiresAt;
  return write({ k: "add", w, p: partition, i: id, t: tags, e }, vector);
}

export function write(change: FlatChange, vector?: Float32Array): Buffer {
  const json = Buffer.from(JSON.stringify(change));
  const bytes = Buffer.allocUnsafe(HEADER + json.length + (vector?.byteLength ?? 0));
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(bytes.length, 8);
  bytes.writeUInt32LE(json.length, 12);
  json.copy(bytes, HEADER);
  if (vector !== undefined) bytes.set(new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength), HEADER + json.length);
  bytes.writeUInt32LE(zlib.crc32(bytes.subarray(8)), 4);
  return bytes;
}

/**
 * Reads the records in `bytes` from the start.
 * @param isEnd whether the file ends with these bytes, so that what is incomplete is torn, or not there yet
 * @param take is given each change; ends the reading by `false`
 * @returns how many bytes were dealt with, and how many of these were no record
 */
export function readChanges(
  bytes: Buffer,
  isEnd: boolean,
  take: (change: FlatChange, vector: Float32Array) => boolean,
): { readonly read: number; readonly damaged: number } {
  let at = 0;
  let damaged = 0;
  while (at + HEADER <= bytes.length) {
    const length = lengthAt(bytes, at);
    if (length !== undefined && at + length > bytes.length && !isEnd) break;
    if (length !== undefined && isWhole(bytes, at, length)) {
      const vectorAt = at + HEADER + bytes.readUInt32LE(at + 12);
      const change = JSON.parse(bytes.toString("utf8", at + HEADER, vectorAt)) as FlatChange;
      const vector = bytes.buffer.slice(bytes.byteOffset + vectorAt, bytes.byteOffset + at + length);
      at += length;
      if (!take(change, new Float32Array(vector))) break;
      continue;
    }
    const next = nextRecord(bytes, at + 1);
    // At the end of the file it may be a write under way: it is looked at again when there is more.
    if (next === undefined && isEnd) break;
    damaged += (next ?? bytes.length - HEADER) - at;
    at = next ?? Math.max(at + 1, bytes.length - HEADER);
  }
  return { read: at, damaged };
}

function lengthAt(bytes: Buffer, at: number): number | undefined {
  if (at + HEADER > bytes.length || bytes.compare(MAGIC, 0, MAGIC.length, at, at + MAGIC.length) !== 0) return undefined;
  const length = bytes.readUInt32LE(at + 8);
  return length >= HEADER && length <= LONGEST && HEADER + bytes.readUInt32LE(at + 12) <= length ? length : undefined;
}

function isWhole(bytes: Buffer, at: number, length: number): boolean {
  return at + length <= bytes.length && bytes.readUInt32LE(at + 4) === zlib.crc32(bytes.subarray(at + 8, at + length));
}

function nextRecord(bytes: Buffer, from: number): number | undefined {
  for (let at = bytes.indexOf(MAGIC, from); at !== -1; at = bytes.indexOf(MAGIC, at + 1)) {
    const length = lengthAt(bytes, at);
    if (length !== undefined && isWhole(bytes, at, length)) return at;
  }
  return undefined;
}
