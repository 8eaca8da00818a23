/** Reads a backup from its beginning to its end, believing nothing before it has been checked. */
import { open, type FileHandle } from "node:fs/promises";
import { StrataError } from "../../core/errors.ts";
import type { Signer } from "./backup-key.ts";
import type { BackupRecord } from "./backup-part.ts";
import { checkRecords, recordsOf, unpack } from "./chunk.ts";
import { Chain, corrupt, FRAME_HEADER, headerOf, MAGIC, SIGNATURE_AT, type Frame } from "./frame.ts";
import { readManifest, readPartEnd, type BackupManifest } from "./manifest.ts";

/** A part that was read to its end. */
export interface ReadPart {
  readonly records: number;
  /** Bytes before compression. */
  readonly bytes: number;
  /** Where in the file it ends. */
  readonly end: number;
}

/** Where a part begins: enough to read it without what is before it. */
export interface PartPlace {
  readonly part: number;
  readonly at: number;
  readonly chain: Chain;
}

/** A chunk of records as it is in the file. */
interface Chunk {
  readonly payload: Buffer;
  readonly records: number;
}

/** Chunks that are inflated on other threads while one is worked on: as many as there are threads, so memory stays flat. */
const AHEAD = 4;

export class BackupReader {
  readonly #file: FileHandle;
  readonly #signer: Signer;
  readonly #size: number;
  #chain = new Chain();
  #at = MAGIC.byteLength;
  #next = 0;
  #manifest: BackupManifest | undefined;

  private constructor(file: FileHandle, signer: Signer, size: number) {
    this.#file = file;
    this.#signer = signer;
    this.#size = size;
  }

  /**
   * Opens a backup and reads its manifest.
   * @throws {@link StrataError} `UNAVAILABLE` when there is no such file, `CORRUPT` when it is no backup or is not signed with this key
   */
  static async open(path: string, signer: Signer): Promise<BackupReader> {
    const file = await open(path, "r").catch((cause: unknown) => {
      throw new StrataError("UNAVAILABLE", `There is no backup that can be read at ${path}: ${String(cause)}`, { cause });
    });
    try {
      const reader = new BackupReader(file, signer, (await file.stat()).size);
      await reader.#readManifest();
      return reader;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get manifest(): BackupManifest {
    return this.#manifest as BackupManifest;
  }

  /** How far in the file it has come. */
  get position(): number {
    return this.#at;
  }

  /** Where the chain of frames stands. */
  get chain(): Chain {
    return this.#chain;
  }

  /** Where the next part begins; to be asked between parts. */
  get place(): PartPlace {
    return { part: this.#next, at: this.#at, chain: this.#chain.copy() };
  }

  /** Another reader of the same open file, which begins at a part. It is not closed by itself. */
  from({ part, at, chain }: PartPlace): BackupReader {
    const other = new BackupReader(this.#file, this.#signer, this.#size);
    other.#manifest = this.#manifest;
    other.#chain = chain.copy();
    other.#at = at;
    other.#next = part;
    return other;
  }

  /**
   * The records of the next part, a chunk at a time; it must be read to its end.
   * @throws {@link StrataError} `CORRUPT`
   */
  async *part(): AsyncGenerator<readonly BackupRecord[], ReadPart> {
    const chunks = this.#chunks();
    let step = await chunks.next();
    for (; step.done !== true; step = await chunks.next()) yield recordsOf(step.value.payload, step.value.records);
    return step.value;
  }

  /**
   * Reads the next part to its end as `part` does, and makes no records of it.
   * @throws {@link StrataError} `CORRUPT`; the signal's reason
   */
  async checkPart(signal?: AbortSignal): Promise<ReadPart> {
    const chunks = this.#chunks();
    for (;;) {
      signal?.throwIfAborted();
      const step = await chunks.next();
      if (step.done === true) return step.value;
      checkRecords(step.value.payload, step.value.records);
    }
  }

  async *#chunks(): AsyncGenerator<Chunk, ReadPart> {
    const part = this.#next++;
    const ahead: Promise<Chunk>[] = [];
    let last: Frame | undefined;
    let records = 0;
    let bytes = 0;
    for (;;) {
      while (last === undefined && ahead.length < AHEAD) {
        const frame = await this.#frame();
        if (frame.part !== part || frame.kind === "manifest" || frame.kind === "end") throw corrupt("its parts are not in order");
        if (frame.kind === "part-end") last = frame;
        else ahead.push(begin(inflated(frame)));
      }
      const chunk = await ahead.shift();
      if (chunk === undefined) break;
      records += chunk.records;
      bytes += chunk.payload.byteLength;
      yield chunk;
    }
    const end = readPartEnd(await unpack(last as Frame));
    if (end.records !== records || end.bytes !== bytes) throw corrupt("a part holds another number of records than it says");
    return { records, bytes, end: this.#at };
  }

  /** Checks that the backup ends here. @throws {@link StrataError} `CORRUPT` */
  async finish(): Promise<void> {
    const frame = await this.#frame();
    if (frame.kind !== "end" || this.#next !== this.manifest.parts.length) throw corrupt("its parts are not in order");
    if (this.#at !== this.#size) throw corrupt("something follows its end");
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #readManifest(): Promise<void> {
    const magic = this.#size < MAGIC.byteLength ? undefined : await this.#read(0, MAGIC.byteLength);
    if (magic === undefined || !magic.subarray(0, -1).equals(MAGIC.subarray(0, -1)))
      throw corrupt("it is no backup of this library");
    if (!magic.equals(MAGIC)) throw corrupt("it was written by a newer release");
    const frame = await this.#frame();
    if (frame.kind !== "manifest") throw corrupt("it does not begin with a manifest");
    this.#manifest = readManifest(await unpack(frame));
    this.#refuseSigned(await this.#read(MAGIC.byteLength, FRAME_HEADER));
  }

  /** An unsigned backup has zeros for signatures. */
  #refuseSigned(header: Buffer): void {
    const isUnsigned = this.#manifest?.signature === "none";
    if (isUnsigned && !header.subarray(SIGNATURE_AT).every((byte) => byte === 0)) throw corrupt("it was changed");
  }

  async #frame(): Promise<Frame> {
    const header = await this.#read(this.#at, FRAME_HEADER);
    const { storedLength } = headerOf(header);
    const stored = await this.#read(this.#at + FRAME_HEADER, storedLength);
    const frame = this.#chain.open(header, stored, this.#signer);
    this.#refuseSigned(header);
    this.#at += FRAME_HEADER + storedLength;
    return frame;
  }

  async #read(at: number, length: number): Promise<Buffer> {
    // Before anything is made to hold it: the length is not believed yet.
    if (at + length > this.#size) throw corrupt("it is torn: its end is missing");
    const bytes = Buffer.allocUnsafe(length);
    for (let read = 0; read < length;) {
      const { bytesRead } = await this.#file.read(bytes, read, length - read, at + read).catch((cause: unknown) => {
        throw new StrataError("UNAVAILABLE", `The backup cannot be read: ${String(cause)}`, { cause });
      });
      if (bytesRead === 0) throw corrupt("it is torn: its end is missing");
      read += bytesRead;
    }
    return bytes;
  }
}

async function inflated(frame: Frame): Promise<Chunk> {
  return { payload: await unpack(frame), records: frame.records };
}

/** It is awaited later, if what comes before does not fail. */
function begin<T>(work: Promise<T>): Promise<T> {
  work.catch(() => undefined);
  return work;
}
