/** How rare words are in the traffic: in how many questions each one was, by its first letters, so that its forms count together. */
import type { Phrase } from "../phrase.ts";

const PREFIX = 6;
/** As if so many questions without the word had been seen already. */
const HEAD_START = 20;

export class DocumentFrequencies {
  readonly #counts: Map<string, number>;
  readonly #most: number;
  #questions: number;

  /** @param most words that are remembered; of more, the rare ones are forgotten, and rare is what they then look */
  constructor(most: number, state?: { readonly questions: number; readonly counts: readonly (readonly [string, number])[] }) {
    this.#most = most;
    this.#questions = state?.questions ?? 0;
    this.#counts = new Map(state?.counts);
  }

  add({ words }: Phrase): void {
    this.#questions++;
    for (const word of new Set(words.map(({ text }) => text.slice(0, PREFIX))))
      this.#counts.set(word, (this.#counts.get(word) ?? 0) + 1);
    if (this.#counts.size > this.#most) this.#forget();
  }

  /** 0 for a word of every question, 1 for one that was never seen. */
  rarity(word: string): number {
    const count = this.#counts.get(word.slice(0, PREFIX)) ?? 0;
    const total = Math.log(this.#questions + HEAD_START);
    return Math.max(0, (total - Math.log(count + 1)) / total);
  }

  export(): { questions: number; counts: [string, number][] } {
    return { questions: this.#questions, counts: [...this.#counts].filter(([, count]) => count > 1) };
  }

  /** Halves all counts, as the drift of traffic would have it anyway, until enough are gone. */
  #forget(): void {
    while (this.#counts.size > this.#most / 2) {
      for (const [word, count] of this.#counts) {
        if (count <= 1) this.#counts.delete(word);
        else this.#counts.set(word, count >> 1);
      }
      this.#questions >>= 1;
    }
  }
}
