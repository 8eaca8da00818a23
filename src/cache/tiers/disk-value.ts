/** How the disk tier keeps a value: 8 bytes of expiry, Unix ms (float64, little-endian; infinity = never), then the value. */
import type { TierEntry } from "../tier.ts";

const EXPIRY_BYTES = 8;

export function toStored(value: Uint8Array, expiresAt: number): Buffer {
  const stored = Buffer.allocUnsafe(EXPIRY_BYTES + value.byteLength);
  stored.writeDoubleLE(expiresAt, 0);
  stored.set(value, EXPIRY_BYTES);
  return stored;
}

/** Of damaged bytes this makes a value that the store finds damaged too, and removes. */
export function readStored(stored: Buffer): Pick<TierEntry, "value" | "expiresAt"> {
  const expiresAt = stored.byteLength < EXPIRY_BYTES ? Infinity : stored.readDoubleLE(0);
  return { value: stored.subarray(EXPIRY_BYTES), expiresAt: Number.isFinite(expiresAt) ? expiresAt : undefined };
}
