/**
 * Days, weeks, months and parts of a day, in English and Portuguese: "yesterday morning", "3 de maio", "last Friday", "há duas
 * semanas". A moment names a stretch of the past; where the year is left out, the latest one that has begun is meant.
 *
 * A moment is tried at one position of a folded text (see `time-expression.ts`), by rules in order: the longer ways to say a thing
 * stand before the shorter ones.
 */
import {
  BEFORE_FIGURES,
  BEFORE_MAR,
  BEFORE_WORDY,
  CLEAR_WEEKDAY,
  DAY_PART,
  END,
  FULL_MONTH,
  MONTH,
  MONTH_AWAY,
  NO_NOUN,
  ORDINAL_WEEKDAY,
  WEEK_AWAY,
  WEEKDAY,
  WORDY_MONTH,
  YEAR_AWAY,
} from "./date-words.ts";
import { CARDINAL, ORDINAL } from "./number-words.ts";
import {
  ago,
  calendar,
  dayOfMonth,
  dayOfMonthAway,
  daysAgo,
  figures,
  lastWeekday,
  lately,
  monthDay,
  monthStretch,
  theDay,
  weekdayAway,
  yearStretch,
  type Groups,
  type Stretch,
} from "./stretches.ts";
import type { TimeContext } from "./time-filter.ts";

interface Rule {
  readonly pattern: RegExp;
  readonly resolve: (words: Groups, context: TimeContext) => Stretch | undefined;
}

const YEAR = "(?:19|20)\\d\\d";
const UNIT_EN = "hours?|days?|weeks?|months?|years?";
const UNIT_PT = "horas?|dias?|semanas?|mes|meses|anos?";
const LAST_EN = "last|past|previous";
/** "2023", "of 2023", "last year", "do ano passado" after a day and a month. */
const OF_YEAR = `(?:,? (?:de |of )?(?<year>${YEAR})|,? (?<yearAway>${YEAR_AWAY}))?${END}`;

