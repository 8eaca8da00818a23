/** Tags: labels that users give to entries, to remove them by; and the marks by which an entry is found under a wider scope. */
import { StrataConfigError } from "../core/errors.ts";
import { digest, type Digest } from "../core/key.ts";

const MAX_TAGS = 32;
const MAX_LENGTH = 200;

/** Begins the marks that are ours; users' tags hold no control characters. */
const OURS = "\u0001";
/** Of a mark of a scope: before its digest. */
const MARK_LENGTH = 1 + 43;
/** Characters of a digest: other marks of ours are shorter. */
const DIGEST_LENGTH = 43;

/** @throws {@link StrataConfigError} for what is no list of at most 32 texts of 1 to 200 characters without control characters */
export function parseTags(option: string, tags: unknown): readonly string[] {
  const accepted = `a list of at most ${MAX_TAGS} texts of 1 to ${MAX_LENGTH} characters, without control characters`;
  if (!Array.isArray(tags) || tags.length > MAX_TAGS || !tags.every(isTag)) throw new StrataConfigError(option, tags, accepted);
  return tags;
}

function isTag(tag: unknown): tag is string {
  if (typeof tag !== "string" || tag.length === 0 || tag.length > MAX_LENGTH || !tag.isWellFormed()) return false;
  for (let at = 0; at < tag.length; at++) if (tag.charCodeAt(at) < 0x20) return false;
  return true;
}

/** A tag as it leaves the process. */
export function tagDigest(tag: string): Digest {
  return digest("tag", tag);
}

/** The mark of an entry whose scope lies within a wider one. */
export function scopeMark(wider: Digest): string {
  return `${OURS}${wider}`;
}

/** Whether these are the tags of a record of the cache's own: it is no answer and no value of a user. */
export function isOwnRecord(tags: readonly string[]): boolean {
  return tags.some((tag) => tag.startsWith(OURS) && tag.length !== MARK_LENGTH);
}

/**
 * Whether a user's tag matches a pattern in which `*` stands for any characters, none included. Takes time in proportion to the
 * tag's length: the parts between the stars are looked for one after the other, with no going back.
 */
export function tagMatcher(pattern: string): (tag: string) => boolean {
  const [first = "", ...rest] = pattern.split("*");
  const last = rest.pop();
  if (last === undefined) return (tag) => tag === pattern;
  return (tag) => {
    if (tag.startsWith(OURS) || !tag.startsWith(first) || tag.length < first.length + last.length || !tag.endsWith(last))
      return false;
    let at = first.length;
    for (const part of rest) {
      const found = tag.indexOf(part, at);
      if (found === -1) return false;
      at = found + part.length;
    }
    return at <= tag.length - last.length;
  };
}

/** The wider scopes that tags say an entry lies within. */
export function scopesWithin(tags: readonly string[]): Digest[] {
  return tags
    .filter((tag) => tag.startsWith(OURS) && tag.length === OURS.length + DIGEST_LENGTH)
    .map((tag) => tag.slice(OURS.length));
}
