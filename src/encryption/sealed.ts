/**
 * How an encrypted value lies in a store: AES-256-GCM (NIST SP 800-38D) of `node:crypto`.
 *
 * | offset | bytes | field |
 * | --- | --- | --- |
 * | 0 | 4 | magic `STRE` |
 * | 4 | 1 | version |
 * | 5 | 1 | length of the key's id |
 * | 6 | n | the key's id (ASCII) |
 * | 6 + n | 16 | salt of the sub-key |
 * | 22 + n | 32 | digest of the scope |
 * | 54 + n | 12 | nonce, fresh and random for each value |
 * | 66 + n | | ciphertext, then the tag of 16 bytes |
 *
 * Everything before the ciphertext is authenticated with it, and so is the name of the place (the digest of the entry's key, the
 * conversation and the id of a message): bytes that are moved to another key, scope or conversation are refused, as are bytes that
 * differ in one bit.
 *
 * With random nonces of 96 bits one key may encrypt no more than 2^32 values (SP 800-38D, 8.3): at 1,000 writes a second 50 days. So no
 * given key encrypts anything itself: each process derives its own sub-key from it by HKDF-SHA-256 (RFC 5869) with a random salt of
 * 128 bits, for each scope, and takes another salt after 2^31 values. Nobody else writes with that sub-key, so its values can be counted.
 */
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, randomBytes, type KeyObject } from "node:crypto";
import { LRUCache } from "lru-cache";
import { asBuffer } from "../core/envelope.ts";
import type { Digest } from "../core/key.ts";
import type { EncryptionKey } from "./key-ring.ts";

const MAGIC = 0x45525453;
const VERSION = 1;
const [SALT, SCOPE, NONCE, TAG] = [16, 32, 12, 16];
const ID_AT = 6;
/** Half of the bound of SP 800-38D. */
const VALUES_OF_SUB_KEY = 2 ** 31;
/** Sub-keys that are remembered: each costs an HKDF to derive anew. */
const REMEMBERED = 4_096;

/** What is bound to a value. */
export interface SealedPlace {
  readonly scope: Digest;
  /** Where the value lies. */
  readonly place: string;
}

/** What a sealed value says in clear. */
export interface SealedHeader {
  readonly keyId: string;
  readonly scope: Digest;
}

interface SubKey {
  readonly salt: Buffer;
  readonly secret: KeyObject;
  values: number;
}

const ours = new LRUCache<string, SubKey>({ max: REMEMBERED });
const theirs = new LRUCache<string, KeyObject>({ max: REMEMBERED });
/** Tells keys of the same id apart: two rings may each have a key "1". */
const numbers = new WeakMap<KeyObject, number>();
let numbered = 0;

/** Encrypts a value. Synchronous: a few microseconds, and 1 µs more for each KB. */
export function sealValue(key: EncryptionKey, { scope, place }: SealedPlace, plain: Uint8Array): Buffer {
  const own = subKeyFor(key, scope);
  own.values++;
  const idBytes = Buffer.byteLength(key.id);
  const headEnd = ID_AT + idBytes + SALT + SCOPE;
  const nonce = randomBytes(NONCE);
  const sealed = Buffer.allocUnsafe(headEnd + NONCE + plain.byteLength + TAG);
  sealed.writeUInt32LE(MAGIC, 0);
  sealed.writeUInt8(VERSION, 4);
  sealed.writeUInt8(idBytes, 5);
  sealed.write(key.id, ID_AT, "latin1");
  own.salt.copy(sealed, ID_AT + idBytes);
  Buffer.from(scope, "base64url").copy(sealed, ID_AT + idBytes + SALT);
  nonce.copy(sealed, headEnd);
  const cipher = createCipheriv("aes-256-gcm", own.secret, nonce);
  cipher.setAAD(Buffer.concat([sealed.subarray(0, headEnd), Buffer.from(place)]));
  cipher.update(plain).copy(sealed, headEnd + NONCE);
  cipher.final();
  cipher.getAuthTag().copy(sealed, sealed.byteLength - TAG);
  return sealed;
}

/** Whether these bytes claim to be encrypted; nothing is verified. */
export function isSealed(value: Uint8Array): boolean {
  return value.byteLength >= ID_AT && asBuffer(value).readUInt32LE(0) === MAGIC;
}

/** What a sealed value says of itself, unverified; `undefined` when it is not whole, or of another version. */
export function readSealedHeader(value: Uint8Array): SealedHeader | undefined {
  const bytes = asBuffer(value);
  if (!isSealed(bytes) || bytes.readUInt8(4) !== VERSION) return undefined;
  const idEnd = ID_AT + bytes.readUInt8(5);
  if (bytes.byteLength < idEnd + SALT + SCOPE + NONCE + TAG) return undefined;
  const scopeAt = idEnd + SALT;
  return {
    keyId: bytes.toString("latin1", ID_AT, idEnd),
    scope: bytes.toString("base64url", scopeAt, scopeAt + SCOPE),
  };
}

/**
 * Decrypts a value whose header was read.
 * @returns `undefined` when it was made with another key, for another place or scope, or is not what was written
 */
export function openValue(key: EncryptionKey, place: string, value: Uint8Array): Buffer | undefined {
  const sealed = asBuffer(value);
  const idEnd = ID_AT + sealed.readUInt8(5);
  const headEnd = idEnd + SALT + SCOPE;
  const nonceEnd = headEnd + NONCE;
  const tagAt = sealed.byteLength - TAG;
  try {
    const secret = subKeyOf(key, sealed.subarray(idEnd, idEnd + SALT), sealed.subarray(idEnd + SALT, headEnd));
    const decipher = createDecipheriv("aes-256-gcm", secret, sealed.subarray(headEnd, nonceEnd), { authTagLength: TAG });
    decipher.setAAD(Buffer.concat([sealed.subarray(0, headEnd), Buffer.from(place)]));
    decipher.setAuthTag(sealed.subarray(tagAt));
    const plain = decipher.update(sealed.subarray(nonceEnd, tagAt));
    decipher.final();
    return plain;
  } catch {
    // OpenSSL says only that it does not fit, and there is nothing more to say.
    return undefined;
  }
}

function subKeyFor(key: EncryptionKey, scope: Digest): SubKey {
  const name = `${numberOf(key)} ${scope}`;
  const known = ours.get(name);
  if (known !== undefined && known.values < VALUES_OF_SUB_KEY) return known;
  const salt = randomBytes(SALT);
  const made = { salt, secret: derive(key, salt, Buffer.from(scope, "base64url")), values: 0 };
  ours.set(name, made);
  return made;
}

function subKeyOf(key: EncryptionKey, salt: Buffer, scope: Buffer): KeyObject {
  const name = `${numberOf(key)} ${salt.toString("latin1")}${scope.toString("latin1")}`;
  const known = theirs.get(name);
  if (known !== undefined) return known;
  const made = derive(key, salt, scope);
  theirs.set(name, made);
  return made;
}

function derive({ id, secret }: EncryptionKey, salt: Buffer, scope: Buffer): KeyObject {
  const info = Buffer.concat([Buffer.from(`strata-sealed-1|${id}|`), scope]);
  return createSecretKey(Buffer.from(hkdfSync("sha256", secret, salt, info, 32)));
}

function numberOf({ secret }: EncryptionKey): number {
  let number = numbers.get(secret);
  if (number === undefined) {
    number = numbered++;
    numbers.set(secret, number);
  }
  return number;
}
