/**
 * Records gathered into chunks of about a megabyte, and compressed: large enough for deflate to find what repeats, small enough for
 * flat memory. A record is `length (4) | count of marks (1) | marks (16 each) | body`; the length counts what follows it.
 */
import { promisify } from "node:util";
import * as zlib from "node:zlib";
import { StrataError } from "../../core/errors.ts";
import type { BackupRecord } from "./backup-part.ts";
import { OWNER_MARK_LENGTH, type OwnerMark } from "./owner-mark.ts";
import { corrupt, LARGEST_FRAME, type Frame } from "./frame.ts";

const CHUNK_BYTES = 1024 * 1024;
/** Level 1: twice as quick as 6 on prose, for a file a tenth larger. */
const LEVEL = 1;
/** What deflate saves less than this share of is stored as it is: sealed values are often compressed already. */
const LEAST_SAVED = 0.03;
/** A sample of so many bytes tells whether the rest is worth the time. */
const SAMPLE_BYTES = 16 * 1024;

/**
 * Node hands out what it deflates or inflates in pieces of 16 KB by default, each by way of the event loop: 64 trips for a chunk. One
 * piece is large enough for a chunk, and for a record that is longer than that the memory grows with what is really there.
 */
const PIECE_BYTES = CHUNK_BYTES + 64;

const deflate = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.deflateRaw);
const inflate = promisify<Uint8Array, zlib.ZlibOptions, Buffer>(zlib.inflateRaw);

/** A chunk before it is compressed. */
export interface RawChunk {
  readonly payload: Buffer;
  readonly records: number;
}

export class ChunkBuilder {
  #bytes: Buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  #length = 0;
  #records = 0;

  /** Adds a record; gives a chunk when one is full. */
  add(owners: readonly OwnerMark[], body: readonly (Uint8Array | string)[]): RawChunk | undefined {
    let size = 1 + owners.length * OWNER_MARK_LENGTH;
    for (const piece of body) size += typeof piece === "string" ? Buffer.byteLength(piece) : piece.byteLength;
    if (4 + size > LARGEST_FRAME) {
      throw new StrataError("UNSTORABLE", `A record has ${size} bytes; a backup holds at most ${LARGEST_FRAME}.`);
    }
    const full = this.#length > 0 && this.#length + 4 + size > CHUNK_BYTES ? this.take() : undefined;
    if (4 + size > this.#bytes.byteLength) this.#bytes = Buffer.allocUnsafe(4 + size);
    const bytes = this.#bytes;
    let at = bytes.writeUInt32LE(size, this.#length);
    at = bytes.writeUInt8(owners.length, at);
    for (const owner of owners) at += bytes.write(owner.padEnd(OWNER_MARK_LENGTH), at, OWNER_MARK_LENGTH, "latin1");
    for (const piece of body) {
      if (typeof piece === "string") at += bytes.write(piece, at, "utf8");
      else {
        bytes.set(piece, at);
        at += piece.byteLength;
      }
    }
    this.#length = at;
    this.#records++;
    return full;
  }

  /** What has gathered; `undefined` when there is nothing. */
  take(): RawChunk | undefined {
    if (this.#records === 0) return undefined;
    const chunk = { payload: this.#bytes.subarray(0, this.#length), records: this.#records };
    this.#bytes = Buffer.allocUnsafe(CHUNK_BYTES);
    this.#length = 0;
    this.#records = 0;
    return chunk;
  }
}

/** Compresses on the threads of Node; what does not get smaller stays as it is. */
export async function pack(payload: Buffer): Promise<Pick<Frame, "codec" | "rawLength" | "stored">> {
  const raw = { codec: 0, rawLength: payload.byteLength, stored: payload } as const;
  if (payload.byteLength > 4 * SAMPLE_BYTES) {
    const middle = Math.floor(payload.byteLength / 2);
    const sample = await deflate(payload.subarray(middle, middle + SAMPLE_BYTES), { level: LEVEL });
    if (sample.byteLength > SAMPLE_BYTES * (1 - LEAST_SAVED)) return raw;
  }
  const stored = await deflate(payload, { level: LEVEL, chunkSize: PIECE_BYTES / 4 });
  return stored.byteLength > payload.byteLength * (1 - LEAST_SAVED) ? raw : { codec: 1, rawLength: payload.byteLength, stored };
}

/** @throws {@link StrataError} `CORRUPT` when it is not as long as it says; nothing is inflated beyond that */
export async function unpack({ codec, rawLength, stored }: Frame): Promise<Buffer> {
  let payload = stored;
  if (codec === 1) {
    try {
      // 0 would be refused as a limit, and nothing of ours is empty and compressed.
      const maxOutputLength = Math.max(1, rawLength);
      payload = await inflate(stored, { maxOutputLength, chunkSize: Math.min(rawLength + 64, PIECE_BYTES) });
    } catch (cause) {
      throw corrupt("a chunk cannot be inflated", cause);
    }
  }
  if (payload.byteLength !== rawLength) throw corrupt("a chunk has another length than it says");
  return payload;
}

/** The records of a chunk; their bodies are views of it. @throws {@link StrataError} `CORRUPT` */
export function recordsOf(payload: Buffer, count: number): BackupRecord[] {
  const records: BackupRecord[] = [];
  eachRecord(payload, count, (at, bodyAt, end) => {
    const owners: OwnerMark[] = [];
    for (let mark = at; mark < bodyAt; mark += OWNER_MARK_LENGTH) {
      owners.push(payload.toString("latin1", mark, mark + OWNER_MARK_LENGTH));
    }
    records.push({ owners, body: payload.subarray(bodyAt, end) });
  });
  return records;
}

/** Looks at a chunk as `recordsOf` does, and makes nothing of it. @throws {@link StrataError} `CORRUPT` */
export function checkRecords(payload: Buffer, count: number): void {
  eachRecord(payload, count, () => undefined);
}

function eachRecord(payload: Buffer, count: number, see: (marksAt: number, bodyAt: number, end: number) => void): void {
  let seen = 0;
  for (let at = 0; at < payload.byteLength; seen++) {
    if (at + 5 > payload.byteLength) throw corrupt("a record is torn");
    const end = at + 4 + payload.readUInt32LE(at);
    const bodyAt = at + 5 + payload.readUInt8(at + 4) * OWNER_MARK_LENGTH;
    if (end > payload.byteLength || bodyAt > end) throw corrupt("a record is torn");
    see(at + 5, bodyAt, end);
    at = end;
  }
  if (seen !== count) throw corrupt("a chunk holds another number of records than it says");
}
