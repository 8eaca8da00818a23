/**
 * Wrapped keys in a folder, one small file for each scope, for the processes of one machine. A key is made under a name of its own and
 * linked to its place, which fails where another process was quicker: a file is whole or is not there.
 *
 * A file is written over before it is removed. Journals, snapshots and flash may keep its old bytes all the same: without the master key
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
import { StrataConfigError } from "../../core/errors.ts";
import type { Digest } from "../../core/key.ts";
import { refuseUnknown } from "../../core/options.ts";
import { makePrivateFolder } from "../../core/private-folder.ts";
import { readWrappedKey, type KeyStore, type WrappedKey } from "../key-store.ts";

export interface FileKeyStoreOptions {
  /** The folder; made, private to the user, when it is not there. Keep it apart from what is backed up with the values. */
  readonly path: string;
}

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

  function files(): string[] {
    try {
      return readdirSync(path).filter((name) => /^[\w-]{43}\.json$/.test(name));
    } catch (error) {
      if (isMissing(error)) return [];
      throw error;
    }
  }

  /** Writes a file whole, under another name. */
  function written(key: WrappedKey): string {
    makePrivateFolder(path);
    const made = join(path, `.${randomBytes(9).toString("base64url")}.new`);
    writeDurably(made, "wx", JSON.stringify(key));
    return made;
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
        const file = join(path, name);
        const own = name.slice(0, -".json".length);
        if (own !== scope && find(own)?.within.includes(scope) !== true) continue;
        try {
          writeDurably(file, "r+", " ".repeat(statSync(file).size));
        } catch (error) {
          if (!isMissing(error)) throw error;
        }
        rmSync(file, { force: true });
        dropped++;
      }
      if (dropped > 0) syncFolder(path);
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
