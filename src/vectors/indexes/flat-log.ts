/**
 * The disk of a flat index: a log of changes that any number of processes append to and read.
 *
 * Every process appends with `O_APPEND`, one `write` for a change, and knows nothing but what it has read back: what it holds is what
 * the log says up to there, so that all that read the same log agree. There is no lock that a killed process could leave behind.
 *
 * When more than half of a log is history, somebody appends an `end`. What comes after it counts for nothing; whoever wrote that, writes
 * it again into the next file. The next file begins with what was alive at the end: each process that finds none makes one under
 * a name of its own and links it to the next number, which succeeds for one of them only, and theirs are all alike. Files that have a
 * successor are removed; those that have them open read on to the end.
 *
 * A killed process loses nothing that was acknowledged; power loss may take the last writes (flushed on `close` and when a file is
 * made). Torn writes are stepped over (`flat-record.ts`). Needs a local file system: over NFS, appending is not atomic.
 */
import * as fs from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { StrataError } from "../../core/errors.ts";
import { makePrivateFolder } from "../../core/private-folder.ts";
import type { AcceptedRecord } from "../accepted.ts";
import type { VectorFilter } from "../vector-index.ts";
import type { FlatMemory } from "./flat-memory.ts";
import { addition, IDS_AT_ONCE, readChanges, write, type FlatChange } from "./flat-record.ts";

export interface FlatLogParts {
  readonly path: string;
  readonly memory: FlatMemory;
  readonly now: () => number;
  readonly random: () => number;
  /** Told of bytes that are no records. */
  readonly onDamage: (error: StrataError) => void;
}

/** The head of a file: a magic number with a version, and where the part ends that was alive when it was made. */
const HEAD = Buffer.from("SVECLOG1");
const HEAD_BYTES = 16;
const FILE = /^vectors-(\d{1,15})\.log$/;
/** Read in one go before the event loop gets its turn. */
const PIECE = 2 * 1024 * 1024;
/** Written in one go when a file is made. */
const ENTRIES_AT_ONCE = 1_000;
/** A log is not compacted below this size, nor before it is so many times as large as what it holds in memory. */
const COMPACT_FROM = 16 * 1024 * 1024;
const COMPACT_RATIO = 1.5;
const MAX_TRIES = 5;

export class FlatLog {
  readonly #parts: FlatLogParts;
  readonly #writer: string;
  #fd: number | undefined;
  #number = 0;
  #offset = 0;
  #ended = false;
  #written = 0;
  #readBack = 0;
  #turn: Promise<unknown> = Promise.resolve();
  #making = false;
  #damageAt = -1;

  constructor(parts: FlatLogParts) {
    this.#parts = parts;
    this.#writer = `${process.pid}-${Math.floor(parts.random() * 2 ** 48).toString(36)}`;
  }

