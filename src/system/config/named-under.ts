import { StrataConfigError } from "../../core/errors.ts";

/**
 * Makes a part of a config. What the part refuses, it names as its own options; here the name becomes that of the config's key, from
 * the top.
 * @param names what else the part calls its options, and which keys of the section those are; `""` is the section itself
 */
export function namedUnder<T>(path: string, make: () => T, names: Readonly<Record<string, string>> = {}): T {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof StrataConfigError) || begins(error.option, path)) throw error;
    const own = Object.keys(names).find((name) => begins(error.option, name));
    const key = own === undefined ? `.${error.option}` : dotted(names[own] ?? "") + error.option.slice(own.length);
    throw error.renamed(path + key);
  }
}

function begins(option: string, name: string): boolean {
  return option.startsWith(name) && !/[a-z]/i.test(option.charAt(name.length));
}

function dotted(key: string): string {
  return key === "" ? "" : `.${key}`;
}
