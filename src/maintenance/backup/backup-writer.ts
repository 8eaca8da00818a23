/**
 * Writes a backup. Until it is whole it lies beside its place, as `NAME.partial`; then it is flushed and renamed, so that what has the
 * name is always a whole backup. Chunks are compressed on other threads while the next ones are read, and written in order.
 */
import { constants, open, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import type { MaybePromise } from "../../core/abort.ts";
import { StrataError } from "../../core/errors.ts";
import type { Signer } from "./backup-key.ts";
import type { OwnerMark } from "./owner-mark.ts";
import { ChunkBuilder, pack, type RawChunk } from "./chunk.ts";
import { Chain, MAGIC, type Frame, type FrameKind } from "./frame.ts";
import type { BackupManifest, PartEnd } from "./manifest.ts";

/** Chunks that are compressed or wait to be written: as many as Node has threads for it. */
const IN_FLIGHT = 4;

/** What is known of a file that is gone on with. */
export interface Continued {
  readonly chain: Chain;
  /** Where its last whole part ends. */
  readonly at: number;
  /** Parts that are whole. */
  readonly parts: number;
}

export function partialPath(path: string): string {
  return `${path}.partial`;
}

export class BackupWriter {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #signer: Signer;
  readonly #chain: Chain;
  readonly #chunks = new ChunkBuilder();
  #at: number;
  #part: number;
  #records = 0;
  #bytes = 0;
  #waiting = 0;
  #tail: Promise<void> = Promise.resolve();
  #failure: { readonly error: unknown } | undefined;
  #wake: (() => void) | undefined;

  private constructor(path: string, file: FileHandle, signer: Signer, from: Continued) {
    this.#path = path;
    this.#file = file;
    this.#signer = signer;
    this.#chain = from.chain;
    this.#at = from.at;
    this.#part = from.parts;
  }

  /** Begins a new file, over whatever an interrupted backup left. */
  static async create(path: string, signer: Signer, manifest: BackupManifest): Promise<BackupWriter> {
    // A file of its own, private to the user: not one that somebody else laid there, nor where a link of theirs leads.
    await full(path, rm(partialPath(path), { force: true }));
    const file = await full(path, open(partialPath(path), "wx", 0o600));
    const writer = new BackupWriter(path, file, signer, { chain: new Chain(), at: MAGIC.byteLength, parts: 0 });
    try {
      await full(path, file.write(MAGIC, 0, MAGIC.byteLength, 0));
      await writer.#append("manifest", { ...plain(manifest), records: 0 });
    } catch (error) {
      await file.close();
      throw error;
    }
    return writer;
  }

  /** Goes on where the whole parts of an interrupted backup end. */
  static async continue(path: string, signer: Signer, from: Continued): Promise<BackupWriter> {
    const file = await full(path, open(partialPath(path), constants.O_RDWR | (constants.O_NOFOLLOW ?? 0)));
    try {
      await full(path, file.chmod(0o600));
      await full(path, file.truncate(from.at));
    } catch (error) {
      await file.close();
      throw error;
    }
    return new BackupWriter(path, file, signer, from);
  }

  /** Bytes in the file so far. */
  get size(): number {
    return this.#at;
  }

  /** The part that is being written, with what was put into it. */
  get progress(): PartEnd & { readonly part: number } {
    return { part: this.#part, records: this.#records, bytes: this.#bytes };
  }

  /** Adds a record to the part under way. */
  put(owners: readonly OwnerMark[], ...body: readonly (Uint8Array | string)[]): MaybePromise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#records++;
    const chunk = this.#chunks.add(owners, body);
    if (chunk === undefined) return undefined;
    this.#send(chunk);
    return this.#waiting < IN_FLIGHT ? undefined : this.#room();
  }

  async endPart(): Promise<PartEnd> {
    const last = this.#chunks.take();
    if (last !== undefined) this.#send(last);
    await this.#settled();
    const end: PartEnd = { records: this.#records, bytes: this.#bytes };
    await this.#append("part-end", { ...plain(end), records: 0 });
    await full(this.#path, this.#file.sync());
    this.#part++;
    this.#records = 0;
    this.#bytes = 0;
    return end;
  }

  /** Ends the backup and gives it its name. */
  async finish(): Promise<void> {
    await this.#append("end", { ...plain({ frames: this.#chain.length }), records: 0 });
    await full(this.#path, this.#file.sync());
    await this.#file.close();
    await full(this.#path, rename(partialPath(this.#path), this.#path));
    await syncFolder(dirname(this.#path));
  }

  /** Leaves what there is for the next try. */
  async leave(): Promise<void> {
    await this.#tail;
    await this.#file.close();
  }

  /** Removes what there is. */
  async discard(): Promise<void> {
    await this.leave();
    await rm(partialPath(this.#path), { force: true });
  }

  #send({ payload, records }: RawChunk): void {
    this.#waiting++;
    this.#bytes += payload.byteLength;
    const packed = pack(payload);
    // It is awaited later, if what comes before does not fail.
    packed.catch(() => undefined);
    this.#tail = this.#tail.then(async () => {
      try {
        if (this.#failure === undefined) await this.#append("records", { ...(await packed), records });
      } catch (error) {
        this.#failure = { error };
      }
      this.#waiting--;
      this.#wake?.();
    });
  }

  async #room(): Promise<void> {
    while (this.#waiting >= IN_FLIGHT) await new Promise<void>((resolve) => (this.#wake = resolve));
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #settled(): Promise<void> {
    await this.#tail;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #append(kind: FrameKind, rest: Omit<Frame, "kind" | "part">): Promise<void> {
    const { stored } = rest;
    const header = this.#chain.seal({ kind, part: this.#part, ...rest }, this.#signer);
    for (const bytes of [header, stored]) {
      for (let written = 0; written < bytes.byteLength;) {
        const { bytesWritten } = await full(this.#path, this.#file.write(bytes, written, bytes.byteLength - written, this.#at));
        written += bytesWritten;
        this.#at += bytesWritten;
      }
    }
  }
}

function plain(value: object): Pick<Frame, "codec" | "rawLength" | "stored"> {
  const stored = Buffer.from(JSON.stringify(value));
  return { codec: 0, rawLength: stored.byteLength, stored };
}

/** Says of what the system refuses what it means here. */
function full<T>(path: string, work: Promise<T>): Promise<T> {
  return work.catch((cause: unknown) => {
    const { code } = cause as NodeJS.ErrnoException;
    const isFull = code === "ENOSPC" || code === "EDQUOT" || code === "EFBIG";
    const what = isFull ? "The disk has no room for the backup" : "The backup cannot be written";
    const then = isFull ? ` What is whole of it stays in ${partialPath(path)}; the next try goes on from there.` : "";
    throw new StrataError("UNAVAILABLE", `${what} ${path} (${String(code)}).${then}`, { cause });
  });
}

/** Makes the new name durable. Some file systems refuse to open a folder for that. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r").catch(() => undefined);
  try {
    await folder?.sync().catch(() => undefined);
  } finally {
    await folder?.close();
  }
}
