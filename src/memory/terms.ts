/**
 * From text to index terms, for English and Portuguese at once, because users write both, often in one conversation.
 *
 * Each word gives the stems of both languages, and the Portuguese one twice: of the word as written and of the word without
 * accents. Portuguese stemming depends on accents ("configurações" becomes "configur", "configuracoes" becomes "configuraco"), so
 * one form alone loses either those who type accents or those who do not. Asking which language a text is in would be worse: a
 * chat turn of four words does not tell.
 *
 * The stemmers are Snowball's (Porter 2 for English), https://snowballstem.org.
 */
import { stemmer as stemEnglish } from "@orama/stemmers/english";
import { stemmer as stemPortuguese } from "@orama/stemmers/portuguese";
import { STOP_WORDS } from "./stop-words.ts";

/** A word as the index sees it: the distinct forms that it may be found by, the English stem first. */
export type WordForms = readonly [string, ...string[]];

const WORD = /[\p{L}\p{M}\p{N}]+/gu;
/** Nobody searches by a longer word; a base64 blob is cut here. */
const MAX_WORD = 64;
/** Words seen lately: stemming three times costs some microseconds, and people repeat themselves. */
const MAX_MEMO = 50_000;
const memo = new Map<string, WordForms>();

/** Lower case without accents: `"São Paulo"` gives `"sao paulo"`. */
export function fold(text: string): string {
  return text
    .normalize("NFD")
    .replace(/\p{M}+/gu, "")
    .toLowerCase();
}

/** All words of a text in order, stop words left out; all of them when nothing else is left ("who are you?"). */
export function wordForms(text: string): WordForms[] {
  const words: WordForms[] = [];
  const stops: WordForms[] = [];
  for (const word of text.toLowerCase().match(WORD) ?? []) {
    const forms = formsOf(word.slice(0, MAX_WORD));
    (forms === undefined ? stops : words).push(forms ?? [fold(word)]);
  }
  return words.length > 0 ? words : stops;
}

/** `undefined` for a stop word. */
function formsOf(word: string): WordForms | undefined {
  const known = memo.get(word);
  if (known !== undefined) return known;
  const folded = fold(word);
  if (folded === "" || STOP_WORDS.has(folded)) return undefined;
  const english = stemEnglish(folded) || folded;
  const portuguese = [fold(stemPortuguese(word)), stemPortuguese(folded)].filter((form) => form !== "" && form !== english);
  const result: WordForms = [english, ...new Set(portuguese)];
  if (memo.size >= MAX_MEMO) memo.clear();
  memo.set(word, result);
  return result;
}
