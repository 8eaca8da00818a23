/**
 * The keys under which stored values are encrypted. A ring knows which key is for new values, and finds the key of an old one.
 *
 * - `current` is asked for each batch that is written, and may go to a store for the answer: what it gives was not dropped when it was
 *   asked, by whatever process. Otherwise what is written after a forgetting could be lost with a key that is gone.
 * - `byId` may remember: a process that has read a scope's values may read on for a moment after another process dropped its key.
 * - A dropped key never comes back; a scope that is written to again gets another one.
 */
import type { KeyObject } from "node:crypto";
import type { MaybePromise } from "../core/abort.ts";
import { StrataConfigError } from "../core/errors.ts";
import type { Digest } from "../core/key.ts";
import { refuseUnknown, requireMethods } from "../core/options.ts";

/** Whose key it is; digests only. */
export interface KeyScope {
  readonly scope: Digest;
  /** Wider scopes that it lies within; default none. Whoever drops one of them drops this key too. */
  readonly within?: readonly Digest[] | undefined;
}

/** A secret of 256 bits. Printing it shows nothing: `KeyObject` keeps its bytes to itself. */
export interface EncryptionKey {
  /** Lies in clear beside each value: 1 to 64 characters of `A-Z a-z 0-9 . _ -`. */
  readonly id: string;
  readonly secret: KeyObject;
}

export interface KeyRing {
  /** The key for new values of a scope; made when there is none. */
  current(whose: KeyScope): MaybePromise<EncryptionKey>;
  /** The key that a value names; `undefined` when it is gone, or was never here. */
  byId(id: string, scope: Digest): MaybePromise<EncryptionKey | undefined>;
  /**
   * Destroys the keys of a scope and of those within it, and with them every value that they encrypt, wherever it lies; gives how many.
   * A ring without keys of scopes has none to destroy, and gives 0.
   */
  drop(scope: Digest): MaybePromise<number>;
}

/** How stored values are encrypted: what caches, histories and embeddings take as `encryption`. */
export interface EncryptionOptions {
  /** `staticKeys()` or `scopedKeys()`. */
  readonly keys: KeyRing;
  /** Refuses values that are not encrypted; default `false`: what was stored before encryption was turned on stays readable. */
  readonly required?: boolean | undefined;
}

const KEY_ID = /^[\w.-]{1,64}$/;

/** @throws {@link StrataConfigError} naming the option, never showing a key */
export function parseEncryption(option: string, options: EncryptionOptions): EncryptionOptions {
  refuseUnknown(option, options, ["keys", "required"]);
  requireMethods(`${option}.keys`, options.keys, ["current", "byId", "drop"], "a key ring, such as staticKeys() or scopedKeys()");
  const { required } = options;
  if (required !== undefined && typeof required !== "boolean") {
    throw new StrataConfigError(`${option}.required`, required, "true or false");
  }
  return options;
}

export function isKeyId(value: unknown): value is string {
  return typeof value === "string" && KEY_ID.test(value);
}
