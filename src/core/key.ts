/**
 * Keys. Whatever leaves the process as a key is a digest: fixed in length, safe in any engine, and it tells nothing about the
 * prompt, the tenant or the model.
 *
 * Parts are length-prefixed before they are hashed, so that `("a", "bc")` and `("ab", "c")` differ; a join with a separator,
 * as LangChain's default encoder does with `_`, gives both the same key.
 */
import * as crypto from "node:crypto";

/** 43 characters of base64url: a SHA-256. */
export type Digest = string;

/** Raised when the meaning of a key changes, so that an older release's entries are simply not found. */
const KEY_VERSION = "strata-key-1";

/** Texts up to a third of this are encoded in place; hashing a joined string would copy it twice more. */
const SCRATCH_BYTES = 256 * 1024;
const scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
let scratchPrefix = "";
let scratchPrefixBytes = 0;

/**
 * SHA-256 over parts: all but the last with their length before them, then a mark, then the last.
 *
 * UTF-8 maps every lone surrogate to the same replacement character, so texts that hold one are hashed from their UTF-16 code
 * units instead; otherwise two different broken strings would share an answer.
 */
export function digest(...parts: readonly [string, ...string[]]): Digest {
  return digestAfter(keyPrefix(...parts.slice(0, -1)), parts.at(-1) ?? "");
}

/** The text of all parts but the last, for callers who hash many keys that differ in the last part only. */
export function keyPrefix(...parts: readonly string[]): string {
  let text = KEY_VERSION;
  for (const part of parts) text += `|${part.length}:${part}`;
  return `${text}|*`;
}

/** `digest(...parts, last)`, given `keyPrefix(...parts)`. */
export function digestAfter(prefix: string, last: string): Digest {
  if (!last.isWellFormed() || !prefix.isWellFormed()) {
    return crypto.hash("sha256", Buffer.from(`utf16${prefix}${last}`, "utf16le"), "base64url");
  }
  if ((prefix.length + last.length) * 3 > SCRATCH_BYTES) return crypto.hash("sha256", prefix + last, "base64url");
  if (prefix !== scratchPrefix) {
    scratchPrefixBytes = scratch.write(prefix, 0, "utf8");
    scratchPrefix = prefix;
  }
  const end = scratchPrefixBytes + scratch.write(last, scratchPrefixBytes, "utf8");
  return crypto.hash("sha256", scratch.subarray(0, end), "base64url");
}
