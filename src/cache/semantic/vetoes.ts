/**
 * Hard vetoes: differences that make two questions different ones however near their vectors are. Embeddings blur exactly these: a
 * number, a name, a "not" move a vector less than a paraphrase does. A veto costs a hit that might have been right; what it
 * prevents is the answer to another question, so the rules lean to it. They know English and Portuguese, and some Spanish.
 */
import type { Phrase, Quantity, Word } from "./phrase.ts";
import { areRivals, areSameThing, isKnownName } from "./words/kinds.ts";
import { areOpposite } from "./words/opposites.ts";

export type Veto =
  | "language"
  | "literal"
  | "quote"
  | "number"
  | "unit"
  | "date"
  | "letter"
  | "negation"
  | "opposite"
  | "name"
  | "kind"
  | "asks"
  | "order";

/** What forbids that the two questions share an answer; `undefined` when nothing does. */
export function vetoOf(a: Phrase, b: Phrase): Veto | undefined {
  if (a.folded === b.folded)
    return a.literals.size + b.literals.size > 0 && !sameSet(a.literals, b.literals) ? "literal" : undefined;
  if (a.language !== undefined && b.language !== undefined && a.language !== b.language) return "language";
  if (!spelledAlike(a, b) || !spelledAlike(b, a)) return "literal";
  if (!quotesWithin(a, b) || !quotesWithin(b, a)) return "quote";
  const numbers = compareQuantities(a.quantities, b.quantities);
  if (numbers !== undefined) return numbers;
  if (!sameSet(a.dates, b.dates)) return "date";
  if (a.letters.size + b.letters.size > 0 && !sameSet(a.letters, b.letters)) return "letter";
  const [onlyA, onlyB] = unmatched(a, b);
  const unitsA = [...a.units].filter((unit) => !b.units.has(unit));
  const unitsB = [...b.units].filter((unit) => !a.units.has(unit));
  if (unitsA.length > 0 && unitsB.length > 0) return "unit";
  if (a.negations % 2 !== b.negations % 2 || (a.averters === 0) !== (b.averters === 0)) return "negation";
  for (const one of onlyA) for (const other of onlyB) if (areOpposite(one.text, other.text)) return "opposite";
  for (const one of onlyA) for (const other of onlyB) if (areRivals(one.text, other.text)) return "kind";
  if (a.asks !== undefined && b.asks !== undefined && a.asks !== b.asks) return "asks";
  if (hasForeignName(onlyA, a, b, onlyB) || hasForeignName(onlyB, b, a, onlyA)) return "name";
  return isReordered(a, b) ? "order" : undefined;
}

/** Words of each that have no counterpart in the other: not the same word, another form of it, or another word for the same thing. */
export function unmatched(a: Phrase, b: Phrase): readonly [readonly Word[], readonly Word[]] {
  return [missing(a, b), missing(b, a)];
}

function missing(from: Phrase, other: Phrase): Word[] {
  return from.words.filter((word) => !word.empty && !other.words.some((candidate) => areForms(word.text, candidate.text)));
}

/** Whether two folded words are one word in two forms, such as plural, tense, gender, or stand for the same thing. */
export function areForms(a: string, b: string): boolean {
  if (a === b) return true;
  if (areSameThing(a, b)) return true;
  const shorter = Math.min(a.length, b.length);
  const longer = Math.max(a.length, b.length);
  if (shorter < 3 || a.charCodeAt(0) !== b.charCodeAt(0)) return false;
  if (areOpposite(a, b)) return false;
  let common = 0;
  while (common < shorter && a.charCodeAt(common) === b.charCodeAt(common)) common++;
  if (common === shorter && longer - shorter <= (shorter < 5 ? 2 : 3))
    return /^(?:s|es|ed|d|ing|er|r|ly|al|a|o|as|os|m|ndo|do|da|mos|ram|n|ns|y|t|ion|ment)$/.test(
      (a.length > b.length ? a : b).slice(common),
    );
  return shorter >= 5 && common >= Math.max(4, Math.ceil(0.72 * longer))
    ? true
    : shorter >= 4 &&
        common >= shorter - 1 &&
        longer - common <= 4 &&
        longer >= 5 &&
        ENDING.test(a.slice(common)) &&
        ENDING.test(b.slice(common));
}

/** Endings by which forms of a word differ, in English and Portuguese. */
const ENDING =
  /^(?:|e|s|es|ed|ing|y|ies|ied|ar|er|ir|a|o|as|os|am|em|ou|ei|ando|endo|indo|ado|ada|ados|adas|ido|ida|ao|oes|al|ais|l|is|m|ns|c|cao)$/;

function sameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && [...a].every((item) => b.has(item));
}

/** Every literal of the one is in the other, as a literal or among its words. */
function spelledAlike(a: Phrase, b: Phrase): boolean {
  for (const literal of a.literals) {
    if (b.literals.has(literal)) continue;
    if (
      b.literals.size > 0 ||
      !within(
        literal
          .toLowerCase()
          .replace(/[^\p{L}\p{N}]+/gu, " ")
          .trim(),
        b,
      )
    )
      return false;
  }
  return true;
}

