/**
 * Which cached text a new one is nearly equal to. The new text has no vector yet (that is what is to be saved), so likeness is
 * read off the letters: the Jaccard similarity of the sets of three-letter pieces of both texts, case and accents folded.
 *
 * - Finding: in a set of n pieces in a fixed order, two sets of similarity t or more share one of their first n - ceil(t n) + 1
 *   ("prefix filter": Chaudhuri, Ganti, Kaushik, ICDE 2006; Bayardo, Ma, Srikant, WWW 2007). Only these are indexed, a twentieth of
 *   all at 0.95, and no pair at or above the bound is missed. The order is the one of a hash. MinHash was not taken: it misses some
 *   and needs the same verification.
 * - Refusing: a changed digit hardly moves the likeness of a long text and changes what it says. So both must have the same words in
 *   the same places, save for inflection; tokens that hold a digit, two capitals, an apostrophe or a symbol must be equal to the
 *   letter. An added "not", a dropped word, another number, code or order never reuses.
 */
import { fold } from "../cache/semantic/phrase.ts";
import { areForms } from "../cache/semantic/vetoes.ts";
import type { Digest } from "../core/key.ts";

export interface NearDuplicates {
  readonly size: number;
  has(key: Digest): boolean;
  /** The most similar text of this group at or above the bound. */
  find(text: string, group: string): { readonly key: Digest; readonly similarity: number } | undefined;
  /** Notes a text; beyond the bound the oldest goes. */
  add(key: Digest, text: string, group: string): void;
  remove(key: Digest): void;
  clear(): void;
}

interface Entry {
  readonly key: Digest;
  readonly text: string;
  readonly group: string;
  readonly pieces: Uint32Array;
}

/** Longer texts are neither noted nor looked for: comparing them would take longer than the promised millisecond. */
const LONGEST_TEXT = 4_000;
/** Candidates compared at most; texts made from one template share pieces. */
const MAX_CANDIDATES = 64;

export function nearDuplicates(bound: number, maxEntries: number): NearDuplicates {
  const entries = new Map<Digest, Entry>();
  const postings = new Map<number, Set<Entry>>();

  function prefixOf(pieces: Uint32Array): Uint32Array {
    return pieces.subarray(0, pieces.length - Math.ceil(bound * pieces.length) + 1);
  }

  function remove(key: Digest): void {
    const entry = entries.get(key);
    if (entry === undefined) return;
    entries.delete(key);
    for (const piece of prefixOf(entry.pieces)) {
      const posting = postings.get(piece);
      posting?.delete(entry);
      if (posting?.size === 0) postings.delete(piece);
    }
  }

  return {
    get size() {
      return entries.size;
    },
    has: (key) => entries.has(key),
    find(text, group) {
      if (text.length > LONGEST_TEXT) return undefined;
      const pieces = piecesOf(text);
      const seen = new Set<Entry>();
      let best: { key: Digest; similarity: number } | undefined;
      for (const piece of prefixOf(pieces)) {
        for (const entry of postings.get(piece) ?? []) {
          if (seen.size >= MAX_CANDIDATES) return best;
          if (entry.group !== group || seen.has(entry) || !mayReach(bound, pieces.length, entry.pieces.length)) continue;
          seen.add(entry);
          const similarity = jaccard(pieces, entry.pieces);
          if (similarity < bound || similarity <= (best?.similarity ?? 0)) continue;
          if (saySame(text, entry.text)) best = { key: entry.key, similarity };
        }
      }
      return best;
    },
    add(key, text, group) {
      if (text.length > LONGEST_TEXT || entries.has(key)) return;
      const entry: Entry = { key, text, group, pieces: piecesOf(text) };
      if (entry.pieces.length === 0) return;
      entries.set(key, entry);
      for (const piece of prefixOf(entry.pieces)) {
        const posting = postings.get(piece);
        if (posting === undefined) postings.set(piece, new Set([entry]));
        else posting.add(entry);
      }
      const oldest = entries.size > maxEntries ? entries.keys().next().value : undefined;
      if (oldest !== undefined) remove(oldest);
    },
    remove,
    clear() {
      entries.clear();
      postings.clear();
    },
  };
}

/** Hashes of the three-letter pieces, each once, ascending. */
function piecesOf(text: string): Uint32Array {
  const words = tokensOf(text).map(fold);
  if (words.length === 0) return new Uint32Array(0);
  const padded = ` ${words.join(" ")} `;
  const found = new Set<number>();
  for (let at = 0; at + 2 < padded.length; at++) {
    // Three code units mixed into 32 bits (the finaliser of MurmurHash3): the order must not follow the alphabet.
    let hash = Math.imul(padded.charCodeAt(at), 0x9e3779b1) ^ Math.imul(padded.charCodeAt(at + 1), 0x85ebca6b);
    hash ^= Math.imul(padded.charCodeAt(at + 2), 0xc2b2ae35);
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    found.add((hash ^ (hash >>> 16)) >>> 0);
  }
  return Uint32Array.from(found).toSorted();
}

function mayReach(bound: number, one: number, other: number): boolean {
  return Math.min(one, other) >= bound * Math.max(one, other);
}

function jaccard(a: Uint32Array, b: Uint32Array): number {
  let [left, right, shared] = [0, 0, 0];
  while (left < a.length && right < b.length) {
    const [one, other] = [a[left] as number, b[right] as number];
    if (one === other) shared++;
    if (one <= other) left++;
    if (other <= one) right++;
  }
  return shared / (a.length + b.length - shared);
}

/** Words with what joins their parts ("don't", "3.5", "a-b"), and each symbol that is no mere punctuation. */
const TOKEN = /[\p{L}\p{M}\p{N}]+(?:['’.,:/_-][\p{L}\p{M}\p{N}]+)*|[^\s\p{L}\p{M}\p{N}.,;:!?"'“”‘’()…¿¡]/gu;
const PLAIN_WORD = /^[\p{L}\p{M}]+$/u;
const CAPITALS = /^\p{Lu}{2,}$/u;
const LOWER = /\p{Ll}/u;

function tokensOf(text: string): readonly string[] {
  return text.normalize("NFKC").match(TOKEN) ?? [];
}

function saySame(a: string, b: string): boolean {
  const [left, right] = [tokensOf(a), tokensOf(b)];
  if (left.length !== right.length) return false;
  const hasCase = LOWER.test(a) && LOWER.test(b);
  return left.every((word, at) => {
    const other = right[at] as string;
    if (word === other) return true;
    if (!PLAIN_WORD.test(word) || !PLAIN_WORD.test(other)) return false;
    // "WHO" and "who", "US" and "us"; in a text all in capitals they tell nothing.
    if (hasCase && (CAPITALS.test(word) || CAPITALS.test(other))) return false;
    const [one, two] = [fold(word), fold(other)];
    return one === two || areForms(one, two);
  });
}
