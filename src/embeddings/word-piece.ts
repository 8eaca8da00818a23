/**
 * Words into tokens, as both models of this package were trained: lower case, accents stripped (NFD, then without combining marks),
 * runs of letters and digits as words and every other visible character alone, then the longest known piece first, from left to
 * right (WordPiece: Schuster & Nakajima 2012, as in BERT).
 *
 * Own code because it is shorter than the calls of a library would be, and because BERT's own splitting differs: it takes symbols
 * beyond ASCII (`10€`) as parts of words. Files with another tokenizer go through `@huggingface/tokenizers`.
 */

/** What is not a letter or digit stands alone; an unpaired surrogate is such a character. */
const WORDS = /[\p{L}\p{N}]+|[^\p{L}\p{N}\s]/gu;
const COMBINING_MARKS = /\p{Mn}/gu;
/** A longer word is read up to here, as in training. */
const LONGEST_WORD = 100;
/** Words whose pieces are remembered: finding them is most of the work, and language repeats its words. */
const REMEMBERED_WORDS = 20_000;

export class WordPiece {
  /** The id of a word without any known beginning. */
  readonly unknown: number;
  readonly #ids: ReadonlyMap<string, number>;
  readonly #pieces = new Map<string, readonly number[]>();

  /** @param vocabulary one token a line; the number of the line is its id */
  constructor(vocabulary: string) {
    this.#ids = new Map(vocabulary.split("\n").map((token, id) => [token, id]));
    this.unknown = this.id("[UNK]");
  }

  /** The id of a token that must be there. */
  id(token: string): number {
    const id = this.#ids.get(token);
    if (id === undefined) throw new RangeError(`The vocabulary has no ${token}.`);
    return id;
  }

  /** The ids of a text's tokens, in order. What comes after `limit` tokens is not looked at. */
  encode(text: string, limit: number = Infinity): number[] {
    const ids: number[] = [];
    const plain = text.toLowerCase().normalize("NFD").replaceAll(COMBINING_MARKS, "");
    for (const word of plain.match(WORDS) ?? []) {
      for (const id of this.#piecesOf(word.slice(0, LONGEST_WORD))) {
        if (ids.length === limit) return ids;
        ids.push(id);
      }
    }
    return ids;
  }

  #piecesOf(word: string): readonly number[] {
    const known = this.#pieces.get(word);
    if (known !== undefined) return known;
    const pieces = this.#split(word);
    if (this.#pieces.size >= REMEMBERED_WORDS) this.#pieces.clear();
    this.#pieces.set(word, pieces);
    return pieces;
  }

  #split(word: string): readonly number[] {
    const pieces: number[] = [];
    for (let start = 0; start < word.length;) {
      let end = word.length;
      let id: number | undefined;
      for (; end > start; end--) {
        id = this.#ids.get(start === 0 ? word.slice(0, end) : `##${word.slice(start, end)}`);
        if (id !== undefined) break;
      }
      // As in BERT, a word with one unknown piece is unknown as a whole.
      if (id === undefined) return [this.unknown];
      pieces.push(id);
      start = end;
    }
    return pieces;
  }
}
