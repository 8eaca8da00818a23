/**
 * Figures on how two questions match, beside the cosine of their vectors: few, bounded, and each one monotone in what it says,
 * so that a model of them fits a stream that it never saw. A word that only one question has weighs by how rare it is in the
 * traffic: "___ plays in position …" is in every other question of a quiz and says little, a surname says all.
 */
import type { Phrase } from "./phrase.ts";
import { formsIn, type Difference } from "./vetoes.ts";

/** The features by name, in the order of the vector. The first is the constant. */
export const FEATURES = [
  "constant",
  "nearest",
  "margin",
  "agree",
  "agreedMargin",
  "lost",
  "lostRarest",
  "lostCount",
  "swapped",
  "equal",
  "trigrams",
  "order",
  "grammar",
  "asks",
  "shared",
] as const;

/** How rare a word is, 0 (in every question) to 1 (never seen). */
export type Rarity = (word: string) => number;

/** Where a candidate stands among the others. */
export interface Standing {
  /** Cosine with the question. */
  readonly similarity: number;
  /** By how much it is nearer than the nearest candidate that has, as far as is known, another answer. */
  readonly margin: number;
  /** Share of the other candidates that are known to have the same answer. */
  readonly agree: number;
}

/** The features of a question and a candidate's question, in the order of `FEATURES`. */
export function matchFeatures(
  a: Phrase,
  b: Phrase,
  { similarity, margin, agree }: Standing,
  rarity: Rarity,
  [onlyA, onlyB]: Difference,
): Float64Array {
  let rarest = 0;
  const weigh = (words: readonly { text: string }[]): number => {
    let sum = 0;
    for (const { text } of words) {
      const weight = rarity(text);
      sum += weight;
      if (weight > rarest) rarest = weight;
    }
    return sum;
  };
  const lostA = weigh(onlyA);
  const lostB = weigh(onlyB);
  const lostRarest = rarest;
  const total = weigh(a.words.filter(({ empty }) => !empty)) + weigh(b.words.filter(({ empty }) => !empty));
  const shared = Math.max(0, total - lostA - lostB) / 2;
  const lead = Math.max(-0.2, Math.min(0.2, margin)) * 5;
  const near = Math.min(1, Math.max(0, similarity));
  return Float64Array.of(
    1,
    -Math.log(1.01 - near) - 2,
    lead,
    agree,
    agree * lead,
    total === 0 ? 0 : (lostA + lostB) / total,
    lostRarest,
    Math.min(6, onlyA.length + onlyB.length) / 6,
    total === 0 ? 0 : (2 * Math.min(lostA, lostB)) / total,
    onlyA.length + onlyB.length === 0 ? 1 : 0,
    dice(trigramsOf(a.folded), trigramsOf(b.folded)),
    disorder(a, b),
    grammarDistance(a, b),
    a.asks === b.asks ? 0 : 1,
    Math.log1p(shared),
  );
}

function trigramsOf(text: string): Set<string> {
  const padded = ` ${text} `;
  const found = new Set<string>();
  for (let at = 0; at + 3 <= padded.length; at++) found.add(padded.slice(at, at + 3));
  return found;
}

function dice(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  let common = 0;
  for (const item of a) if (b.has(item)) common++;
  return (2 * common) / Math.max(1, a.size + b.size);
}

/** Share of the common words that are not in common order. */
function disorder(a: Phrase, b: Phrase): number {
  const places: number[] = [];
  const placeOf = formsIn(b.content);
  for (const word of a.content) {
    const place = placeOf(word);
    if (place >= 0) places.push(place);
  }
  if (places.length < 2) return 0;
  // The longest rising run of places, by patience sorting.
  const tails: number[] = [];
  for (const place of places) {
    let at = tails.findIndex((tail) => tail >= place);
    if (at < 0) at = tails.length;
    tails[at] = place;
  }
  return 1 - tails.length / places.length;
}

function grammarDistance(a: Phrase, b: Phrase): number {
  const left = new Set(a.words.filter(({ empty }) => empty).map(({ text }) => text));
  const right = new Set(b.words.filter(({ empty }) => empty).map(({ text }) => text));
  if (left.size + right.size === 0) return 0;
  let common = 0;
  for (const word of left) if (right.has(word)) common++;
  return 1 - (2 * common) / (left.size + right.size);
}
