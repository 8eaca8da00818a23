import { words } from "./word-list.ts";

/**
 * Words that carry grammar and not matter, folded, by language. They tell the language of a text, and what is left of a text
 * without them is what it is about. Words that turn a meaning (not, without, from, to, before) are looked at elsewhere first.
 */
const ENGLISH: readonly string[] = words(`
  a an the this that these those and or but if so as at by for from in into of off on onto out over to up with about between than then
  i me my mine we us our you your he him his she her hers it its they them their one ones
  is are was were be been being am do does did done doing have has had having will would shall should can could may might must
  no what which who whom whose when where why how there here please tell get got just also any some such very really actually
  let lets like ve re ll im ive id whats hows wheres whos dont doesnt didnt isnt arent cant couldnt wont wouldnt shouldnt
  go going want need would know make made thing things way ways does if while because`);

const PORTUGUESE: readonly string[] = words(`
  o a os as um uma uns umas de do da dos das em no na nos nas ao aos pelo pela pelos pelas por para pra pro com e ou mas se que como
  eu me meu minha meus minhas nos nosso nossa voce voces seu sua seus suas ele ela eles elas lhe isso isto este esta estes estas esse essa
  esses essas aquele aquela aquilo num numa dele dela deles delas
  e sao foi era eram ser sendo estar esta estao estou estava tem tenho temos ter tinha ha havia vai vou vamos ir fazer faz faco
  pode posso podemos poderia deve devo devemos quero queria gostaria preciso
  qual quais quem quando onde porque quanto quantos quanta quantas ja mais muito tambem ai la aqui favor existe existem`);

const SPANISH: readonly string[] = words(`
  el la los las un una unos unas de del al en y o u pero si que como por para con yo mi mis tu tus su sus nuestro nuestra
  es son fue era ser estar esta estan estoy hay tiene tengo tener va voy ir hacer hago puedo puede podria debo debe quiero necesito
  cual cuales quien cuando donde porque cuanto cuantos cuanta cuantas ya mas muy tambien lo le les se me te nos favor`);

export type Language = "en" | "pt" | "es";

const LANGUAGES: readonly Language[] = ["en", "pt", "es"];

const SETS: Readonly<Record<Language, ReadonlySet<string>>> = {
  en: new Set(ENGLISH),
  pt: new Set(PORTUGUESE),
  es: new Set(SPANISH),
};

/** Whether a folded word carries grammar in any of the languages. */
export function isFunctionWord(word: string): boolean {
  return SETS.en.has(word) || SETS.pt.has(word) || SETS.es.has(word);
}

/**
 * The language that most of the function words speak for, and whether they do so clearly; `undefined` when none does, or two do
 * alike. Letters that only one of the languages has (ã, õ, ç; ñ, ¿, ¡) count as two words.
 */
export function languageOf(
  tokens: readonly string[],
  text: string,
): { readonly language: Language; readonly sure: boolean } | undefined {
  const votes: Record<Language, number> = { en: 0, pt: 0, es: 0 };
  for (const token of tokens) {
    // English and Portuguese share "a", "as", "do", "no", "me"; Portuguese and Spanish share many more, so those do vote.
    if (SETS.en.has(token) && (SETS.pt.has(token) || SETS.es.has(token))) continue;
    for (const language of LANGUAGES) if (SETS[language].has(token)) votes[language]++;
  }
  if (/[ãõçêôâà]/i.test(text)) votes.pt += 2;
  if (/[ñ¿¡]/i.test(text)) votes.es += 2;
  // Commands such as "acende luz no quarto" have no word that tells; that most words end in a vowel does.
  const long = tokens.filter((token) => token.length > 3);
  if (long.length > 1 && long.filter((token) => /[aeio]$/.test(token)).length > 0.6 * long.length) votes.pt += 0.5;
  const ranked = LANGUAGES.toSorted((a, b) => votes[b] - votes[a]);
  const [first, second] = [ranked[0]!, ranked[1]!];
  return votes[first] > votes[second] ? { language: first, sure: votes[first] >= votes[second] + 2 } : undefined;
}
