/** The languages in which the stand-in answers. */
export type Language = "en" | "pt";

/** Frequent words that only one of the two languages has ("a", "as", "do" and "no" are in both, and in neither list). */
const MARKS: Readonly<Record<Language, ReadonlySet<string>>> = {
  en: words(`the is are was what how why when which who where does did can should would could of to in and or for with on an it
    this that my you i please explain between about vs`),
  pt: words(`o os e é um uma que qual quais como quando onde quem por porque para com sem em na nas nos da das dos de não nao
    meu minha você voce sobre entre isso isto está esta são sao ser explique pode`),
};

/** Words that say nothing about what a question is about. */
const EMPTY = words(`the and are was were does did has had have having can could should would will may might must what how why
  when which who whose where with without from into onto that this these those there their they them then than about between
  please explain tell give make makes made many much your you our its not for out per via use uses using more most some any
  best better way good
  que qual quais como quando onde quem por porque para com sem uma uns umas dos das nos nas pela pelo pelos pelas você voce isso
  isto esse essa este esta esses essas sobre entre explique pode podem quero preciso fazer faz tenho tem têm mais menos muito
  não nao são sao ser está foi melhor forma meu minha seu sua`);

/** Portuguese when more of its marks are found than English ones; English otherwise. Letters of Portuguese alone count too. */
export function detectLanguage(text: string): Language {
  const score: Record<Language, number> = { en: 0, pt: /[ãõçáéíóúâêô]/i.test(text) ? 2 : 0 };
  for (const word of split(text)) {
    if (MARKS.en.has(word)) score.en++;
    if (MARKS.pt.has(word)) score.pt++;
  }
  return score.pt > score.en ? "pt" : "en";
}

/** What a text is about: its words of 3 letters and more, in order, once each. */
export function contentWords(text: string): string[] {
  return [...new Set(split(text))].filter((word) => word.length >= 3 && !EMPTY.has(word));
}

function split(text: string): string[] {
  return text.toLowerCase().match(/\p{L}[\p{L}\p{N}'-]*/gu) ?? [];
}

function words(list: string): ReadonlySet<string> {
  return new Set(list.split(/\s+/));
}
