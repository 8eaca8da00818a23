/**
 * What makes a backup somebody's own. With a shared secret every chunk is authenticated by HMAC-SHA-256; with a pair of Ed25519 keys
 * the private one signs, and whoever has the public one can check and restore, but not write. Without a key only damage is found, not
 * a forger.
 */
import { createHmac, createPublicKey, KeyObject, sign, timingSafeEqual, verify } from "node:crypto";
import { StrataConfigError } from "../../core/errors.ts";

/** A secret of at least 32 random bytes, or an Ed25519 key from `node:crypto`: private to write, private or public to read. */
export type BackupKey = Uint8Array | KeyObject;

export type BackupSignature = "none" | "hmac-sha256" | "ed25519";

/** Signs the running digest of a backup, and checks such signatures. */
export interface Signer {
  readonly kind: BackupSignature;
  readonly canSign: boolean;
  sign(digest: Uint8Array): Uint8Array;
  verify(digest: Uint8Array, signature: Uint8Array): boolean;
}

/** Room for the longer of the two. */
export const SIGNATURE_BYTES = 64;
const LEAST_SECRET_BYTES = 32;
const NONE = new Uint8Array(0);

/** @throws {@link StrataConfigError} for a short secret and for other kinds of keys */
export function signerOf(option: string, key: BackupKey | undefined): Signer {
  if (key === undefined) return { kind: "none", canSign: true, sign: () => NONE, verify: () => true };
  if (key instanceof KeyObject && key.type !== "secret") return ed25519(option, key);
  const secret = key instanceof KeyObject ? key.export() : key;
  if (!(secret instanceof Uint8Array) || secret.byteLength < LEAST_SECRET_BYTES) {
    throw new StrataConfigError(option, "…", `a secret of at least ${LEAST_SECRET_BYTES} bytes, or an Ed25519 key`);
  }
  const own = Buffer.from(secret);
  const hmac = (digest: Uint8Array): Buffer => createHmac("sha256", own).update(digest).digest();
  return {
    kind: "hmac-sha256",
    canSign: true,
    sign: hmac,
    // Beyond the MAC it is zeros: no bit of a backup is nobody's.
    verify: (digest, signature) => timingSafeEqual(Buffer.concat([hmac(digest)], SIGNATURE_BYTES), signature),
  };
}

function ed25519(option: string, key: KeyObject): Signer {
  if (key.asymmetricKeyType !== "ed25519") {
    throw new StrataConfigError(option, `a key of type ${key.asymmetricKeyType}`, "an Ed25519 key");
  }
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  return {
    kind: "ed25519",
    canSign: key.type === "private",
    sign: (digest) => sign(null, digest, key),
    verify: (digest, signature) => verify(null, digest, publicKey, signature),
  };
}
