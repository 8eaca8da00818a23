/**
 * BM25 over the chunks of one scope, in memory, incremental (Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25 and
 * Beyond", 2009), with the inverse frequency of Lucene, which is never negative. A word of the query counts once, by the best of its
 * forms (`text/terms.ts`).
 *
 * What is removed is marked and passed over; when it is more than what is left, the lists are written anew without it.
 */
import { wordForms } from "../text/terms.ts";

/** Defaults of Anserini, chosen on passages of MS MARCO. */
const K1 = 0.9;
const B = 0.4;
/** Words of a query that are looked up, and UTF-16 units of a text that are read. */
const MAX_QUERY_WORDS = 64;
const LONGEST_TEXT = 32_768;
/** Below so many, dead rows are not worth the work. */
const COMPACT_FROM = 1_024;

interface Found<T> {
  readonly thing: T;
  readonly score: number;
}

export class DocumentWords<T> {
  readonly #order: (a: T, b: T) => number;
  /** By form: row and count, alternating. */
  #postings = new Map<string, number[]>();
  /** By row; `undefined` = removed. */
  #things: (T | undefined)[] = [];
  #lengths: number[] = [];
  #words = 0;
  #size = 0;

  /** @param order of what scores alike, so that two processes, which took things up in another order, find the same */
  constructor(order: (a: T, b: T) => number) {
    this.#order = order;
  }

  get size(): number {
    return this.#size;
  }

  add(thing: T, text: string): void {
    const row = this.#things.length;
    const words = wordForms(text.slice(0, LONGEST_TEXT));
    const counts = new Map<string, number>();
    for (const forms of words) for (const form of forms) counts.set(form, (counts.get(form) ?? 0) + 1);
    for (const [form, count] of counts) {
      const list = this.#postings.get(form);
      if (list === undefined) this.#postings.set(form, [row, count]);
      else list.push(row, count);
    }
    this.#things.push(thing);
    this.#lengths.push(words.length);
    this.#words += words.length;
    this.#size++;
  }

  /** Takes away what `isGone` says. */
  removeWhere(isGone: (thing: T) => boolean): void {
    for (const [row, thing] of this.#things.entries()) {
      if (thing === undefined || !isGone(thing)) continue;
      this.#things[row] = undefined;
      this.#words -= this.#lengths[row] ?? 0;
      this.#size--;
    }
    if (this.#things.length >= COMPACT_FROM && this.#size < this.#things.length / 2) this.#compact();
  }

  /** The best `k` that share a word with the query and that `isWanted`, best first. */
  search(query: string, k: number, isWanted: (thing: T) => boolean): Found<T>[] {
    const total = new Float32Array(this.#things.length);
    const word = new Float32Array(this.#things.length);
    for (const forms of queryWords(query)) {
      const touched: number[] = [];
      for (const form of forms) this.#score(form, word, touched);
      for (const row of touched) {
        total[row] = (total[row] as number) + (word[row] as number);
        word[row] = 0;
      }
    }
    const found: Found<T>[] = [];
    let bar = 0;
    for (let row = 0; row < total.length; row++) {
      const score = total[row] as number;
      if (score === 0 || score < bar) continue;
      const thing = this.#things[row];
      if (thing === undefined || !isWanted(thing)) continue;
      found.push({ thing, score });
      if (found.length < 4 * k + 64) continue;
      this.#cut(found, k);
      bar = found.at(-1)?.score ?? bar;
    }
    return this.#cut(found, k);
  }

  #cut(found: Found<T>[], k: number): Found<T>[] {
    found.sort((a, b) => b.score - a.score || this.#order(a.thing, b.thing));
    found.length = Math.min(found.length, k);
    return found;
  }

  #score(form: string, best: Float32Array, touched: number[]): void {
    const list = this.#postings.get(form);
    if (list === undefined) return;
    // Counts the removed ones too until they are written out; that moves the weight of a word by little.
    const having = list.length / 2;
    const rarity = Math.log(1 + (Math.max(0, this.#things.length - having) + 0.5) / (having + 0.5));
    const average = this.#words / Math.max(1, this.#size);
    for (let i = 0; i < list.length; i += 2) {
      const row = list[i] as number;
      const count = list[i + 1] as number;
      const length = 1 - B + (B * (this.#lengths[row] as number)) / average;
      const score = (rarity * count * (K1 + 1)) / (count + K1 * length);
      if (score <= (best[row] as number)) continue;
      if (best[row] === 0) touched.push(row);
      best[row] = score;
    }
  }

  #compact(): void {
    const rows = new Map<number, number>();
    const things: (T | undefined)[] = [];
    const lengths: number[] = [];
    for (const [row, thing] of this.#things.entries()) {
      if (thing === undefined) continue;
      rows.set(row, things.length);
      things.push(thing);
      lengths.push(this.#lengths[row] as number);
    }
    const postings = new Map<string, number[]>();
    for (const [form, list] of this.#postings) {
      const kept: number[] = [];
      for (let i = 0; i < list.length; i += 2) {
        const row = rows.get(list[i] as number);
        if (row !== undefined) kept.push(row, list[i + 1] as number);
      }
      if (kept.length > 0) postings.set(form, kept);
    }
    this.#postings = postings;
    this.#things = things;
    this.#lengths = lengths;
  }
}

function queryWords(query: string): readonly (readonly string[])[] {
  const words = new Map<string, readonly string[]>();
  for (const forms of wordForms(query.slice(0, LONGEST_TEXT))) {
    if (words.size >= MAX_QUERY_WORDS) break;
    words.set(forms[0], forms);
  }
  return [...words.values()];
}
