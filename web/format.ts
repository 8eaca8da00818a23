/** Numbers and times as people of the visitor's language write them. */
import { locale, t } from "./settings.ts";

/** The visitor's own kind of the chosen language: en-GB writes 16:10, en-US 4:10 PM. */
const tag = (): string => {
  const usual = locale.value === "pt" ? "pt-BR" : "en";
  return navigator.languages.find((language) => language.toLowerCase().startsWith(locale.value)) ?? usual;
};
const NOTHING = "–";

export function count(value: number | null | undefined): string {
  if (value === null || value === undefined) return NOTHING;
  const compact = Math.abs(value) >= 100_000;
  return new Intl.NumberFormat(
    tag(),
    compact ? { notation: "compact", maximumFractionDigits: 1 } : { maximumFractionDigits: 1 },
  ).format(value);
}

export function share(value: number | null | undefined, digits = 1): string {
  if (value === null || value === undefined) return NOTHING;
  return new Intl.NumberFormat(tag(), { style: "percent", maximumFractionDigits: digits }).format(value);
}

export function decimal(value: number | null | undefined, digits = 2): string {
  if (value === null || value === undefined) return NOTHING;
  return new Intl.NumberFormat(tag(), { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

export function money(value: number | null | undefined, currency: string): string {
  if (value === null || value === undefined) return NOTHING;
  const digits = value !== 0 && Math.abs(value) < 1 ? 4 : 2;
  try {
    return new Intl.NumberFormat(tag(), {
      style: "currency",
      currency,
      currencyDisplay: "narrowSymbol",
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    }).format(value);
  } catch {
    return `${decimal(value, digits)} ${currency}`;
  }
}

export function bytes(value: number | null | undefined): string {
  if (value === null || value === undefined) return NOTHING;
  const units = ["B", "KB", "MB", "GB", "TB"];
  let scaled = value;
  let unit = 0;
  for (; scaled >= 1024 && unit < units.length - 1; unit++) scaled /= 1024;
  return `${new Intl.NumberFormat(tag(), { maximumFractionDigits: unit === 0 ? 0 : 1 }).format(scaled)} ${units[unit]}`;
}

/** A duration, in the unit that suits it. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return NOTHING;
  const number = (value: number, digits: number): string =>
    new Intl.NumberFormat(tag(), { maximumFractionDigits: digits }).format(value);
  if (ms < 0.1) return `${number(ms * 1_000, 1)} µs`;
  if (ms < 1_000) return `${number(ms, ms < 10 ? 2 : 0)} ms`;
  if (ms < 120_000) return `${number(ms / 1_000, 1)} s`;
  if (ms < 7_200_000) return `${number(ms / 60_000, 0)} min`;
  if (ms < 172_800_000) return `${number(ms / 3_600_000, 1)} h`;
  return `${number(ms / 86_400_000, 1)} d`;
}

export function clockTime(at: number): string {
  return new Intl.DateTimeFormat(tag(), { hour: "2-digit", minute: "2-digit", second: "2-digit" }).format(at);
}

export function dateTime(at: number | null | undefined): string {
  if (at === null || at === undefined) return t("never");
  return new Intl.DateTimeFormat(tag(), { dateStyle: "short", timeStyle: "medium" }).format(at);
}

/** The first characters of a key: enough to tell entries apart. */
export function shortKey(key: string): string {
  return key.slice(0, 12);
}
