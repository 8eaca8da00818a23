/**
 * Hard vetoes: differences that make two questions different ones however near their vectors are. Embeddings blur exactly these: a
 * number, a name, a "not" move a vector less than a paraphrase does. A veto costs a hit that might have been right; what it
 * prevents is the answer to another question, so the rules lean to it. They know English and Portuguese, and some Spanish.
 */
import { marksClash } from "./marks.ts";
import type { Phrase, Quantity, Word } from "./phrase.ts";
import { anyRivals, areSameThing, isKnownName, isThing } from "./words/kinds.ts";
import { anyOpposite, areOpposite } from "./words/opposites.ts";

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
  | "order"
  | "rest";

/** Words of each of two questions that have no counterpart in the other. */
export type Difference = readonly [onlyA: readonly Word[], onlyB: readonly Word[]];

/** What forbids that the two questions share an answer; `undefined` when nothing does. */
export function vetoOf(a: Phrase, b: Phrase, [onlyA, onlyB]: Difference = unmatched(a, b)): Veto | undefined {
  if (a.rest !== b.rest) return "rest";
  if (marksClash(a.marks, b.marks)) return "literal";
  if (a.folded === b.folded)
    return a.literals.size + b.literals.size > 0 && !sameSet(a.literals, b.literals) ? "literal" : undefined;
  if (a.language !== undefined && b.language !== undefined && a.language !== b.language) return "language";
  if (!spelledAlike(a, b) || !spelledAlike(b, a)) return "literal";
  if (!quotesWithin(a, b) || !quotesWithin(b, a)) return "quote";
  const numbers = compareQuantities(a.quantities, b.quantities);
  if (numbers !== undefined) return numbers;
  if (!sameSet(a.dates, b.dates)) return "date";
  if (a.letters.size + b.letters.size > 0 && !sameSet(a.letters, b.letters)) return "letter";
  const unitsA = [...a.units].filter((unit) => !b.units.has(unit));
  const unitsB = [...b.units].filter((unit) => !a.units.has(unit));
  if (unitsA.length > 0 && unitsB.length > 0) return "unit";
  if (negationsOf(a, b) % 2 !== negationsOf(b, a) % 2 || (a.averters === 0) !== (b.averters === 0)) return "negation";
  const [lostA, lostB] = [onlyA.map(({ text }) => text), onlyB.map(({ text }) => text)];
  if (anyOpposite(lostA, lostB)) return "opposite";
  if (anyRivals(lostA, lostB) || areTwoTerms(lostA, lostB)) return "kind";
  if (a.asks !== undefined && b.asks !== undefined && a.asks !== b.asks) return "asks";
  if (hasForeignName(onlyA, a, b, onlyB) || hasForeignName(onlyB, b, a, onlyA)) return "name";
  return isReordered(a, b) ? "order" : undefined;
}

/** A "no" of a text that does not tell its language is read in the language of the other. */
function negationsOf(phrase: Phrase, other: Phrase): number {
  return phrase.negations + (other.leaning === "pt" ? 0 : phrase.perhapsNegations);
}

/** Words of each that have no counterpart in the other: not the same word, another form of it, or another word for the same thing. */
export function unmatched(a: Phrase, b: Phrase): Difference {
  return [missing(a, b), missing(b, a)];
}

function missing(from: Phrase, other: Phrase): Word[] {
  const placeOf = formsIn(other.words.map(({ text }) => text));
  return from.words.filter(({ text, empty }) => !empty && placeOf(text) === -1);
}

/**
 * Where in a list a word stands, itself or in another form; -1 where it does not. Forms of a word begin alike, so that of two long
 * questions not every word is held against every other.
 */
export function formsIn(list: readonly string[]): (text: string) => number {
  const places = new Map<string, number>();
  for (const [place, text] of list.entries()) if (!places.has(text)) places.set(text, place);
  const byFirst = new Map<number, string[]>();
  for (const text of places.keys()) {
    const first = text.charCodeAt(0);
    const alike = byFirst.get(first);
    if (alike === undefined) byFirst.set(first, [text]);
    else alike.push(text);
  }
  const things = [...places.keys()].filter(isThing);
  return (text) => {
    const form =
      (places.has(text) ? text : undefined) ??
      (isThing(text) ? things.find((word) => areSameThing(text, word)) : undefined) ??
      byFirst.get(text.charCodeAt(0))?.find((word) => areForms(text, word));
    return form === undefined ? -1 : (places.get(form) ?? -1);
  };
}

