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

/**
 * SHA-256 over length-prefixed parts.
 *
 * UTF-8 maps every lone surrogate to the same replacement character, so texts that hold one are hashed from their UTF-16 code
 * units instead; otherwise two different broken strings would share an answer.
 */
export function digest(...parts: readonly string[]): Digest {
  let text = KEY_VERSION;
  for (const part of parts) text += `|${part.length}:${part}`;
  return text.isWellFormed()
    ? crypto.hash("sha256", text, "base64url")
    : crypto.hash("sha256", Buffer.from(`utf16|${text}`, "utf16le"), "base64url");
}
