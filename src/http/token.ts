/** Bearer tokens: made, and compared so that the time taken tells nothing of how much of one was right. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { StrataConfigError } from "../core/errors.ts";

/** 256 bits, in 43 characters that may stand in a URL. */
export function newToken(): string {
  return randomBytes(32).toString("base64url");
}

/** Says whether a text is one of the tokens that are accepted. */
export type TokenCheck = (given: string | undefined) => boolean;

/**
 * Digests are compared, so that neither the content nor the length of a token shows in the time; every token is looked at.
 * @throws {@link StrataConfigError} without a token, and for an empty one: it would be everybody's
 */
export function tokenCheck(option: string, tokens: string | readonly string[]): TokenCheck {
  const list: readonly unknown[] = typeof tokens === "string" ? [tokens] : tokens;
  // The value is not shown: it may be a token with one character too many.
  const isToken = (token: unknown): token is string => typeof token === "string" && /^[\x21-\x7e]{1,512}$/.test(token);
  if (!Array.isArray(list) || list.length === 0 || !list.every(isToken)) {
    throw new StrataConfigError(option, undefined, "1 to 512 visible ASCII characters without a space");
  }
  const accepted = list.map(sha256);
  return (given) => {
    const digest = sha256(given ?? "");
    let matches = false;
    for (const one of accepted) matches = timingSafeEqual(one, digest) || matches;
    return given !== undefined && matches;
  };
}

/** The token of an `Authorization: Bearer …` header. */
export function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer ([\x21-\x7e]+)$/i.exec(authorization ?? "")?.[1];
}

export function sha256(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
