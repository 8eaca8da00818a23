/**
 * The words that dates are made of, folded (lower case, no accents), as the bodies of groups in patterns.
 *
 * Many are other words too: "segunda" is also "second", "set" and "out" are English verbs, "9/10" is a fraction. What stands beside
 * such a word decides, and where it leaves a doubt, no date is read: a date that was not meant hides what was asked for, while words that
 * were not read as a date are still searched.
 */

export const MONTHS: readonly (readonly [number, string])[] = [
  [1, "january|jan|janeiro"],
  [2, "february|feb|fevereiro|fev"],
  [3, "march|mar|marco"],
  [4, "april|apr|abril|abr"],
  [5, "may|maio|mai"],
  [6, "june|jun|junho"],
  [7, "july|jul|julho"],
  [8, "august|aug|agosto|ago"],
  [9, "september|sept|sep|setembro|set"],
  [10, "october|oct|outubro|out"],
  [11, "november|nov|novembro"],
  [12, "december|dec|dezembro|dez"],
];
export const WEEKDAYS: readonly (readonly [number, string])[] = [
  [1, "monday|mon|segunda-feira|segunda feira|segunda"],
  [2, "tuesday|tue|tues|terca-feira|terca feira|terca"],
  [3, "wednesday|wed|quarta-feira|quarta feira|quarta"],
  [4, "thursday|thu|thurs|quinta-feira|quinta feira|quinta"],
  [5, "friday|fri|sexta-feira|sexta feira|sexta"],
  [6, "saturday|sabado"],
  [7, "sunday|domingo"],
];

const namesOf = (list: typeof MONTHS): string[] => list.flatMap(([, names]) => names.split("|"));
const anyOf = (names: readonly string[]): string => names.toSorted((a, b) => b.length - a.length).join("|");

/** Portuguese abbreviations that are other words: they need "de", a year, or a day after "dia" or "em". */
export const WORDY_MONTH = "set|out|ago|mar|mai|dez";
/** All others. */
export const MONTH: string = anyOf(namesOf(MONTHS).filter((name) => !WORDY_MONTH.split("|").includes(name)));
/** Without a day or a year beside them. */
export const FULL_MONTH: string = namesOf(MONTHS)
  .filter((name) => name.length > 3 || name === "may")
  .join("|");
export const WEEKDAY: string = anyOf(namesOf(WEEKDAYS));
/** "na segunda opção" is the second one; these alone may be ordinals. */
export const ORDINAL_WEEKDAY = "segunda|terca|quarta|quinta|sexta";
/** Each of the others. */
export const CLEAR_WEEKDAY: string = anyOf(namesOf(WEEKDAYS).filter((name) => !ORDINAL_WEEKDAY.split("|").includes(name)));

const START = "(?<![\\p{L}\\p{N}])";
/** Where a word ends. */
export const END = "(?![\\p{L}\\p{N}])";

/** After "na segunda" where a weekday is meant: nothing more, or a word that no ordinal stands before. */
export const NO_NOUN: string = `(?=\\s*(?:[^\\p{L}\\p{N}\\s]|$)|\\s+(?:sobre|de|da|do|em|no|na|com|para|pra|pro|a|ao|as|ate|por|pelo|pela|entre|quando|antes|depois|eu|voce|tu|ele|ela|nos|que|(?:e|ou) (?:n[ao]|${WEEKDAY}))${END})`;

/** "in the morning", "à noite", after a day. */
export const DAY_PART: string = ` (?:in the |de |a |pela |da |na )?(?:morning|afternoon|evening|night|manha|tarde|noite)${END}`;

/** A year, month or week by its distance: `awayOf` tells it. */
export const YEAR_AWAY: string = `(?:of |in )?(?:(?:the )?(?:last|past|previous)|this) year|(?:of |in )?the year before last|${awayIn("o ano", "o")}`;
export const MONTH_AWAY: string = `(?:of |in )?(?:(?:the )?(?:last|past|previous)|this) month|(?:of |in )?the month before last|${awayIn("o mes", "o")}`;
export const WEEK_AWAY: string = `(?:of |in )?(?:(?:the )?(?:last|past|previous)|this) week|(?:of |in )?the week before last|${awayIn("a semana", "a")}`;

/** "do mês passado", "no mês retrasado", "deste mês" */
function awayIn(unit: string, ending: string): string {
  return `[dn]?${unit} (?:passad|anterior|retrasad)${ending}?|[dn]?es[st][ea] ${unit.slice(2)}`;
}

/** How many years, months or weeks back: 0 is this one. */
export function awayOf(words: string): number {
  if (/retrasad|before last/.test(words)) return -2;
  return /this|es[st][ea] /.test(words) ? 0 : -1;
}

/** Before a month that is abbreviated to another word. */
export const BEFORE_WORDY: string = `(?<=${START}(?:em|dia|desde|ate) )`;
/** Before an abbreviated "March". */
export const BEFORE_MAR: string = `(?<=${START}(?:on|since|until|till|by|before|after|from|to|and|between) (?:the )?)`;

const THE = "(?:the |os? |a |dia |o dia )?";
const JOINER = "(?:and|to|through|thru|until|till|e|ao?|ate|-)";
/** Before a day and a month in figures, "on 8/5": without a year they are as often a fraction, a score or "24/7". */
export const BEFORE_FIGURES: string = `(?:(?<=${START}(?:on|since|until|till|before|after|by|from|em|no|na|dia|desde|ate|apos|a partir de|(?:antes|depois) d[eo]) ${THE})|(?<=${START}(?:de|do|between|entre|over) ${THE})(?=[\\d/]+ ${JOINER} ${THE}\\d)|(?<=${START}(?:de|do|dia|from|between|entre|desde|over) ${THE}[^\\s.?!]{1,24}(?: [^\\s.?!]{1,12}){0,3} ${JOINER} ${THE}))`;

/**
 * "Marco" without its cedilla is a name and, with an article, a milestone; months take no article, and no English preposition: "do Marco",
 * "from Marco". "em marco", "3 de marco" and "no marco passado" are the month. On the text as it was written.
 */
export const NO_MONTH: RegExp =
  /(?<=(?<![\p{L}\p{N}])(?:[dn]?[oa]s?|ao|pelo|com|d?este|d?esse) )marco(?![\p{L}\p{N}]|,? passado|,? (?:de )?\d{4})|(?<=(?<![\p{L}\p{N}])(?:of|from|on|in|by|with|about|for|to|since|before|after|during) )marco(?![\p{L}\p{N}])/giu;