/** Least letters that two terms end in alike. */
const TERM_ENDING = 5;

/**
 * The only word that differs is built from the same end by another beginning: ethanol and methanol, outbound and inbound. Synonyms
 * are hardly ever alike so; and a slip of the pen is hardly ever in the first letter.
 */
function areTwoTerms(onlyA: readonly string[], onlyB: readonly string[]): boolean {
  const [a, b] = [onlyA[0], onlyB[0]];
  if (a === undefined || b === undefined || onlyA.length > 1 || onlyB.length > 1 || a[0] === b[0]) return false;
  let common = 0;
  while (common < Math.min(a.length, b.length) && a.at(-1 - common) === b.at(-1 - common)) common++;
  return common >= Math.max(TERM_ENDING, Math.max(a.length, b.length) / 2);
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
  return a.quotes.every((quote) => b.quotes.includes(quote) || within(quote.replace(/[^\p{L}\p{M}\p{N}%$]+/gu, " ").trim(), b));
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

/** Prepositions that give what follows them a role of its own; what has none of them before it has the role "". */
const ROLES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    from: "from",
    desde: "from",
    to: "to",
    into: "to",
    onto: "to",
    para: "to",
    pra: "to",
    ate: "to",
    hasta: "to",
    than: "than",
    against: "against",
    contra: "against",
    by: "by",
    por: "by",
    over: "over",
    sobre: "over",
  }),
);
/** Joins whose sides may change places: "cats and dogs", "cats vs dogs". */
const SYMMETRIC: ReadonlySet<string> = new Set(["and", "or", "e", "ou", "y", "o", "vs", "versus", "x", "with", "com", "con"]);

/**
 * The same two things in each other's place: "from Paris to London" and "from London to Paris", "dog bites man" and "man bites
 * dog". Words that only moved ("in Python, how …") keep their role.
 */
export function isReordered(a: Phrase, b: Phrase): boolean {
  return swapsRoles(a, b) || swapsTwo(a.words, b.words);
}

/** Two things have each the role in the one text that the other has in the other, and one of the roles is told by a preposition. */
function swapsRoles(a: Phrase, b: Phrase): boolean {
  const right = rolesOf(b);
  const changed = [...rolesOf(a)].filter(([thing, role]) => right.has(thing) && right.get(thing) !== role);
  return changed.some(([x, role]) =>
    changed.some(([y, other]) => x !== y && other !== role && right.get(x) === other && right.get(y) === role),
  );
}

function rolesOf({ words }: Phrase): Map<string, string> {
  const roles = new Map<string, string>();
  let role = "";
  for (const { text, empty } of words) {
    const told = ROLES.get(text);
    if (told !== undefined) role = told;
    else if (!empty) {
      roles.set(text, role);
      role = "";
    }
  }
  return roles;
}

/** The texts are the same word for word, but for two that changed places, and nothing between them says that they may. */
function swapsTwo(a: readonly Word[], b: readonly Word[]): boolean {
  const left = a.filter(({ text }) => !ARTICLES.has(text));
  const right = b.filter(({ text }) => !ARTICLES.has(text));
  if (left.length !== right.length) return false;
  const places = left.flatMap((word, at) => (areForms(word.text, right[at]!.text) ? [] : [at]));
  const [first, second] = [places[0], places[1]];
  if (first === undefined || second === undefined || places.length !== 2) return false;
  if (!areForms(left[first]!.text, right[second]!.text) || !areForms(left[second]!.text, right[first]!.text)) return false;
  const between = left.slice(first + 1, second);
  return between.length > 0 && !(between.length === 1 && SYMMETRIC.has(between[0]!.text));
}

const ARTICLES: ReadonlySet<string> = new Set("a an the o os as um uma el la los las do da dos das de".split(" "));