function quotesWithin(a: Phrase, b: Phrase): boolean {
  return a.quotes.every((quote) => within(quote.replace(/[^\p{L}\p{N}%$]+/gu, " ").trim(), b));
}

function within(text: string, phrase: Phrase): boolean {
  return ` ${phrase.folded} `.includes(` ${text} `);
}

/** Numbers are the same when they are in the same order: "5 % of 10" is not "10 % of 5". */
function compareQuantities(a: readonly Quantity[], b: readonly Quantity[]): Veto | undefined {
  let left = 0;
  let right = 0;
  let unit: Veto | undefined;
  while (left < a.length || right < b.length) {
    const one = a[left];
    const other = b[right];
    if (one !== undefined && other !== undefined && one.value === other.value) {
      const both = one.unit !== undefined && other.unit !== undefined;
      if (both && one.unit !== other.unit && !(one.optional && other.optional)) unit = "unit";
      if (!both && one.unit !== other.unit && !one.optional && !other.optional) unit = "unit";
      left++;
      right++;
    } else if (one?.optional === true) left++;
    else if (other?.optional === true) right++;
    else return "number";
  }
  return unit;
}

/**
 * A name that the other does not have. "Trump" and "Donald Trump" are one: a word beside a shared one belongs to a name that the
 * other just gives in part, as long as the other has no name of its own in its stead.
 */
function hasForeignName(only: readonly Word[], from: Phrase, other: Phrase, onlyOther: readonly Word[]): boolean {
  for (const word of only) {
    const lower = !word.name && isKnownName(word.text);
    if (!word.name && !lower) continue;
    if (isAcronymOf(word.text, other)) continue;
    if (onlyOther.some(({ name, text }) => name || isKnownName(text))) return true;
    const at = from.words.indexOf(word);
    const shared = [from.words[at - 1], from.words[at + 1]].some(
      (near) => near !== undefined && near.name && other.words.some(({ text }) => areForms(text, near.text)),
    );
    if (!shared) return true;
  }
  return false;
}

/** "IIT" for "Indian Institute of Technology", in either direction. */
function isAcronymOf(word: string, phrase: Phrase): boolean {
  if (word.length < 2 || word.length > 6) return false;
  const initials = phrase.words.map(({ text }) => text[0]).join("");
  const full = phrase.words
    .filter(({ empty }) => !empty)
    .map(({ text }) => text[0])
    .join("");
  return initials.includes(word) || full.includes(word);
}

/** Joins whose sides may change places: "cats and dogs", "between cats and dogs", "cats vs dogs". */
const SYMMETRIC: ReadonlySet<string> = new Set(["and", "or", "e", "ou", "y", "o", "vs", "versus", "with", "com", "con", "x"]);
/** Words between two sides that may not change places. */
const DIRECTED: ReadonlySet<string> = new Set(
  "from to into than of over against by after before de para pra do da que por sobre contra desde ate em in on a".split(" "),
);

/**
 * The same words, with two of them in each other's place: "dog bites man", "from Paris to London". Words that only moved
 * together ("in Python, how …") keep their order but for one cut, and are no veto; nor are the two sides of an "and".
 */
function isReordered(a: Phrase, b: Phrase): boolean {
  const left = a.words.filter(({ empty }) => !empty).map(({ text }) => text);
  const right = b.words.filter(({ empty }) => !empty).map(({ text }) => text);
  if (new Set(left).size !== left.length || new Set(right).size !== right.length) return false;
  const places = left.map((word) => right.findIndex((other) => areForms(word, other))).filter((place) => place >= 0);
  if (places.length < 2 || places.length < 0.6 * Math.max(left.length, right.length)) return false;
  let descents = 0;
  for (let at = 1; at < places.length; at++) if (places[at]! < places[at - 1]!) descents++;
  if (descents === 0) return false;
  if (areSymmetric(a) && areSymmetric(b)) return false;
  // One descent with everything else in order is a rotation: a clause that moved to the other end. Of two words alone it is a swap.
  const rotated = descents === 1 && places[0]! > places.at(-1)!;
  return !(rotated && places.length > 3 && !swapsEnds(a, b));
}

function areSymmetric({ words }: Phrase): boolean {
  return (
    words.some(({ text }) => SYMMETRIC.has(text)) &&
    !words.some(({ text }) => ["from", "to", "than", "para", "into", "desde", "ate", "a"].includes(text))
  );
}

/** Both have a directed word, and what follows it in the one comes before it in the other. */
function swapsEnds(a: Phrase, b: Phrase): boolean {
  const ends = ({ words }: Phrase): Map<string, string> => {
    const found = new Map<string, string>();
    for (const [at, { text }] of words.entries()) {
      const next = words.slice(at + 1).find(({ empty }) => !empty);
      if (DIRECTED.has(text) && next !== undefined && words[at + 1] === next) found.set(next.text, text);
    }
    return found;
  };
  const [left, right] = [ends(a), ends(b)];
  for (const [word, role] of left) {
    const other = right.get(word);
    if (other !== undefined && other !== role) return true;
  }
  return false;
}
