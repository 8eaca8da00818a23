/**
 * Which of two texts repeat each other, by the share of word sequences that they have in common (Broder, "On the resemblance and
 * containment of documents", 1997). Containment, not resemblance: a chunk that lies within another says nothing new, whatever its size.
 */

const WORD = /[\p{L}\p{M}\p{N}]+/gu;
/** Words in a sequence; of Broder's paper, where 4 to 10 serve alike. */
const SEQUENCE = 4;
/** Share of the smaller text's sequences that the other has; beyond it, what remains is less than a sentence of a usual chunk. */
const REPEATS_FROM = 0.9;

/** The word sequences of a text; all of its words as one where it has fewer than four. */
export function sequencesOf(text: string): ReadonlySet<string> {
  const words = text.toLowerCase().match(WORD) ?? [];
  if (words.length <= SEQUENCE) return new Set(words.length === 0 ? [] : [words.join(" ")]);
  const all = new Set<string>();
  for (let at = 0; at + SEQUENCE <= words.length; at++) all.add(words.slice(at, at + SEQUENCE).join(" "));
  return all;
}

/** Whether the first text is within the second. */
export function isWithin(first: ReadonlySet<string>, second: ReadonlySet<string>): boolean {
  if (first.size > second.size / REPEATS_FROM) return false;
  let shared = 0;
  for (const sequence of first) if (second.has(sequence)) shared++;
  return shared >= REPEATS_FROM * first.size;
}
