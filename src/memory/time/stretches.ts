/**
 * What the words of a moment come to: a stretch of time in the user's zone. The groups are those that the rules of `moments.ts` name.
 */
import { awayOf, MONTHS, WEEKDAYS } from "./date-words.ts";
import { numberOf } from "./number-words.ts";
import {
  addDays,
  addMonths,
  dayOf,
  exists,
  instantOf,
  isBefore,
  monthsBefore,
  weekdayOf,
  type CalendarDay,
} from "./zoned-calendar.ts";
import type { TimeContext } from "./time-filter.ts";

/** Unix ms; `to` is exclusive. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
  readonly slack?: number | undefined;
  readonly beforeThisSitting?: boolean | undefined;
}

/** The parts of a match. */
export type Groups = Readonly<Record<string, string | undefined>>;

const DAY = 86_400_000;

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

export function daysAgo(count: number, words: Groups, context: TimeContext): Stretch {
  const stretch = partOf(addDays(today(context), -count), words, context);
  return (words["earlier"] ?? words["earlier2"]) === undefined ? stretch : { ...stretch, beforeThisSitting: true };
}

function monthNumber(name: string | undefined): number {
  return MONTHS.find(([, names]) => names.split("|").includes(name ?? ""))?.[0] ?? Number.NaN;
}

/** Where no year is given, the latest such day that has begun. */
export function theDay(day: number, month: number, year: string | undefined, context: TimeContext): Stretch | undefined {
  const now = today(context);
  const candidates = year === undefined ? [now.year, now.year - 1, now.year - 2, now.year - 3, now.year - 4] : [Number(year)];
  for (const candidate of candidates) {
    const date = { year: candidate, month, day };
    if (exists(date) && (year !== undefined || !isBefore(now, date))) return days(date, 1, context);
  }
  return undefined;
}

export function monthDay(words: Groups, context: TimeContext): Stretch | undefined {
  return theDay(numberOf(words["day"] ?? "") ?? Number.NaN, monthNumber(words["month"]), yearOf(words, context), context);
}

export function figures(words: Groups, context: TimeContext): Stretch | undefined {
  const [first, second] = [Number(words["day"]), Number(words["month"])];
  const year = yearOf(words, context);
  return theDay(first, second, year, context) ?? theDay(second, first, year, context);
}

/** "2023", "23" or "last year" as four figures. */
function yearOf({ year, yearAway }: Groups, context: TimeContext): string | undefined {
  if (year !== undefined) return year.length === 2 ? `20${year}` : year;
  return yearAway === undefined ? undefined : String(today(context).year + awayOf(yearAway));
}

export function monthStretch(words: Groups, context: TimeContext): Stretch | undefined {
  const month = monthNumber(words["month"]);
  const now = today(context);
  const year = Number(yearOf(words, context) ?? (month > now.month ? now.year - 1 : now.year));
  const first = { year, month, day: 1 };
  return { from: instantOf(first, context.zone), to: instantOf(addMonths(first, 1), context.zone) };
}

export function yearStretch(year: number, { zone }: TimeContext): Stretch {
  return { from: instantOf({ year, month: 1, day: 1 }, zone), to: instantOf({ year: year + 1, month: 1, day: 1 }, zone) };
}

export function dayOfMonth(words: Groups, context: TimeContext): Stretch | undefined {
  const day = numberOf(words["day"] ?? words["day2"] ?? "") ?? Number.NaN;
  const now = today(context);
  for (let back = 0; back < 12; back++) {
    const date = { ...addMonths(now, -back), day };
    if (exists(date) && !isBefore(now, date)) return days(date, 1, context);
  }
  return undefined;
}

export function dayOfMonthAway(words: Groups, context: TimeContext): Stretch | undefined {
  const day = numberOf(words["day"] ?? "") ?? Number.NaN;
  const date = { ...addMonths(today(context), awayOf(words["monthAway"] ?? "")), day };
  return exists(date) ? days(date, 1, context) : undefined;
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
export function ago(words: Groups, context: TimeContext): Stretch | undefined {
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
export function lately(words: Groups, context: TimeContext): Stretch | undefined {
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
      return { from: instantOf(monthsBefore(day, count), context.zone), to };
    case "year":
      return { from: instantOf(monthsBefore(day, 12 * count), context.zone), to };
    case "week":
    case "weekend":
      return { from: instantOf(addDays(day, -7 * count), context.zone), to };
  }
}

/** The week (from Monday), weekend, month or year so many away from this one. */
export function calendar(word: string | undefined, away: number, context: TimeContext): Stretch {
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
export function lastWeekday(words: Groups, context: TimeContext): Stretch | undefined {
  const wanted = weekdayNumber(words["weekday"]);
  if (wanted === undefined) return undefined;
  const day = today(context);
  const back = (weekdayOf(day) - wanted + 7) % 7 || 7;
  return partOf(addDays(day, -back), words, context);
}

export function weekdayAway(words: Groups, context: TimeContext): Stretch | undefined {
  const wanted = weekdayNumber(words["weekday"]);
  if (wanted === undefined) return undefined;
  const day = today(context);
  return partOf(addDays(day, wanted - weekdayOf(day) + 7 * awayOf(words["weekAway"] ?? "")), words, context);
}

function weekdayNumber(name = ""): number | undefined {
  return WEEKDAYS.find(([, names]) => names.split("|").includes(name))?.[0];
}
