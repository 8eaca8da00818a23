/**
 * From text to index terms, for English and Portuguese at once, because users write both, often in one conversation.
 *
 * Each word gives the stems of both languages, the Portuguese one of the word as written, without accents, and with those of
 * common endings put back. Portuguese stemming depends on accents ("configurações" becomes "configur", "configuracoes" becomes "configuraco"), so
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

/** The words of a text in order, without those that say nothing: "who are you?" has none. */
export function wordForms(text: string): WordForms[] {
  const words: WordForms[] = [];
  for (const word of text.toLowerCase().match(WORD) ?? []) {
    const forms = formsOf(word.slice(0, MAX_WORD));
    if (forms !== undefined) words.push(forms);
  }
  return words;
}

/** `undefined` for a stop word. */
function formsOf(word: string): WordForms | undefined {
  const known = memo.get(word);
  if (known !== undefined) return known;
  const folded = fold(word);
  if (folded === "" || STOP_WORDS.has(folded)) return undefined;
  const english = stemEnglish(folded) || folded;
  // Without its accents "configuracao" would not meet "configurações", whose ending the stemmer knows only with them.
  const accented = folded.replace(/([cs])ao$/, (_, letter: string) => (letter === "c" ? "ção" : "são")).replace(/coes$/, "ções");
  const portuguese = [fold(stemPortuguese(word)), stemPortuguese(folded), fold(stemPortuguese(accented))].filter(
    (form) => form !== "" && form !== english,
  );
  const result: WordForms = [english, ...new Set(portuguese)];
  if (memo.size >= MAX_MEMO) memo.clear();
  memo.set(word, result);
  return result;
}
