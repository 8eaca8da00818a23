/**
 * Days, weeks, months and parts of a day, in English and Portuguese: "yesterday morning", "3 de maio", "last Friday", "há duas
 * semanas". A moment names a stretch of the past; where the year is left out, the latest one that has begun is meant.
 *
 * A moment is tried at one position of a folded text (see `time-expression.ts`), by rules in order: the longer ways to say a thing
 * stand before the shorter ones.
 */
import { CARDINAL, numberOf, ORDINAL } from "./number-words.ts";
import { addDays, addMonths, dayOf, exists, instantOf, isBefore, weekdayOf, type CalendarDay } from "./zoned-calendar.ts";
import type { TimeContext } from "./time-filter.ts";

/** Unix ms; `to` is exclusive. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly slack?: number | undefined;
  readonly beforeThisSitting?: boolean | undefined;
}

interface Rule {
  readonly pattern: RegExp;
  readonly resolve: (words: Groups, context: TimeContext) => Stretch | undefined;
}

type Groups = Readonly<Record<string, string | undefined>>;

const MONTHS: readonly (readonly [number, string])[] = [
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
/** Abbreviations that are other words too ("ago", "set", "out", "mar", "may") need a day or a year beside them. */
const FULL_MONTHS = MONTHS.flatMap(([, names]) => names.split("|").filter((name) => name.length > 3 || name === "may")).join("|");
const ANY_MONTH = MONTHS.flatMap(([, names]) => names.split("|"))
  .toSorted((a, b) => b.length - a.length)
  .join("|");
const WEEKDAYS: readonly (readonly [number, string])[] = [
  [1, "monday|mon|segunda-feira|segunda feira|segunda"],
  [2, "tuesday|tue|tues|terca-feira|terca feira|terca"],
  [3, "wednesday|wed|quarta-feira|quarta feira|quarta"],
  [4, "thursday|thu|thurs|quinta-feira|quinta feira|quinta"],
  [5, "friday|fri|sexta-feira|sexta feira|sexta"],
  [6, "saturday|sabado"],
  [7, "sunday|domingo"],
];
const WEEKDAY = WEEKDAYS.flatMap(([, names]) => names.split("|"))
  .toSorted((a, b) => b.length - a.length)
  .join("|");

const YEAR = "(?:19|20)\\d\\d";
const UNIT_EN = "hours?|days?|weeks?|months?|years?";
const UNIT_PT = "horas?|dias?|semanas?|mes|meses|anos?";
const LAST_EN = "last|past|previous";
const END = "(?![\\p{L}\\p{N}])";

const DAY = 86_400_000;

