/**
 * Numbers as people write them in English and Portuguese, 1 to 99: "3", "three", "três", "3rd", "twenty-first", "3ª", "terceira".
 * All texts are folded: no accents, lower case.
 */
const ENGLISH_UNITS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
const ENGLISH_TEENS = [
  "ten",
  "eleven",
  "twelve",
  "thirteen",
  "fourteen",
  "fifteen",
  "sixteen",
  "seventeen",
  "eighteen",
  "nineteen",
];
const ENGLISH_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const ENGLISH_ORDINAL_UNITS = ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"];
const PORTUGUESE_UNITS = ["um|uma", "dois|duas", "tres", "quatro", "cinco", "seis", "sete", "oito", "nove"];
const PORTUGUESE_TEENS = [
  "dez",
  "onze",
  "doze",
  "treze",
  "quatorze|catorze",
  "quinze",
  "dezesseis|dezasseis",
  "dezessete|dezassete",
  "dezoito",
  "dezenove|dezanove",
];
const PORTUGUESE_TENS = ["vinte", "trinta", "quarenta", "cinquenta", "sessenta", "setenta", "oitenta", "noventa"];
const PORTUGUESE_ORDINAL_UNITS = ["primeir", "segund", "terceir", "quart", "quint", "sext", "setim", "oitav", "non"];
const PORTUGUESE_ORDINAL_TENS = ["decim", "vigesim", "trigesim", "quadragesim", "quinquagesim"];

const cardinals = new Map<string, number>();
const ordinals = new Map<string, number>();

function name(names: Map<string, number>, words: string, value: number): void {
  for (const word of words.split("|")) names.set(word, value);
}

ENGLISH_UNITS.forEach((word, i) => name(cardinals, word, i + 1));
ENGLISH_TEENS.forEach((word, i) => name(cardinals, word, i + 10));
ENGLISH_TENS.forEach((ten, i) => {
  name(cardinals, ten, (i + 2) * 10);
  name(ordinals, `${ten.slice(0, -1)}ieth`, (i + 2) * 10);
  ENGLISH_UNITS.forEach((unit, u) => name(cardinals, `${ten}-${unit}|${ten} ${unit}`, (i + 2) * 10 + u + 1));
  ENGLISH_ORDINAL_UNITS.forEach((unit, u) => name(ordinals, `${ten}-${unit}|${ten} ${unit}`, (i + 2) * 10 + u + 1));
});
ENGLISH_ORDINAL_UNITS.forEach((word, i) => name(ordinals, word, i + 1));
ENGLISH_TEENS.forEach((word, i) => name(ordinals, word === "twelve" ? "twelfth" : `${word}th`, i + 10));
PORTUGUESE_UNITS.forEach((word, i) => name(cardinals, word, i + 1));
PORTUGUESE_TEENS.forEach((word, i) => name(cardinals, word, i + 10));
PORTUGUESE_TENS.forEach((tens, i) => {
  name(cardinals, tens, (i + 2) * 10);
  PORTUGUESE_UNITS.forEach((units, u) => {
    for (const unit of units.split("|")) name(cardinals, `${tens} e ${unit}`, (i + 2) * 10 + u + 1);
  });
});
for (const gender of ["a", "o"]) {
  PORTUGUESE_ORDINAL_UNITS.forEach((stem, i) => name(ordinals, stem + gender, i + 1));
  PORTUGUESE_ORDINAL_TENS.forEach((ten, i) => {
    name(ordinals, ten + gender, (i + 1) * 10);
    PORTUGUESE_ORDINAL_UNITS.forEach((stem, u) => name(ordinals, `${ten}${gender} ${stem}${gender}`, (i + 1) * 10 + u + 1));
  });
}

/** As the body of a group in a pattern; the longest first, so that "twenty-first" is not read as "twenty". */
function pattern(names: Iterable<string>): string {
  return [...names].toSorted((a, b) => b.length - a.length).join("|");
}

/** Matches a cardinal: `\d{1,4}` or a word. */
export const CARDINAL: string = `\\d{1,4}|${pattern(cardinals.keys())}`;
/** Matches an ordinal: "1st", "3a", "3ª" (which folds to "3ª"), or a word. */
export const ORDINAL: string = `\\d{1,3} ?(?:st|nd|rd|th|ª|º|a|o)(?![a-z])|${pattern(ordinals.keys())}`;

/** The value of what either pattern matched; `undefined` for anything else. */
export function numberOf(text: string): number | undefined {
  const digits = /^\d+/.exec(text)?.[0];
  return digits === undefined ? (cardinals.get(text) ?? ordinals.get(text)) : Number(digits);
}
