/** Reads one section of a config: every key of it is known, and every message names its path from the top, as in `cache.disk.maxBytes`. */
import { StrataConfigError, className } from "../../core/errors.ts";
import { parseByteSize, parseCount, parseDuration, type ByteSize, type Duration } from "../../core/options.ts";

export type Section = Readonly<Record<string, unknown>>;

/**
 * @param path of the section; `""` = the config itself
 * @throws {@link StrataConfigError} for what is no section, and for a key that is not known: the accepted ones, and the nearest
 */
export function openSection(path: string, value: unknown, known: readonly string[]): Section {
  const name = path === "" ? "config" : path;
  const isPlain = typeof value === "object" && value !== null && ["Object", "no class"].includes(className(value));
  if (!isPlain) throw new StrataConfigError(name, hidden(value), `a section with these keys: ${known.join(", ")}`);
  for (const [key, given] of Object.entries(value)) {
    if (given === undefined || known.includes(key)) continue;
    const near = nearest(key, known);
    const meant = near === undefined ? "" : ` (did you mean \`${near}\`?)`;
    throw new StrataConfigError(at(path, key), hidden(given), `one of the keys ${known.join(", ")}${meant}`);
  }
  return value as Section;
}

/** A section that need not be there. */
export function section(path: string, value: unknown, known: readonly string[]): Section | undefined {
  return value === undefined ? undefined : openSection(path, value, known);
}

/** A section that may also be switched on or off. */
export function switched(path: string, value: unknown, known: readonly string[]): Section | undefined {
  if (value === undefined || typeof value === "boolean") return undefined;
  if (typeof value !== "object")
    throw new StrataConfigError(path, hidden(value), `true, false, or a section with these keys: ${known.join(", ")}`);
  return openSection(path, value, known);
}

/** A URL is never shown: it may hold a password. */
export function checkUrl(path: string, url: string | undefined): void {
  if (url !== undefined && !(/^https?:\/\//.test(url) && URL.canParse(url))) {
    throw new StrataConfigError(path, hidden(url), "a URL that begins with http:// or https://");
  }
}

/** The path of a key in a section. */
export function at(path: string, key: string): string {
  return path === "" ? key : `${path}.${key}`;
}

export function readDuration(path: string, section: Section, key: string): Duration | undefined {
  const value = section[key] as Duration | undefined | null;
  return value === undefined ? undefined : parseDuration(at(path, key), value as Duration);
}

export function readSize(path: string, section: Section, key: string): ByteSize | undefined {
  const value = section[key] as ByteSize | undefined;
  return value === undefined ? undefined : parseByteSize(at(path, key), value);
}

export function readCount(path: string, section: Section, key: string, least = 1): number | undefined {
  const value = section[key];
  return value === undefined ? undefined : parseCount(at(path, key), value, least);
}

export function readText(path: string, section: Section, key: string): string | undefined {
  const value = section[key];
  if (value === undefined) return undefined;
  if (typeof value !== "string" || value === "")
    throw new StrataConfigError(at(path, key), hidden(value), "a text that is not empty");
  return value;
}

export function readBoolean(path: string, section: Section, key: string): boolean | undefined {
  const value = section[key];
  if (value !== undefined && typeof value !== "boolean")
    throw new StrataConfigError(at(path, key), hidden(value), "true or false");
  return value;
}

/** No text is shown of what stands in a wrong place: it may be a password, or a URL that holds one. */
export function hidden(value: unknown): unknown {
  return typeof value === "string" ? "…" : value;
}

/** The known word that a misspelt one most likely stands for; `undefined` when none is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const scored = known.map((name) => ({ name, distance: editDistance(word.toLowerCase(), name.toLowerCase()) }));
  const [best] = scored.toSorted((a, b) => a.distance - b.distance);
  return best !== undefined && best.distance <= Math.max(2, Math.floor(word.length / 3)) ? best.name : undefined;
}

/** Levenshtein's distance, row by row (Wagner and Fischer, 1974). */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const changed = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(changed, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
