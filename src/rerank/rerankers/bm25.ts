/**
 * BM25 over a set of texts that does not change (Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond",
 * 2009), with the inverse frequency of Lucene, which is never negative. A word of the query counts once, by the best of its forms.
 */
import { wordForms, type WordForms } from "../../text/terms.ts";

export interface Bm25Options {
  /** Saturates repetition; default 0.9. */
  readonly k1?: number | undefined;
  /** Weight of the length, 0 to 1; default 0.4. */
  readonly b?: number | undefined;
}

interface Posting {
  readonly document: number;
  count: number;
}

/** Defaults of Anserini, chosen on passages of MS MARCO. */
const K1 = 0.9;
const B = 0.4;
/** Words of a query that are looked up, and UTF-16 units of a text that are read. */
const MAX_QUERY_WORDS = 256;
const LONGEST_TEXT = 32_768;

export class Bm25 {
  readonly #k1: number;
  readonly #b: number;
  readonly #postings = new Map<string, Posting[]>();
  readonly #lengths: number[] = [];
  #words = 0;

  constructor({ k1 = K1, b = B }: Bm25Options = {}) {
    this.#k1 = k1;
    this.#b = b;
  }

  add(text: string): void {
    const document = this.#lengths.length;
    const words = wordForms(text.slice(0, LONGEST_TEXT));
    this.#lengths.push(words.length);
    this.#words += words.length;
    for (const forms of words) for (const form of forms) this.#count(form, document);
  }

  /** Scores in the order in which the texts were added; 0 for those that share no word with the query. */
  scores(query: string): Float64Array {
    const total = new Float64Array(this.#lengths.length);
    const best = new Map<number, number>();
    for (const forms of distinct(wordForms(query.slice(0, LONGEST_TEXT)))) {
      best.clear();
      for (const form of forms) this.#score(form, best);
      for (const [document, score] of best) total[document] = (total[document] ?? 0) + score;
    }
    return total;
  }

  #score(form: string, best: Map<number, number>): void {
    const postings = this.#postings.get(form) ?? [];
    const size = this.#lengths.length;
    const average = this.#words / Math.max(1, size);
    const rarity = Math.log(1 + (size - postings.length + 0.5) / (postings.length + 0.5));
    for (const { document, count } of postings) {
      const length = 1 - this.#b + (this.#b * (this.#lengths[document] ?? 0)) / average;
      const score = (rarity * count * (this.#k1 + 1)) / (count + this.#k1 * length);
      if (score > (best.get(document) ?? 0)) best.set(document, score);
    }
  }

  #count(form: string, document: number): void {
    const postings = this.#postings.get(form);
    if (postings === undefined) {
      this.#postings.set(form, [{ document, count: 1 }]);
      return;
    }
    const last = postings.at(-1);
    if (last?.document === document) last.count++;
    else postings.push({ document, count: 1 });
  }
}

function distinct(words: readonly WordForms[]): readonly WordForms[] {
  return [...new Map(words.map((forms) => [forms[0], forms])).values()].slice(0, MAX_QUERY_WORDS);
}
