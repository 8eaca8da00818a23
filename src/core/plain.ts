/**
 * Plain JSON data: what may be stored. Stored data is never code: no class is ever built by the name that stored bytes hold,
 * and a value that JSON would change on the way is refused before it is written.
 */
import { className, StrataError } from "./errors.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Deeper values are refused: recursion, here and in the reader, must not overflow the stack. */
const MAX_DEPTH = 128;

/** Whether a value that came from JSON is an object: no array, no `null`. */
export function isJsonObject(value: Json | undefined): value is { readonly [key: string]: Json };
export function isJsonObject(value: unknown): value is { readonly [key: string]: unknown };
export function isJsonObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * Copies a value that JSON gives back equal. Properties that are `undefined` are left out, as JSON leaves them out.
 * @throws {@link StrataError} `UNSTORABLE`, naming the place, for anything else: functions, symbols, class instances, dates,
 * bytes, big integers, NaN, infinities, minus zero, holes in arrays, cycles, own `__proto__` keys, nesting beyond 128
 */
export function toPlain(value: unknown, path = "value"): Json {
  return copy(value, path, 0);
}

/** Copies plain data, so that no two owners share an object. Own `__proto__` keys are left out. */
export function clonePlain<T extends Json>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(clonePlain) as unknown as T;
  const source = value as { readonly [key: string]: Json };
  const result: Record<string, Json> = {};
  for (const key of Object.keys(source)) {
    // `toPlain` lets none through, but bytes that somebody else wrote may hold one; to assign it would set the prototype.
    if (key !== "__proto__") result[key] = clonePlain(source[key] as Json);
  }
  return result as unknown as T;
}

/**
 * Whether plain data has more than so many bytes as JSON for certain: found by adding up the lengths of its texts, each character of
 * which is a byte or more, so that nothing has to be written out to be refused.
 */
export function isSurelyLarger(value: unknown, bytes: number): boolean {
  return remaining(value, bytes) < 0;
}

function remaining(value: unknown, bytes: number): number {
  if (typeof value === "string") return bytes - value.length;
  if (typeof value !== "object" || value === null) return bytes - 1;
  let left = bytes;
  for (const item of Object.values(value)) {
    left = remaining(item, left);
    if (left < 0) break;
  }
  return left;
}

function copy(value: unknown, path: string, depth: number): Json {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return value;
  if (typeof value === "number") {
    if (!Number.isFinite(value) || Object.is(value, -0))
      throw unstorable(path, `the number ${Object.is(value, -0) ? "-0" : value}`);
    return value;
  }
  if (typeof value !== "object") throw unstorable(path, `of type ${typeof value}`);
  if (depth >= MAX_DEPTH) throw unstorable(path, `nested deeper than ${MAX_DEPTH}`);
  if (Array.isArray(value)) {
    return Array.from(value, (item, index) => copy(item, `${path}[${index}]`, depth + 1));
  }
  if (!isPlainObject(value)) throw unstorable(path, `an instance of ${className(value)}`);
  const result: Record<string, Json> = {};
  for (const [key, item] of Object.entries(value)) {
    if (item === undefined) continue;
    if (key === "__proto__") throw unstorable(path, "an object with an own key `__proto__`");
    result[key] = copy(item, `${path}.${key}`, depth + 1);
  }
  return result;
}

/** Whether it is no more than its keys. `Object` of another realm counts: under Jest, what Node itself parsed is from one. */
function isPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || prototype === Object.prototype || Object.getPrototypeOf(prototype) === null;
}

function unstorable(path: string, what: string): StrataError {
  return new StrataError("UNSTORABLE", `\`${path}\` is ${what}, which cannot be stored and given back equal.`);
}
