/**
 * An archive in a folder: one file for each entry, in 256 folders by the hash of its key, so that no name is ever a user's text
 * and a file system without upper and lower case is no trouble.
 *
 * A file is `length of the head (4 bytes) | head (JSON) | value`. It is written under another name and renamed, so a reader sees
 * the old entry or the new one, and a process that dies leaves no half of one. It is not forced to the disk: power loss may take
 * the last entries, or leave one damaged, which is then found and removed. Uses are not noted.
 */
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile, type FileHandle } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { StrataError } from "../../core/errors.ts";
import type { Digest } from "../../core/key.ts";
import type { TierEntry, TierFilter } from "../tier.ts";
import type { ArchiveShelf } from "./archive-shelf.ts";

interface Head {
  readonly key: Digest;
  readonly scope?: Digest;
  readonly tags: readonly string[];
  readonly cost: number;
  /** Unix ms. */
  readonly expiresAt?: number;
}

const HEAD_AT = 4;
/** What is read of a file to know its head: more than any head takes. */
const HEAD_BYTES = 8 * 1024;
const FILES_AT_ONCE = 16;
/** Files that one sweep looks at. */
const SWEPT_AT_ONCE = 1_000;
/** An unfinished file this old was left behind by a process that died. */
const ABANDONED_MS = 3_600_000;
const ENTRY_NAME = /^[0-9a-f]{64}$/;
const SHELVES: readonly string[] = Array.from({ length: 256 }, (_, shelf) => shelf.toString(16).padStart(2, "0"));

const DAMAGED = Symbol("a damaged file");

export class ArchiveFolder implements ArchiveShelf {
  readonly #root: string;
  readonly #made = new Set<string>();
  #unfinished = 0;
  #sweeping = 0;

  constructor(path: string) {
    this.#root = resolve(path);
  }

