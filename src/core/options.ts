import { systemClock, type Clock } from "./clock.ts";
import { className, StrataConfigError } from "./errors.ts";

/** A length of time: a number of milliseconds, or text with its unit: `"250ms"`, `"30s"`, `"15m"`, `"1h"`, `"7d"`. */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d"}`;

/** A number of bytes, or text with its unit, in powers of 1024: `"64kb"`, `"500mb"`, `"10gb"`. */
export type ByteSize = number | `${number}${"b" | "kb" | "mb" | "gb" | "tb"}`;

const MILLISECONDS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const BYTES: Record<string, number> = { b: 1, kb: 1024, mb: 1024 ** 2, gb: 1024 ** 3, tb: 1024 ** 4 };

const DURATION_FORM = 'a number of milliseconds above 0, or text such as "250ms", "30s", "15m", "1h", "7d"';
const SIZE_FORM = 'a number of bytes of at least 1, or text such as "64kb", "500mb", "10gb"';

/** @returns milliseconds @throws {@link StrataConfigError} when it is no duration above zero */
export function parseDuration(option: string, value: Duration): number {
  return parseQuantity(option, value, MILLISECONDS, DURATION_FORM);
}

/** @returns whole bytes @throws {@link StrataConfigError} when it is less than one byte */
export function parseByteSize(option: string, value: ByteSize): number {
  const bytes = Math.floor(parseQuantity(option, value, BYTES, SIZE_FORM));
  if (bytes === 0) throw new StrataConfigError(option, value, SIZE_FORM);
  return bytes;
}

/** @returns the count @throws {@link StrataConfigError} when it is no whole number of at least `least` */
export function parseCount(option: string, value: unknown, least = 1): number {
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < least) {
    throw new StrataConfigError(option, value, `a whole number of at least ${least}`);
  }
  return value;
}

/** @returns the number @throws {@link StrataConfigError} when it is outside `[from, to]` */
export function parseNumber(option: string, value: unknown, from: number, to: number): number {
  if (typeof value !== "number" || !(value >= from && value <= to)) {
    throw new StrataConfigError(option, value, `a number from ${from} to ${to}`);
  }
  return value;
}

/** @returns the choice @throws {@link StrataConfigError} naming all choices */
export function parseChoice<const T extends string>(option: string, value: unknown, choices: readonly T[]): T {
  const choice = choices.find((known) => known === value);
  if (choice === undefined) throw new StrataConfigError(option, value, choices.map((known) => `"${known}"`).join(", "));
  return choice;
}

/**
 * Refuses an option that is not in `known`: a misspelt option that does nothing is the worst kind. And what is no bag of options at
 * all: a path, a number of seconds or the cache itself in the place of `{ path }`, `{ ttl }` or `{ cache }`. No text is shown: it
 * may be a password, or a URL that holds one.
 */
export function refuseUnknown(owner: string, options: unknown, known: readonly string[]): void {
  const isObject = typeof options === "object" && options !== null && !Array.isArray(options);
  const unknown = isObject
    ? Object.entries(options).find(([name, value]) => value !== undefined && !known.includes(name))
    : undefined;
  if (isObject && unknown === undefined) return;
  if (unknown === undefined || !["Object", "no class"].includes(className(options as object))) {
    throw new StrataConfigError(owner, withoutText(options), `an object with options of these: ${known.join(", ")}`);
  }
  const [name, value] = unknown;
  throw new StrataConfigError(`${owner}.${name}`, withoutText(value), `one of the options ${known.join(", ")}`);
}

function withoutText(value: unknown): unknown {
  return typeof value === "string" ? "…" : value;
}

function parseQuantity(option: string, value: unknown, units: Record<string, number>, form: string): number {
  let amount = Number.NaN;
  if (typeof value === "number") amount = value;
  if (typeof value === "string") {
    const match = /^\s{0,8}(\d{1,15}(?:\.\d{1,6})?)\s?([a-z]{1,2})\s{0,8}$/i.exec(value);
    const unit = match?.[2] === undefined ? undefined : units[match[2].toLowerCase()];
    if (match !== null && unit !== undefined) amount = Number(match[1]) * unit;
  }
  if (!Number.isFinite(amount) || amount <= 0) throw new StrataConfigError(option, value, form);
  return amount;
}

/** @returns the function @throws {@link StrataConfigError} for anything else that is not `undefined` */
export function parseFunction<T>(option: string, value: T | undefined): T | undefined {
  if (value !== undefined && typeof value !== "function") throw new StrataConfigError(option, value, "a function");
  return value;
}

/** @throws {@link StrataConfigError} for anything but a clock */
export function parseClock(clock: Clock | undefined): Clock {
  if (clock === undefined) return systemClock;
  const { now, monotonic, setTimer } = (clock ?? {}) as Partial<Clock>;
  const isClock = [now, monotonic, setTimer].every((method) => typeof method === "function");
  if (!isClock) throw new StrataConfigError("clock", clock, "a clock, such as manualClock()");
  return clock;
}

/** @throws {@link StrataConfigError} for what is no object with these methods */
export function requireMethods(option: string, value: unknown, methods: readonly string[], accepted: string): void {
  const has = (name: string): boolean => typeof (value as Record<string, unknown>)[name] === "function";
  if (typeof value !== "object" || value === null || !methods.every(has)) throw new StrataConfigError(option, value, accepted);
}
