/**
 * Calendar days in the user's time zone: "yesterday" is another day in São Paulo than in Lisbon. `Intl` knows the zones; this
 * turns its one direction (instant to wall clock) into both.
 */

/** A day of the calendar; `month` is 1 to 12. Days and months beyond their range carry over, as in `Date.UTC`. */
export interface CalendarDay {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

const HOUR = 3_600_000;
/** Of a `Date`, ms before and after 1970. */
const END_OF_TIME = 8.64e15;
const formats = new Map<string, Intl.DateTimeFormat>();

/** Whether `Intl` knows the zone: `"America/Sao_Paulo"`, `"UTC"`, `"+02:00"`. */
export function isTimeZone(zone: string): boolean {
  try {
    formatOf(zone);
    return true;
  } catch {
    return false;
  }
}

export function dayOf(instant: number, zone: string): CalendarDay {
  const { year, month, day } = wallClock(instant, zone);
  return { year, month, day };
}

/** 1 = Monday to 7 = Sunday. */
export function weekdayOf(day: CalendarDay): number {
  return new Date(utc(day)).getUTCDay() || 7;
}

export function addDays(day: CalendarDay, days: number): CalendarDay {
  return calendarDay(utc({ ...day, day: day.day + days }));
}

/** The first of the month so many months away. */
export function addMonths(day: CalendarDay, months: number): CalendarDay {
  return calendarDay(utc({ year: day.year, month: day.month + months, day: 1 }));
}

/** The same day of the month so many months before, or that month's last day: a month before 31 March is 28 February. */
export function monthsBefore({ day, ...rest }: CalendarDay, months: number): CalendarDay {
  const first = addMonths({ ...rest, day }, -months);
  const last = addDays(addMonths(first, 1), -1);
  return { ...first, day: Math.min(day, last.day) };
}

export function isBefore(a: CalendarDay, b: CalendarDay): boolean {
  return utc(a) < utc(b);
}

/** Whether the calendar has it: there is no 31 April. */
export function exists(day: CalendarDay): boolean {
  const same = calendarDay(utc(day));
  return same.year === day.year && same.month === day.month && same.day === day.day;
}

/**
 * The first instant at which the day has reached an hour on the wall clock, Unix ms. Where clocks are set forward over it, the first
 * one after the gap: there is no midnight on 4 November 2018 in São Paulo.
 */
export function instantOf(day: CalendarDay, zone: string, hour = 0): number {
  const wanted = utc(day) + hour * HOUR;
  // No offset is beyond a day: these are the ones before and after a change of clocks that is near.
  const [before, after] = [offsetAt(wanted - 24 * HOUR, zone), offsetAt(wanted + 24 * HOUR, zone)];
  const possible = [wanted - before, wanted - after].filter((instant) => instant + offsetAt(instant, zone) === wanted);
  if (possible.length > 0) return Math.min(...possible);
  let [low, high] = [wanted - after, wanted - before];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (middle + offsetAt(middle, zone) < wanted) low = middle;
    else high = middle;
  }
  return high;
}

function offsetAt(at: number, zone: string): number {
  const instant = Math.min(Math.max(at, -END_OF_TIME), END_OF_TIME);
  const { year, month, day, hour, minute, second } = wallClock(instant, zone);
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(instant / 1_000) * 1_000;
}

function utc(day: CalendarDay): number {
  return new Date(0).setUTCFullYear(day.year, day.month - 1, day.day);
}

function calendarDay(instant: number): CalendarDay {
  const date = new Date(instant);
  return { year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() };
}

function wallClock(instant: number, zone: string): CalendarDay & { hour: number; minute: number; second: number } {
  const parts: Record<string, number> = {};
  for (const { type, value } of formatOf(zone).formatToParts(instant)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return { year, month, day, hour, minute, second };
}

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    formats.set(zone, format);
  }
  return format;
}