const RULES: readonly Rule[] = [
  // 2023-05-08
  rule(`(?<year>${YEAR})-(?<month>\\d{1,2})-(?<day>\\d{1,2})${END}`, (w, c) =>
    theDay(Number(w["day"]), Number(w["month"]), w["year"], c),
  ),
  // 08/05/2023: day first, as all the world but the United States writes it; the other way round where only that can be
  rule(`(?<day>\\d{1,2})/(?<month>\\d{1,2})(?:/(?<year>${YEAR}|\\d\\d))?${END}`, (w, c) => {
    const [first, second] = [Number(w["day"]), Number(w["month"])];
    const year = w["year"]?.length === 2 ? `20${w["year"]}` : w["year"];
    return theDay(first, second, year, c) ?? theDay(second, first, year, c);
  }),
  // May 8th, 2023
  rule(`(?<month>${ANY_MONTH})\\.? (?:the )?(?<day>${ORDINAL}|\\d{1,2})(?:,? (?:of )?(?<year>${YEAR}))?${END}`, monthDay),
  // the 8th of May, 2023; 8 May; dia 8 de maio de 2023; 1º de maio
  rule(
    `(?:the |dia |o dia )?(?<day>${ORDINAL}|${CARDINAL})(?: of| de)? (?<month>${ANY_MONTH})(?:,? (?:de |of )?(?<year>${YEAR}))?${END}`,
    monthDay,
  ),
  // May 2023; maio de 2023; May last year
  rule(`(?<month>${ANY_MONTH}),? (?:of |de )?(?<year>${YEAR})${END}`, (w, c) => monthStretch(w, c)),
  rule(`(?<month>${FULL_MONTHS}) (?:of last year|last year|do ano passado)${END}`, (w, c) =>
    monthStretch({ ...w, year: String(today(c).year - 1) }, c),
  ),
  // today, this morning, ontem à noite
  rule(`(?:the )?day before yesterday${END}(?<part>${dayPart()})?|anteontem${END}(?<part2>${dayPart()})?`, (w, c) =>
    daysAgo(2, w, c),
  ),
  rule(`yesterday${END}(?<part>${dayPart()})?|ontem${END}(?<part2>${dayPart()})?|last (?<part3>night|evening)${END}`, (w, c) =>
    daysAgo(1, w, c),
  ),
  rule(
    `(?<earlier>earlier )?(?:this|in the|esta|essa|nesta|nessa) (?<part>morning|afternoon|evening|manha|tarde|noite)${END}|(?<part2>tonight)${END}`,
    (w, c) => daysAgo(0, w, c),
  ),
  rule(`(?<earlier>earlier |mais cedo )?(?:today|hoje)(?<earlier2> mais cedo)?${END}(?<part>${dayPart()})?`, (w, c) =>
    daysAgo(0, w, c),
  ),
  // three days ago; há três dias; três dias atrás; uma semana atrás; faz 2 meses
  rule(`(?<count>${CARDINAL}|an?|a couple of|a few) (?<unit>${UNIT_EN}) (?:ago|back|earlier)${END}`, ago),
  rule(`(?:ha|faz)(?: cerca de| uns| umas)? (?<count>${CARDINAL}|alguns|algumas) (?<unit>${UNIT_PT})(?: atras)?${END}`, ago),
  rule(`(?<count>${CARDINAL}|alguns|algumas) (?<unit>${UNIT_PT}) atras${END}`, ago),
  // the last three days; nos últimos 3 dias; over the past week; na última semana: back from now, not from Monday
  rule(`(?:the |these )?(?:${LAST_EN}) (?<count>${CARDINAL}|few|couple of) (?<unit>${UNIT_EN})${END}`, lately),
  rule(`(?:os |as )?(?:ultimos|ultimas|passados|passadas) (?<count>${CARDINAL}) (?<unit>${UNIT_PT})${END}`, lately),
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
  rule(`(?:${LAST_EN}|on|this|ultim[ao]|n[ao] ultim[ao]) (?<weekday>${WEEKDAY})${END}(?<part>${dayPart()})?`, lastWeekday),
  rule(`(?:n[ao] )?(?<weekday>${WEEKDAY}) passad[ao]${END}`, lastWeekday),
  rule(`(?:na|no|nesta|neste) (?<weekday>${WEEKDAY})${END}(?<part>${dayPart()})?(?! (?:vez|sessao|conversa|parte))`, lastWeekday),
  // in May; em maio; on the 5th; dia 5; in 2023
  rule(`(?<month>${FULL_MONTHS})${END}`, (w, c) => monthStretch(w, c)),
  rule(
    `(?:the (?<day>${ORDINAL})${END}|dia (?<day2>\\d{1,2}|${CARDINAL})${END})(?! (?:time|session|conversation|chat|discussion))`,
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

function dayPart(): string {
  return ` (?:in the |de |a |pela |da |na )?(?:morning|afternoon|evening|night|manha|tarde|noite)${END}`;
}

function today(context: TimeContext): CalendarDay {
  return dayOf(context.now, context.zone);
}

function days(first: CalendarDay, count: number, { zone }: TimeContext): Stretch {
  return { from: instantOf(first, zone), to: instantOf(addDays(first, count), zone) };
}

/** A day, or the part of it that is named: the night reaches into the next morning. */
function partOf(day: CalendarDay, words: Groups, context: TimeContext): Stretch {
  const part = words["part"] ?? words["part2"] ?? words["part3"] ?? "";
  const { zone } = context;
  const hours = (from: number, to: number): Stretch => ({ from: instantOf(day, zone, from), to: instantOf(day, zone, to) });
  if (/morning|manha/.test(part)) return hours(4, 12);
  if (/afternoon|tarde/.test(part)) return hours(12, 19);
  if (/evening|night|noite/.test(part)) return hours(18, 28);
  return days(day, 1, context);
}

function daysAgo(count: number, words: Groups, context: TimeContext): Stretch {
  const stretch = partOf(addDays(today(context), -count), words, context);
  return (words["earlier"] ?? words["earlier2"]) === undefined ? stretch : { ...stretch, beforeThisSitting: true };
}

function monthNumber(name: string | undefined): number {
  return MONTHS.find(([, names]) => names.split("|").includes(name ?? ""))?.[0] ?? Number.NaN;
}

/** Where no year is given, the latest such day that has begun. */
function theDay(day: number, month: number, year: string | undefined, context: TimeContext): Stretch | undefined {
  const now = today(context);
  const candidates = year === undefined ? [now.year, now.year - 1, now.year - 2, now.year - 3, now.year - 4] : [Number(year)];
  for (const candidate of candidates) {
    const date = { year: candidate, month, day };
    if (exists(date) && (year !== undefined || !isBefore(now, date))) return days(date, 1, context);
  }
  return undefined;
}

function monthDay(words: Groups, context: TimeContext): Stretch | undefined {
  return theDay(numberOf(words["day"] ?? "") ?? Number.NaN, monthNumber(words["month"]), words["year"], context);
}

function monthStretch(words: Groups, context: TimeContext): Stretch | undefined {
  const month = monthNumber(words["month"]);
  const now = today(context);
  const year = words["year"] === undefined ? (month > now.month ? now.year - 1 : now.year) : Number(words["year"]);
  const first = { year, month, day: 1 };
  return { from: instantOf(first, context.zone), to: instantOf(addMonths(first, 1), context.zone) };
}

function yearStretch(year: number, { zone }: TimeContext): Stretch {
  return { from: instantOf({ year, month: 1, day: 1 }, zone), to: instantOf({ year: year + 1, month: 1, day: 1 }, zone) };
}

function dayOfMonth(words: Groups, context: TimeContext): Stretch | undefined {
  const day = numberOf(words["day"] ?? words["day2"] ?? "") ?? Number.NaN;
  const now = today(context);
  for (let back = 0; back < 12; back++) {
    const date = { ...addMonths(now, -back), day };
    if (exists(date) && !isBefore(now, date)) return days(date, 1, context);
  }
  return undefined;
}

type Unit = "hour" | "day" | "week" | "month" | "year" | "weekend";

function unitOf(word = ""): Unit {
  if (word.startsWith("h")) return "hour";
  if (word.startsWith("d")) return "day";
  if (/weekend|fim|final/.test(word)) return "weekend";
  if (/^w|^s/.test(word)) return "week";
  return word.startsWith("m") ? "month" : "year";
}

function countOf(word = "1"): number | undefined {
  if (/^an?$/.test(word)) return 1;
  if (/couple/.test(word)) return 2;
  if (/few|alguns|algumas/.test(word)) return 3;
  return numberOf(word);
}

/** The unit so far back as a whole: two months ago is a calendar month, two weeks ago the seven days around that day. */
function ago(words: Groups, context: TimeContext): Stretch | undefined {
  const count = countOf(words["count"]);
  if (count === undefined) return undefined;
  const day = today(context);
  switch (unitOf(words["unit"])) {
    case "hour": {
      const center = context.now - count * 3_600_000;
      return { from: center - 1_800_000, to: center + 1_800_000 };
    }
    case "day":
      return { ...days(addDays(day, -count), 1, context), slack: DAY };
    case "month":
      return calendar("month", -count, context);
    case "year":
      return calendar("year", -count, context);
    case "week":
    case "weekend":
      return days(addDays(day, -count * 7 - 3), 7, context);
  }
}

/** From so long ago until now, from the beginning of that day. */
function lately(words: Groups, context: TimeContext): Stretch | undefined {
  const count = countOf(words["count"]);
  if (count === undefined) return undefined;
  const day = today(context);
  const to = context.now + 1;
  switch (unitOf(words["unit"])) {
    case "hour":
      return { from: context.now - count * 3_600_000, to };
    case "day":
      return { from: instantOf(addDays(day, -count), context.zone), to };
    case "month":
      return { from: instantOf({ ...day, month: day.month - count }, context.zone), to };
    case "year":
      return { from: instantOf({ ...day, year: day.year - count }, context.zone), to };
    case "week":
    case "weekend":
      return { from: instantOf(addDays(day, -7 * count), context.zone), to };
  }
}

/** The week (from Monday), weekend, month or year so many away from this one. */
function calendar(word: string | undefined, away: number, context: TimeContext): Stretch {
  const day = today(context);
  const monday = addDays(day, 1 - weekdayOf(day));
  switch (unitOf(word)) {
    case "month": {
      const first = addMonths(day, away);
      return { from: instantOf(first, context.zone), to: instantOf(addMonths(first, 1), context.zone) };
    }
    case "year":
      return yearStretch(day.year + away, context);
    case "weekend":
      // On a Sunday, last weekend is still the one before.
      return days(addDays(monday, 5 + 7 * away), 2, context);
    case "hour":
    case "day":
    case "week":
      return days(addDays(monday, 7 * away), 7, context);
  }
}

/** The latest such day before today. */
function lastWeekday(words: Groups, context: TimeContext): Stretch | undefined {
  const wanted = WEEKDAYS.find(([, names]) => names.split("|").includes(words["weekday"] ?? ""))?.[0];
  if (wanted === undefined) return undefined;
  const day = today(context);
  const back = (weekdayOf(day) - wanted + 7) % 7 || 7;
  return partOf(addDays(day, -back), words, context);
}
