/** Keys as users give them. A key, or what should have been one, is never shown. */
import { createSecretKey, KeyObject } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { StrataConfigError } from "../core/errors.ts";
import { isKeyId, type EncryptionKey } from "./key-ring.ts";

/** 32 random bytes (`crypto.randomBytes(32)`), the same as base64 or base64url, or a secret `KeyObject` of that length. */
export type SecretKey = Uint8Array | string | KeyObject;

/** Keys by name, and the one for what is written from now on. */
export interface KeySet {
  /** The name of one of the `keys`. */
  readonly current: string;
  /** By name: 1 to 64 characters of `A-Z a-z 0-9 . _ -`. */
  readonly keys: Readonly<Record<string, SecretKey>>;
}

/** A set of keys that was checked. */
export interface ReadKeys {
  readonly current: EncryptionKey;
  readonly byId: ReadonlyMap<string, EncryptionKey>;
}

const BYTES = 32;

/** @throws {@link StrataConfigError} naming the key by its name */
export function readKeySet(option: string, given: KeySet): ReadKeys {
  const { current, keys } = (given ?? {}) as Partial<KeySet>;
  if (typeof keys !== "object" || keys === null || Array.isArray(keys) || Object.keys(keys).length === 0) {
    throw new StrataConfigError(`${option}.keys`, "…", "keys of 32 bytes by their names");
  }
  const byId = new Map<string, EncryptionKey>();
  for (const [id, key] of Object.entries(keys)) {
    if (!isKeyId(id)) throw new StrataConfigError(`${option}.keys`, "…", "names of 1 to 64 letters, digits, dots, hyphens");
    byId.set(id, { id, secret: readSecret(`${option}.keys.${id}`, key) });
  }
  const named = typeof current === "string" ? byId.get(current) : undefined;
  if (named === undefined)
    throw new StrataConfigError(`${option}.current`, "…", `one of the names ${[...byId.keys()].join(", ")}`);
  return { current: named, byId };
}

/**
 * Reads keys from a JSON file, `{ "current": "2026-11", "keys": { "2026-11": "<32 bytes as base64>" } }`, that nobody but its owner can
 * read (mode 0600).
 * @throws {@link StrataConfigError} naming the file, never showing what is in it
 */
export function keysFromFile(path: string): KeySet {
  return readKeyFile("keysFromFile.path", path);
}

/** @param option for messages */
export function readKeyFile(option: string, path: string): KeySet {
  if (typeof path !== "string" || path === "") throw new StrataConfigError(option, path, "the path of a file");
  let text: string;
  try {
    // On Windows, whose files have no such bits, access is for its ACLs to say.
    if (process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0) {
      throw new StrataConfigError(option, path, "a file that only its owner can read: chmod 600");
    }
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (StrataConfigError.isInstance(error)) throw error;
    throw new StrataConfigError(option, path, `a file that can be read (${(error as NodeJS.ErrnoException).code ?? "error"})`);
  }
  try {
    const { current, keys } = JSON.parse(text) as KeySet;
    readKeySet(option, { current, keys });
    return { current, keys };
  } catch (error) {
    if (StrataConfigError.isInstance(error)) throw error;
    // Not the parser's message, which shows a piece of the file.
    throw new StrataConfigError(option, path, 'JSON such as { "current": "a", "keys": { "a": "<32 bytes as base64>" } }');
  }
}

function readSecret(option: string, key: unknown): KeyObject {
  const accepted = "32 random bytes, as a Uint8Array, as base64, or as a secret KeyObject";
  const bytes = bytesOf(key);
  if (bytes?.byteLength !== BYTES) throw new StrataConfigError(option, "…", accepted);
  // Zeros are memory that nobody filled.
  if (bytes.every((byte) => byte === bytes[0])) throw new StrataConfigError(option, "…", accepted);
  return createSecretKey(bytes);
}

function bytesOf(key: unknown): Uint8Array | undefined {
  if (key instanceof KeyObject) return key.type === "secret" ? key.export() : undefined;
  if (key instanceof Uint8Array) return key;
  if (typeof key !== "string" || !/^[\w+/-]{43}=?$/.test(key)) return undefined;
  return Buffer.from(key, "base64");
}
