/**
 * A query as a sparse vector: words, pairs of words, and character n-grams of 3 to 5, hashed into a fixed number of buckets
 * (Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", 2009). Folded, so that English and Portuguese, with
 * and without accents, share what they share; n-grams of characters forgive typos.
 *
 * The text is all there is: a router that looked at a user's history would repeat what it chose before.
 */
import { fold } from "../../text/terms.ts";

/** Raised when features change: weights of another version mean nothing. */
export const FEATURES_VERSION = 1;
export const BUCKETS = 8_192;

/** What a query wants is in its first words and its last; the middle of a pasted text is not the query. */
const MAX_TEXT = 600;

/** Values by bucket; their squares sum to 1. */
export type QueryFeatures = ReadonlyMap<number, number>;

export function queryFeatures(query: string): QueryFeatures {
  const shortened = query.length <= MAX_TEXT ? query : `${query.slice(0, MAX_TEXT / 2)} ${query.slice(-MAX_TEXT / 2)}`;
  const text = fold(shortened);
  const words = text.match(/[\p{L}\p{N}]+|[?!]/gu) ?? [];
  const counts = new Map<number, number>();
  const count = (feature: string): void => {
    const bucket = hash(feature) % BUCKETS;
    counts.set(bucket, (counts.get(bucket) ?? 0) + 1);
  };
  for (const [at, word] of words.entries()) {
    count(`w:${word}`);
    count(`p:${words[at - 1] ?? "^"} ${word}`);
    const padded = `<${word}>`;
    for (let size = 3; size <= 5; size++) {
      for (let from = 0; from + size <= padded.length; from++) count(`c:${padded.slice(from, from + size)}`);
    }
  }
  count(`n:${Math.min(8, Math.floor(words.length / 3))}`);
  let squares = 0;
  for (const [bucket, value] of counts) {
    const dampened = Math.sqrt(value);
    counts.set(bucket, dampened);
    squares += dampened * dampened;
  }
  const length = Math.sqrt(squares) || 1;
  for (const [bucket, value] of counts) counts.set(bucket, value / length);
  return counts;
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value >>> 0;
}
