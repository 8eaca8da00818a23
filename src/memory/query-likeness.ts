/**
 * When two spellings are one query: the same words in the same order, but for accents, case, punctuation, words that say nothing,
 * and slips of the finger. The price of a wrong "the same" is somebody else's answer, so a difference is a slip only when
 *
 * - the new word is in no message of the owner: whatever it is, no message could have been found by it;
 * - both are words of six letters or more without digits, and begin and end alike;
 * - one keystroke explains it: two letters changed places, one was doubled or not doubled, or, in words of eight letters or more (names
 *   are shorter: Mariana, Marina), one was left out or added;
 * - neither is written as a name.
 *
 * "pedido #123" and "pedido #124" differ in a number and are never one.
 */
import { fold } from "../text/terms.ts";

/** A query as it is compared. */
export interface QueryShape {
  /** Equal for spellings that differ in nothing that counts. */
  readonly key: string;
  readonly words: readonly string[];
  /** Whether the word was written as a name: with a capital, and not as the first. */
  readonly names: readonly boolean[];
}

/** Words without which a question asks the same, folded. Pronouns, negations and times are not among them. */
const SILENT = new Set(
  (
    "a an the is was are were be been what which please qual quais foi e era o os as um uma por favor " +
    "of de do da dos das me pra para hey hi oi ola"
  ).split(" "),
);
const SHORTEST_SLIP = 6;
const SHORTEST_OMISSION = 8;
/** A longer query is compared as it is: who pastes a book twice pastes it unchanged. */
const MOST_WORDS = 64;

export function shapeOf(query: string): QueryShape {
  const all = query.match(/[\p{L}\p{M}\p{N}]+|[^\s\p{L}\p{M}\p{N}?!.,;:"'()…¿¡-]+/gu) ?? [];
  // Who writes everything in capitals writes no names with them.
  const hasCase = /\p{Ll}/u.test(query);
  const kept = all.map((text, at) => ({ word: fold(text), isName: hasCase && at > 0 && /^\p{Lu}/u.test(text) }));
  const telling = kept.filter(({ word, isName }) => isName || !SILENT.has(word));
  const used = telling.length > 0 ? telling : kept;
  const words = used.map(({ word }) => word);
  return { key: words.join(" "), words, names: used.map(({ isName }) => isName) };
}

/** @param isKnown whether some message of the owner has the word */
export function isSameQuery(asked: QueryShape, kept: QueryShape, isKnown: (word: string) => boolean): boolean {
  if (asked.key === kept.key) return true;
  if (asked.words.length !== kept.words.length || asked.words.length > MOST_WORDS) return false;
  let slips = 0;
  for (const [at, word] of asked.words.entries()) {
    const other = kept.words[at] as string;
    if (word === other) continue;
    if (++slips > 1 || asked.names[at] || kept.names[at] || !isSlip(word, other) || isKnown(word)) return false;
  }
  return true;
}

function isSlip(a: string, b: string): boolean {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  if (short.length < SHORTEST_SLIP || long.length - short.length > 1 || /\P{L}/u.test(a + b)) return false;
  if (short.at(0) !== long.at(0) || short.at(-1) !== long.at(-1)) return false;
  let at = 0;
  while (short[at] === long[at]) at++;
  if (short.length < long.length) {
    const isDouble = long[at] === long[at - 1];
    return short.slice(at) === long.slice(at + 1) && (isDouble || short.length >= SHORTEST_OMISSION);
  }
  return short[at] === long[at + 1] && short[at + 1] === long[at] && short.slice(at + 2) === long.slice(at + 2);
}