const RULES: readonly Rule[] = [
  // 2023-05-08
  rule(`(?<year>${YEAR})-(?<month>\\d{1,2})-(?<day>\\d{1,2})${END}`, (w, c) =>
    theDay(Number(w["day"]), Number(w["month"]), w["year"], c),
  ),
  // 08/05/2023: day first, as all the world but the United States writes it; the other way round where only that can be
  rule(`(?<day>\\d{1,2})/(?<month>\\d{1,2})/(?<year>${YEAR}|\\d\\d)${END}`, figures),
  rule(
    `(?=dia |\\d)(?!(?:dia )?24/7${END})(?:dia |${BEFORE_FIGURES})(?<day>\\d{1,2})/(?<month>\\d{1,2})(?!/|[\\p{L}\\p{N}]| (?:of (?!last|the)|dos |das ))(?:,? (?<yearAway>${YEAR_AWAY}))?${END}`,
    figures,
  ),
  // May 8th, 2023; May 8th last year
  rule(`(?<month>${MONTH}|${BEFORE_MAR}mar)\\.? (?:the )?(?<day>${ORDINAL}|\\d{1,2})${OF_YEAR}`, monthDay),
  rule(`(?<month>${WORDY_MONTH})\\.? (?<day>${ORDINAL}|\\d{1,2}),? (?:de )?(?<year>${YEAR})${END}`, monthDay),
  // the 8th of May, 2023; 8 May; dia 8 de maio de 2023; 1º de maio; 8 de maio do ano passado
  rule(`(?:the |dia |o dia )?(?<day>${ORDINAL}|${CARDINAL})(?: of| de)? (?<month>${MONTH})${OF_YEAR}`, monthDay),
  // 3 de set; 3 set 2024; dia 3 set; on 3 Mar
  rule(`(?:the |dia |o dia )?(?<day>${ORDINAL}|${CARDINAL}) de (?<month>${WORDY_MONTH})${OF_YEAR}`, monthDay),
  rule(`(?:dia )?(?<day>\\d{1,2}) (?<month>${WORDY_MONTH})\\.?,? (?:de )?(?<year>${YEAR})${END}`, monthDay),
  rule(`(?:dia |${BEFORE_WORDY})(?<day>\\d{1,2}) (?<month>${WORDY_MONTH})(?! of )${END}`, monthDay),
  rule(`${BEFORE_MAR}(?:the )?(?<day>${ORDINAL}|\\d{1,2})(?: of)? (?<month>mar)${END}`, monthDay),
  // May 2023; maio de 2023; May last year
  rule(`(?<month>${MONTH}),? (?:of |de )?(?<year>${YEAR})${END}`, monthStretch),
  rule(
    `(?<month>${WORDY_MONTH})\\.? de (?<year>${YEAR})${END}|${BEFORE_WORDY}(?<month2>${WORDY_MONTH}) (?<year2>${YEAR})${END}`,
    (w, c) => monthStretch({ month: w["month"] ?? w["month2"], year: w["year"] ?? w["year2"] }, c),
  ),
  rule(`(?<month>${FULL_MONTH}) (?<yearAway>${YEAR_AWAY})${END}`, monthStretch),
  // the 5th of last month; dia 5 do mês passado
  rule(`(?:the |(?:o )?dia )?(?<day>${ORDINAL}),? (?<monthAway>${MONTH_AWAY})${END}`, dayOfMonthAway),
  rule(`(?:o )?dia (?<day>${CARDINAL}),? (?<monthAway>${MONTH_AWAY})${END}`, dayOfMonthAway),
  // Tuesday of last week; terça da semana retrasada; last week on Tuesday
  rule(
    `(?:on |n[ao] )?(?<weekday>${WEEKDAY})${END}(?<part>${DAY_PART})?,? (?<weekAway>${WEEK_AWAY})${END}(?<part2>${DAY_PART})?`,
    weekdayAway,
  ),
  rule(
    `(?<weekAway>${WEEK_AWAY}|semana (?:passada|anterior|retrasada)),? (?:on|n[ao]) (?<weekday>${WEEKDAY})${END}(?<part>${DAY_PART})?`,
    weekdayAway,
  ),
  // today, this morning, ontem à noite
  rule(
    `(?:the )?day before yesterday${END}(?<part>${DAY_PART})?|(?:anteontem|antes de ontem)${END}(?<part2>${DAY_PART})?|(?<part3>manha|tarde|noite) de anteontem${END}`,
    (w, c) => daysAgo(2, w, c),
  ),
  rule(`(?<part>noite) passada${END}|(?<part2>manha|tarde|noite) de ontem${END}`, (w, c) => daysAgo(1, w, c)),
  rule(`yesterday${END}(?<part>${DAY_PART})?|ontem${END}(?<part2>${DAY_PART})?|last (?<part3>night|evening)${END}`, (w, c) =>
    daysAgo(1, w, c),
  ),
  rule(
    `(?<earlier>earlier )?(?:this|in the|esta|essa|nesta|nessa) (?<part>morning|afternoon|evening|manha|tarde|noite)${END}|(?<part2>tonight)${END}`,
    (w, c) => daysAgo(0, w, c),
  ),
  rule(`(?<earlier>earlier |mais cedo )?(?:today|hoje)(?<earlier2> mais cedo)?${END}(?<part>${DAY_PART})?`, (w, c) =>
    daysAgo(0, w, c),
  ),
  // three days ago; há três dias; três dias atrás; uma semana atrás; faz 2 meses
  rule(`(?<count>${CARDINAL}|an?|a couple of|a few) (?<unit>${UNIT_EN}) (?:ago|back|earlier)${END}`, ago),
  rule(`(?:ha|faz)(?: cerca de| uns| umas)? (?<count>${CARDINAL}|alguns|algumas) (?<unit>${UNIT_PT})(?: atras)?${END}`, ago),
  rule(`(?<count>${CARDINAL}|alguns|algumas) (?<unit>${UNIT_PT}) atras${END}`, ago),
  // the last three days; nos últimos 3 dias; over the past week; na última semana: back from now, not from Monday
  rule(`(?:the |these )?(?:${LAST_EN}) (?<count>${CARDINAL}|few|couple of) (?<unit>${UNIT_EN})${END}`, lately),
  rule(`(?:os |as )?(?:ultimos|ultimas|passados|passadas) (?<count>${CARDINAL}) (?<unit>${UNIT_PT})${END}`, lately),
  rule(`(?:os |as )?(?:ultimos|ultimas) (?<count>poucos |poucas )?(?<unit>dias|semanas|meses|anos|horas)${END}`, (w, c) =>
    lately({ ...w, count: "few" }, c),
  ),
  rule(
    `(?:(?:over|during|within|for|in) (?:the |this )(?:${LAST_EN})|the past|this (?:last|past|previous)) (?<unit>hour|day|week|month|year)${END}`,
    lately,
  ),
  rule(`(?:n?a ultima|n?o ultimo) (?<unit>hora|semana|mes|ano)${END}`, lately),
  // last week; na semana passada; mês passado; this month
  rule(`(?:the )?(?:${LAST_EN}) (?<unit>week|month|year|weekend)${END}`, (w, c) => calendar(w["unit"], -1, c)),
  rule(`(?<unit>semana|mes|ano|fim de semana|final de semana) (?:passad[ao]|anterior)${END}`, (w, c) =>
    calendar(w["unit"], -1, c),
  ),
  rule(`(?<unit>semana|mes|ano|fim de semana|final de semana) retrasad[ao]${END}`, (w, c) => calendar(w["unit"], -2, c)),
  rule(`(?:the )?(?<unit>week|month|year|weekend) before last${END}`, (w, c) => calendar(w["unit"], -2, c)),
  rule(`(?:this|esta|essa|nesta|nessa|este|esse|neste|nesse) (?<unit>week|month|year|weekend|semana|mes|ano)${END}`, (w, c) =>
    calendar(w["unit"], 0, c),
  ),
  // last Friday; on Friday; sexta passada; na sexta; no último domingo
  rule(`(?:${LAST_EN}|on|this|ultim[ao]|n[ao] ultim[ao]) (?<weekday>${WEEKDAY})${END}(?<part>${DAY_PART})?`, lastWeekday),
  rule(`(?:n[ao] )?(?<weekday>${WEEKDAY}) passad[ao]${END}`, lastWeekday),
  rule(`(?:na|no|nesta|neste) (?<weekday>${CLEAR_WEEKDAY})${END}(?<part>${DAY_PART})?`, lastWeekday),
  rule(`(?:na|nesta) (?<weekday>${ORDINAL_WEEKDAY})(?:(?<part>${DAY_PART})|${NO_NOUN})`, lastWeekday),
  // in May; em maio; on the 5th; dia 5; in 2023
  rule(`(?<month>${FULL_MONTH})${END}`, monthStretch),
  rule(
    `(?:the (?<day>${ORDINAL})${END}|dia (?<day2>\\d{1,2}|${CARDINAL})${END})(?!/\\d| (?:time|session|conversation|chat|discussion)|,? (?:${MONTH_AWAY})${END})`,
    dayOfMonth,
  ),
  rule(`(?<year>${YEAR})${END}`, (w, c) => yearStretch(Number(w["year"]), c)),
];

/** What a moment needs before it when nothing else says that a time is meant: "may" and "2023" alone are no times. */
export const BARE: RegExp =
  /^(?:(?:january|february|march|april|may|june|july|august|september|october|november|december|janeiro|fevereiro|marco|abril|maio|junho|julho|agosto|setembro|outubro|novembro|dezembro)|\d{4})$/;

/** The moment that begins at `at`, and where it ends; `undefined` when there is none. */
export function momentAt(text: string, at: number, context: TimeContext): (Stretch & { readonly end: number }) | undefined {
  for (const { pattern, resolve } of RULES) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    const stretch = match && resolve(match.groups ?? {}, context);
    if (match && stretch) return { ...stretch, end: at + match[0].length };
  }
  return undefined;
}

function rule(source: string, resolve: Rule["resolve"]): Rule {
  return { pattern: new RegExp(source, "yu"), resolve };
}
