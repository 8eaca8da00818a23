/**
 * The file of a backup: eight bytes of magic, then frames. Little-endian layout of one frame, version 1:
 *
 * | offset | bytes | field |
 * | --- | --- | --- |
 * | 0 | 1 | kind: 1 manifest, 2 records, 3 end of a part, 4 end of the backup |
 * | 1 | 1 | codec of the payload: 0 raw, 1 deflate (RFC 1951) |
 * | 2 | 2 | number of the part, from 0 |
 * | 4 | 4 | number of the frame, from 0 |
 * | 8 | 4 | records in it |
 * | 12 | 4 | length of the payload |
 * | 16 | 4 | length of the payload as stored |
 * | 20 | 32 | chain: SHA-256 over the chain before, bytes 0 to 19, and the stored payload |
 * | 52 | 64 | signature of the chain; zeros in an unsigned backup |
 * | 116 | | payload as stored |
 *
 * The chain begins with the digest of the magic. A frame that was changed, left out, repeated or moved breaks it there and then; a
 * backup without its last frame is torn. Every frame is signed, not only the last, so that what an interrupted backup left behind is
 * known to be one's own before it is gone on with. A change of this layout is a new magic.
 *
 * A frame that says of itself what no release writes is refused before anything is read or inflated for it: only records are compressed,
 * deflate makes nothing more than 1,032 times smaller (zlib.net/zlib_tech.html), and what holds several records is no longer than 16 MiB.
 */
import { createHash } from "node:crypto";
import { StrataError } from "../../core/errors.ts";
import { SIGNATURE_BYTES, type Signer } from "./backup-key.ts";

export const MAGIC: Buffer = Buffer.from("STRABKP1", "latin1");

export type FrameKind = "manifest" | "records" | "part-end" | "end";

const KINDS: readonly FrameKind[] = ["manifest", "records", "part-end", "end"];
const CHAIN_AT = 20;
export const SIGNATURE_AT = 52;
export const FRAME_HEADER: number = SIGNATURE_AT + SIGNATURE_BYTES;
/** No frame is larger, before or after compression: no text of Node is longer, and a record is one text or one value. */
export const LARGEST_FRAME: number = 512 * 1024 ** 2;
/** Nor one with several records; the chunks of this release end at a megabyte. */
const LARGEST_CHUNK = 16 * 1024 ** 2;
/** Bytes that one byte of deflate stands for at most, and what an empty stream takes. */
const MOST_INFLATED = 1_032;
const LEAST_STREAM = 64;

export interface Frame {
  readonly kind: FrameKind;
  /** 0 = raw, 1 = deflate. */
  readonly codec: 0 | 1;
  readonly part: number;
  readonly records: number;
  /** Bytes of the payload before compression. */
  readonly rawLength: number;
  readonly stored: Buffer;
}

/** Where a chain stands. */
export class Chain {
  #digest: Buffer = createHash("sha256").update(MAGIC).digest();
  #number = 0;

  /** Frames so far. */
  get length(): number {
    return this.#number;
  }

  /** The header of the next frame. */
  seal({ kind, codec, part, records, rawLength, stored }: Frame, signer: Signer): Buffer {
    const header = Buffer.alloc(FRAME_HEADER);
    header.writeUInt8(KINDS.indexOf(kind) + 1, 0);
    header.writeUInt8(codec, 1);
    header.writeUInt16LE(part, 2);
    header.writeUInt32LE(this.#number, 4);
    header.writeUInt32LE(records, 8);
    header.writeUInt32LE(rawLength, 12);
    header.writeUInt32LE(stored.byteLength, 16);
    const digest = this.#after(header, stored);
    header.set(digest, CHAIN_AT);
    header.set(signer.sign(digest), SIGNATURE_AT);
    this.#advance(digest);
    return header;
  }

  /**
   * Takes the next frame that was read.
   * @throws {@link StrataError} `CORRUPT` when it does not follow the one before, or is not signed as it should be
   */
  open(header: Buffer, stored: Buffer, signer: Signer): Frame {
    const { kind, codec } = headerOf(header);
    if (header.readUInt32LE(4) !== this.#number) throw corrupt("its frames are not in order");
    const digest = this.#after(header, stored);
    if (!digest.equals(header.subarray(CHAIN_AT, SIGNATURE_AT)))
      throw corrupt(`frame ${this.#number} is not the one that was written`);
    if (!signer.verify(digest, header.subarray(SIGNATURE_AT, FRAME_HEADER))) throw corrupt("it is not signed with the given key");
    this.#advance(digest);
    return {
      ...{ kind, codec, stored },
      part: header.readUInt16LE(2),
      records: header.readUInt32LE(8),
      rawLength: header.readUInt32LE(12),
    };
  }

  /** Another one that stands where this one does. */
  copy(): Chain {
    const copy = new Chain();
    copy.#digest = this.#digest;
    copy.#number = this.#number;
    return copy;
  }

  #after(header: Buffer, stored: Buffer): Buffer {
    return createHash("sha256").update(this.#digest).update(header.subarray(0, CHAIN_AT)).update(stored).digest();
  }

  #advance(digest: Buffer): void {
    this.#digest = digest;
    this.#number++;
  }
}

/**
 * What is looked at before the payload is read.
 * @throws {@link StrataError} `CORRUPT` for what no release writes
 */
export function headerOf(header: Buffer): { readonly kind: FrameKind; readonly codec: 0 | 1; readonly storedLength: number } {
  const kind = KINDS[header.readUInt8(0) - 1];
  const codec = header.readUInt8(1);
  const storedLength = header.readUInt32LE(16);
  const rawLength = header.readUInt32LE(12);
  const most = header.readUInt32LE(8) > 1 ? LARGEST_CHUNK : LARGEST_FRAME;
  if (kind === undefined || (codec !== 0 && codec !== 1) || storedLength > most || rawLength > most) {
    throw corrupt("it holds what this release does not know");
  }
  if (codec === 1 && (kind !== "records" || rawLength > storedLength * MOST_INFLATED + LEAST_STREAM)) {
    throw corrupt("a chunk would inflate to more than it can hold");
  }
  return { kind, codec, storedLength };
}

export function corrupt(reason: string, cause?: unknown): StrataError {
  return new StrataError("CORRUPT", `The backup cannot be used: ${reason}.`, { cause });
}
