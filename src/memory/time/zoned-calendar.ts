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

export function isBefore(a: CalendarDay, b: CalendarDay): boolean {
  return utc(a) < utc(b);
}

/** Whether the calendar has it: there is no 31 April. */
export function exists(day: CalendarDay): boolean {
  const same = calendarDay(utc(day));
  return same.year === day.year && same.month === day.month && same.day === day.day;
}

/**
 * The instant at which the day has reached an hour on the wall clock, Unix ms. Where clocks are set forward over it, the first
 * instant after the gap.
 */
export function instantOf(day: CalendarDay, zone: string, hour = 0): number {
  const wanted = utc(day) + hour * 3_600_000;
  // Two rounds: the offset at the first guess may not be the one at the result, on days when clocks change.
  let instant = wanted - offsetAt(wanted, zone);
  instant = wanted - offsetAt(instant, zone);
  return instant;
}

function offsetAt(instant: number, zone: string): number {
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
