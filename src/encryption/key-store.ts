/**
 * Where the wrapped keys of scopes lie: small records that are useless without the master key. A scope has one key at most, so that to
 * drop it is to remove one record.
 *
 * - `add` never replaces: of two processes that make a key for one scope, both get the one that was first.
 * - What `drop` resolved for is found by nobody any more.
 *
 * Whoever restores an old copy of this store brings dropped keys back with it: it is no part of any backup that this library makes, and
 * copies of it must be kept no longer than a forgotten user may stay readable.
 */
import type { MaybePromise } from "../core/abort.ts";
import { StrataError } from "../core/errors.ts";
import type { Digest } from "../core/key.ts";
import { isKeyId } from "./key-ring.ts";

export interface WrappedKey {
  readonly id: string;
  readonly scope: Digest;
  /** Wider scopes that it lies within. */
  readonly within: readonly Digest[];
  /** The name of the master key. */
  readonly master: string;
  /** Nonce, ciphertext and tag, base64url. */
  readonly wrapped: string;
  /** Unix ms. */
  readonly createdAt: number;
}

export interface KeyStore {
  find(scope: Digest): MaybePromise<WrappedKey | undefined>;
  /** Gives the key that the scope has from then on: this one, or the one that was there. */
  add(key: WrappedKey): MaybePromise<WrappedKey>;
  /** Replaces a key by the same one, wrapped anew; does nothing when it was dropped meanwhile. */
  rewrap(key: WrappedKey): MaybePromise<void>;
  /** Removes the keys of a scope and of those within it; gives how many. */
  drop(scope: Digest): MaybePromise<number>;
  /** All keys, in no order. */
  list(): AsyncIterable<WrappedKey>;
}

const DIGEST = /^[\w-]{43}$/;

/** @throws {@link StrataError} `CORRUPT` when it is no record of a key */
export function readWrappedKey(text: string): WrappedKey {
  let value: Partial<WrappedKey> | null = null;
  try {
    value = JSON.parse(text) as Partial<WrappedKey> | null;
  } catch {
    // Refused below.
  }
  const { id, scope, within, master, wrapped, createdAt } = value ?? {};
  const isRight =
    isKeyId(id) &&
    isKeyId(master) &&
    isDigest(scope) &&
    Array.isArray(within) &&
    within.every(isDigest) &&
    typeof wrapped === "string" &&
    typeof createdAt === "number";
  if (!isRight) throw new StrataError("CORRUPT", "A wrapped key cannot be read.");
  return { id, scope, within, master, wrapped, createdAt };
}

function isDigest(value: unknown): value is Digest {
  return typeof value === "string" && DIGEST.test(value);
}