  async get(keys: readonly Digest[], now: number): Promise<readonly TierEntry[]> {
    const found = await inTurn(keys, (key) => this.#read(this.#file(key), now));
    if (found.includes(DAMAGED)) throw new StrataError("CORRUPT", "A file of the archive was damaged, and has been removed.");
    return found.filter(isEntry);
  }

  async put(entries: readonly TierEntry[]): Promise<void> {
    await inTurn(entries, (entry) => this.#write(entry));
  }

  async delete(keys: readonly Digest[], now: number): Promise<number> {
    const removed = await inTurn(keys, (key) => this.#remove(this.#file(key), now, () => true));
    return removed.filter(Boolean).length;
  }

  async clear({ scope, tag }: TierFilter, now: number, signal: AbortSignal | undefined): Promise<number> {
    const matches = (head: Head): boolean =>
      (scope === undefined || head.scope === scope) && (tag === undefined || head.tags.includes(tag));
    let removed = 0;
    for await (const files of this.#pages(signal)) {
      removed += (await inTurn(files, (file) => this.#remove(file, now, matches))).filter(Boolean).length;
    }
    return removed;
  }

  async *list(now: () => number, signal: AbortSignal | undefined): AsyncIterable<TierEntry> {
    for await (const files of this.#pages(signal)) {
      yield* (await inTurn(files, (file) => this.#read(file, now()))).filter(isEntry);
    }
  }

  /** Looks at the next of the 256 folders. */
  async sweep(now: number): Promise<void> {
    const shelf = join(this.#root, SHELVES[this.#sweeping++ % SHELVES.length] as string);
    const names = (await readdir(shelf).catch(absent)) ?? [];
    await inTurn(names.slice(0, SWEPT_AT_ONCE), async (name) => {
      const file = join(shelf, name);
      if (ENTRY_NAME.test(name)) return this.#remove(file, now, ({ expiresAt }) => expiresAt !== undefined && expiresAt <= now);
      const age = now - ((await stat(file).catch(absent))?.mtimeMs ?? now);
      if (age > ABANDONED_MS) await rm(file, { force: true });
    });
  }

  #file(key: Digest): string {
    const name = createHash("sha256").update(key).digest("hex");
    return join(this.#root, name.slice(0, 2), name);
  }

  async #read(file: string, now: number): Promise<TierEntry | typeof DAMAGED | undefined> {
    const bytes = await readFile(file).catch(absent);
    if (bytes === undefined) return undefined;
    const head = readHead(bytes);
    if (head === undefined) {
      await rm(file, { force: true });
      return DAMAGED;
    }
    const { key, scope, cost, expiresAt } = head;
    if (expiresAt !== undefined && expiresAt <= now) return undefined;
    const value = bytes.subarray(HEAD_AT + bytes.readUInt32LE(0));
    return { key, value, cost, ...(scope !== undefined && { scope }), ...(expiresAt !== undefined && { expiresAt }) };
  }

  async #write({ key, value, scope, tags = [], cost = 1, expiresAt }: TierEntry): Promise<void> {
    const file = this.#file(key);
    await this.#make(dirname(file));
    const head = Buffer.from(JSON.stringify({ key, scope, tags, cost, expiresAt } satisfies Record<keyof Head, unknown>));
    const length = Buffer.allocUnsafe(HEAD_AT);
    length.writeUInt32LE(head.byteLength, 0);
    const unfinished = `${file}.${process.pid}-${this.#unfinished++}`;
    try {
      await writeFile(unfinished, Buffer.concat([length, head, value]), { mode: 0o600, flag: "wx" });
      await rename(unfinished, file);
    } catch (error) {
      await rm(unfinished, { force: true });
      throw error;
    }
  }

  async #make(shelf: string): Promise<void> {
    if (this.#made.has(shelf)) return;
    try {
      if (this.#made.size === 0) makePrivateFolder(this.#root);
      await mkdir(shelf, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw new StrataError("UNAVAILABLE", `The archive cannot write to the folder ${this.#root}: ${String(cause)}`, { cause });
    }
    this.#made.add(shelf);
  }

  async expired(now: number, remove: number | undefined, signal: AbortSignal | undefined): Promise<number> {
    let count = 0;
    for await (const files of this.#pages(signal)) {
      for (const file of files) {
        if (count >= (remove ?? Infinity)) return count;
        const handle = await open(file, "r").catch(absent);
        const head = handle && (await headOf(handle));
        if (head?.expiresAt === undefined || head.expiresAt > now) continue;
        if (remove !== undefined) await rm(file, { force: true });
        count++;
      }
    }
    return count;
  }

  /** Removes a file whose head matches; `true` when it was alive. */
  async #remove(file: string, now: number, matches: (head: Head) => boolean): Promise<boolean> {
    const handle = await open(file, "r").catch(absent);
    if (handle === undefined) return false;
    const head = await headOf(handle);
    if (head !== undefined && !matches(head)) return false;
    await rm(file, { force: true });
    return head !== undefined && (head.expiresAt === undefined || head.expiresAt > now);
  }

  async *#pages(signal: AbortSignal | undefined): AsyncIterable<string[]> {
    for (const shelf of SHELVES) {
      signal?.throwIfAborted();
      const folder = join(this.#root, shelf);
      const names = ((await readdir(folder).catch(absent)) ?? []).filter((name) => ENTRY_NAME.test(name));
      for (let from = 0; from < names.length; from += FILES_AT_ONCE) {
        signal?.throwIfAborted();
        yield names.slice(from, from + FILES_AT_ONCE).map((name) => join(folder, name));
      }
    }
  }
}

function isEntry(read: TierEntry | typeof DAMAGED | undefined): read is TierEntry {
  return read !== undefined && read !== DAMAGED;
}

/** Reads the head of a file, and closes it. */
async function headOf(handle: FileHandle): Promise<Head | undefined> {
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(HEAD_BYTES), 0, HEAD_BYTES, 0);
    return readHead(buffer.subarray(0, bytesRead));
  } finally {
    await handle.close();
  }
}

/** The head that bytes begin with; `undefined` when they were damaged. */
function readHead(bytes: Buffer): Head | undefined {
  if (bytes.byteLength < HEAD_AT || bytes.byteLength < HEAD_AT + bytes.readUInt32LE(0)) return undefined;
  try {
    const head = JSON.parse(bytes.toString("utf8", HEAD_AT, HEAD_AT + bytes.readUInt32LE(0))) as Head;
    return typeof head.key === "string" && Array.isArray(head.tags) ? head : undefined;
  } catch {
    return undefined;
  }
}

/** For files and folders that may not be there: another process may have removed them. */
function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}

function makePrivateFolder(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 });
  if (first !== undefined) writeFileSync(join(first, ".gitignore"), "*\n");
}

/** Works on some at a time; gives the results in order. All are ended when it rejects. */
async function inTurn<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let from = 0; from < items.length; from += FILES_AT_ONCE) {
    const settled = await Promise.allSettled(items.slice(from, from + FILES_AT_ONCE).map(work));
    for (const outcome of settled) {
      if (outcome.status === "rejected") throw outcome.reason;
      results.push(outcome.value);
    }
  }
  return results;
}
