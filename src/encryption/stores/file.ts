/**
 * Wrapped keys in a folder, one small file for each scope, for the processes of one machine. A key is made under a name of its own and
 * linked to its place, which fails where another process was quicker: a file is whole or is not there.
 *
 * A file that is dropped is first called otherwise, so that a process that ends in the middle leaves no half of it in its place and nobody
 * else's new key is taken with it; then it is written over and removed, at the latest with the next that is dropped. Journals, snapshots and flash may keep its old bytes all the same: without the master key
 * they are noise too.
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../core/clock.ts";
import { StrataConfigError, StrataError } from "../../core/errors.ts";
import type { Digest } from "../../core/key.ts";
import { refuseUnknown } from "../../core/options.ts";
import { makePrivateFolder } from "../../core/private-folder.ts";
import { readWrappedKey, type KeyStore, type WrappedKey } from "../key-store.ts";

export interface FileKeyStoreOptions {
  /** The folder; made, private to the user, when it is not there. Keep it apart from what is backed up with the values. */
  readonly path: string;
}

/** What an interrupted process left: a key on its way out, or one that was not linked to its place within so many ms. */
const GONE = /^\.[\w-]+\.gone$/;
const NEW = /^\.[\w-]+\.new$/;
const LONGEST_WRITE_MS = 60_000;

/** @throws {@link StrataConfigError} without a path */
export function fileKeyStore(options: FileKeyStoreOptions): KeyStore {
  refuseUnknown("fileKeyStore", options, ["path"]);
  const { path } = options;
  if (typeof path !== "string" || path === "") throw new StrataConfigError("fileKeyStore.path", path, "the path of a folder");
  const fileOf = (scope: Digest): string => join(path, `${scope}.json`);

  function find(scope: Digest): WrappedKey | undefined {
    try {
      return readWrappedKey(readFileSync(fileOf(scope), "utf8"));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  function files(pattern = /^[\w-]{43}\.json$/): string[] {
    try {
      return readdirSync(path).filter((name) => pattern.test(name));
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  /** Writes a file whole, under another name. */
  function written(key: WrappedKey): string {
    makePrivateFolder(path);
    const made = join(path, freshName("new"));
    writeDurably(made, "wx", JSON.stringify(key));
    return made;
  }

  /** What cannot be read opens nothing, and must not keep others from being forgotten. */
  function liesWithin(own: Digest, scope: Digest): boolean {
    try {
      return find(own)?.within.includes(scope) === true;
    } catch (error) {
      if (StrataError.isInstance(error) && error.code === "CORRUPT") return false;
      throw error;
    }
  }

  function isOld(name: string): boolean {
    let old = false;
    unlessMissing(() => (old = systemClock.now() - statSync(join(path, name)).mtimeMs > LONGEST_WRITE_MS));
    return old;
  }

  return {
    find,
    add(key) {
      const made = written(key);
      try {
        linkSync(made, fileOf(key.scope));
        syncFolder(path);
        return key;
      } catch (error) {
        const there = (error as NodeJS.ErrnoException).code === "EEXIST" ? find(key.scope) : undefined;
        if (there === undefined) throw error;
        return there;
      } finally {
        rmSync(made, { force: true });
      }
    },
    rewrap(key) {
      if (find(key.scope)?.id !== key.id) return;
      renameSync(written(key), fileOf(key.scope));
      syncFolder(path);
    },
    drop(scope) {
      let dropped = 0;
      for (const name of files()) {
        const own = name.slice(0, -".json".length);
        if (own !== scope && !liesWithin(own, scope)) continue;
        if (unlessMissing(() => renameSync(join(path, name), join(path, freshName("gone"))))) dropped++;
      }
      if (dropped > 0) syncFolder(path);
      for (const name of [...files(GONE), ...files(NEW).filter(isOld)]) erase(join(path, name));
      return dropped;
    },
    async *list() {
      for (const name of files()) {
        const key = find(name.slice(0, -".json".length));
        if (key !== undefined) yield key;
      }
    },
  };
}

function freshName(kind: "new" | "gone"): string {
  return `.${randomBytes(9).toString("base64url")}.${kind}`;
}

function erase(file: string): void {
  unlessMissing(() => writeDurably(file, "r+", " ".repeat(statSync(file).size)));
  rmSync(file, { force: true });
}

/** @returns whether it was there: another process may have been quicker */
function unlessMissing(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

function writeDurably(file: string, flags: "wx" | "r+", text: string): void {
  const handle = openSync(file, flags, 0o600);
  try {
    writeSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** A name that was not flushed may be gone after a power cut, and with a key every value under it. */
function syncFolder(path: string): void {
  if (process.platform === "win32") return;
  const handle = openSync(path, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}