  /** Reads what was appended since, by whomever; while this process makes a file, that is put off. */
  async catchUp(): Promise<void> {
    if (this.#fd !== undefined && (this.#making || (!this.#ended && fs.fstatSync(this.#fd).size === this.#offset))) return;
    await this.#alone(() => this.#read());
  }

  /** @throws {@link StrataError} `UNAVAILABLE` when it cannot be written */
  async add(partition: string, records: readonly AcceptedRecord[]): Promise<void> {
    await this.#append((name) => Buffer.concat(records.map((record) => addition(name, partition, record))));
  }

  async remove({ partition, ids, tag }: VectorFilter): Promise<void> {
    const batches = ids === undefined ? [undefined] : chunks(ids, IDS_AT_ONCE);
    for (const batch of batches) await this.#append((w) => write({ k: "del", w, f: { partition, ids: batch, tag } }));
  }

  /** Everything appended is on the disk. */
  async close(): Promise<void> {
    await this.#alone(async () => {
      if (this.#fd === undefined) return;
      fs.fsyncSync(this.#fd);
      fs.closeSync(this.#fd);
      this.#fd = undefined;
    });
  }

  #append(change: (name: string) => Buffer): Promise<void> {
    return this.#alone(async () => {
      await this.#read();
      for (let tries = 0; tries < MAX_TRIES; tries++) {
        const count = ++this.#written;
        const bytes = change(`${this.#writer} ${count}`);
        const length = fs.writeSync(this.#fd as number, bytes);
        if (length < bytes.length) throw new Error(`only ${length} of ${bytes.length} bytes were written`);
        await this.#read();
        // Otherwise it came after the end of its file.
        if (this.#readBack >= count) return this.#compact();
      }
      throw new Error("what was written could not be read back");
    });
  }

  async #compact(): Promise<void> {
    if (this.#offset < COMPACT_FROM || this.#offset < COMPACT_RATIO * this.#parts.memory.bytes) return;
    fs.writeSync(this.#fd as number, write({ k: "end", w: this.#writer }));
    await this.#read();
  }

  /** One after the other; a failure is that of its caller alone. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work).catch((cause: unknown) => {
      if (cause instanceof StrataError) throw cause;
      throw new StrataError("UNAVAILABLE", `The flat index cannot use ${this.#parts.path}: ${String(cause)}`, { cause });
    });
    this.#turn = mine.catch(() => undefined);
    return mine;
  }

  async #read(): Promise<void> {
    if (this.#fd === undefined) {
      makePrivateFolder(this.#parts.path);
      await this.#next();
    }
    for (;;) {
      const progress = this.#readPiece();
      if (this.#ended) await this.#next();
      else if (!progress) return;
      else await setImmediate();
    }
  }

  /** @returns whether there may be more */
  #readPiece(): boolean {
    const fd = this.#fd as number;
    const { size } = fs.fstatSync(fd);
    const wanted = Math.min(PIECE, size - this.#offset);
    if (wanted <= 0) return false;
    const bytes = Buffer.allocUnsafeSlow(wanted);
    const length = fs.readSync(fd, bytes, 0, wanted, this.#offset);
    const isEnd = this.#offset + length >= size;
    const { read, damaged } = readChanges(bytes.subarray(0, length), isEnd, (change, vector) => this.#apply(change, vector));
    if (damaged > 0 && this.#damageAt !== this.#offset) {
      this.#damageAt = this.#offset;
      this.#parts.onDamage(
        new StrataError("CORRUPT", `${damaged} bytes of ${this.#name(this.#number)} are no records; stepped over.`),
      );
    }
    this.#offset += read;
    return !isEnd && read > 0;
  }

  #apply(change: FlatChange, vector: Float32Array): boolean {
    const { memory } = this.#parts;
    const [writer, count] = change.w.split(" ");
    if (writer === this.#writer && count !== undefined) this.#readBack = Math.max(this.#readBack, Number(count));
    if (change.k === "end") {
      this.#ended = true;
      return false;
    }
    if (change.k === "del") {
      for (const entry of memory.matching(change.f)) memory.drop(entry);
      return true;
    }
    const { p, i, t, e } = change;
    const partition = memory.partition(p);
    // Two processes may have begun a partition with different dimensions at the same time: the first one counts.
    if (partition !== undefined && partition.dimensions !== vector.length) return true;
    const record = { id: i, vector, tags: t, expiresAt: e ?? Infinity };
    const known = partition?.find(i);
    if (record.expiresAt > this.#parts.now()) memory.put(p, record);
    else if (known !== undefined) memory.drop(known);
    return true;
  }

  /** Goes on in the newest file; makes it when there is none after this one. */
  async #next(): Promise<void> {
    for (let tries = 0; tries < 100; tries++) {
      const newest = Math.max(0, ...this.#numbers());
      if (newest > this.#number) {
        if (this.#open(newest)) return;
      } else {
        await this.#make(this.#number + 1);
      }
    }
    throw new Error("its files change too quickly");
  }

  /** @returns `false` when it was removed meanwhile */
  #open(number: number): boolean {
    const { memory } = this.#parts;
    let fd: number;
    try {
      fd = fs.openSync(this.#name(number), fs.constants.O_RDWR | fs.constants.O_APPEND);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
      throw error;
    }
    const head = Buffer.alloc(HEAD_BYTES);
    fs.readSync(fd, head, 0, HEAD_BYTES, 0);
    if (head.compare(HEAD, 0, HEAD.length, 0, HEAD.length) !== 0) {
      fs.closeSync(fd);
      throw new StrataError("CORRUPT", `${this.#name(number)} is no log of vectors that this release reads.`);
    }
    if (this.#fd !== undefined) fs.closeSync(this.#fd);
    // The file after this one begins with what is in memory already.
    const isSuccessor = this.#fd !== undefined && number === this.#number + 1;
    if (!isSuccessor) memory.clear();
    this.#fd = fd;
    this.#number = number;
    this.#offset = isSuccessor ? head.readDoubleLE(8) : HEAD_BYTES;
    this.#ended = false;
    return true;
  }

  async #make(number: number): Promise<void> {
    const { path, memory } = this.#parts;
    const own = join(path, `new-${this.#writer}.tmp`);
    const fd = fs.openSync(own, "w", 0o600);
    this.#making = true;
    try {
      const head = Buffer.alloc(HEAD_BYTES);
      HEAD.copy(head);
      let length = fs.writeSync(fd, head);
      for (const entries of chunks([...memory.all()], ENTRIES_AT_ONCE)) {
        const records = entries.map((entry) =>
          addition(this.#writer, entry.partition.name, { ...entry, vector: entry.partition.vectorOf(entry) }),
        );
        length += fs.writeSync(fd, Buffer.concat(records));
        await setImmediate();
      }
      head.writeDoubleLE(length, 8);
      fs.writeSync(fd, head, 0, HEAD_BYTES, 0);
      fs.fsyncSync(fd);
      fs.linkSync(own, this.#name(number));
      for (const old of this.#numbers()) if (old < number) fs.rmSync(this.#name(old), { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    } finally {
      this.#making = false;
      fs.closeSync(fd);
      fs.rmSync(own, { force: true });
    }
  }

  #numbers(): number[] {
    return fs.readdirSync(this.#parts.path).flatMap((file) => {
      const number = FILE.exec(file)?.[1];
      return number === undefined ? [] : [Number(number)];
    });
  }

  #name(number: number): string {
    return join(this.#parts.path, `vectors-${number}.log`);
  }
}

function chunks<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, each) => all.slice(each * size, (each + 1) * size));
}
