/** Reads the patterns of `queries.*.txt` and makes queries of them. */
import { readFileSync } from "node:fs";
import { STRATEGIES, type Strategy } from "../../src/memory/strategy.ts";

export interface Pattern {
  readonly language: "en" | "pt";
  readonly strategy: Strategy;
  readonly queries: readonly string[];
}

export function patterns(language: Pattern["language"]): Pattern[] {
  const lines = readFileSync(new URL(`queries.${language}.txt`, import.meta.url), "utf8").split("\n");
  let strategy: Strategy | undefined;
  return lines.flatMap((line) => {
    const section = /^\[(\w+)\]$/.exec(line)?.[1];
    if (section !== undefined) strategy = STRATEGIES.find((name) => name === section);
    if (line === "" || line.startsWith("#") || section !== undefined) return [];
    if (strategy === undefined) throw new Error(`A query before any section, or in an unknown one: ${line}`);
    return [{ language, strategy, queries: expand(line) }];
  });
}

/** Every choice of `{a|b}`. */
function expand(pattern: string): string[] {
  const choice = /\{([^}]*)\}/.exec(pattern);
  if (choice === null) return [pattern];
  const before = pattern.slice(0, choice.index);
  const rest = expand(pattern.slice(choice.index + choice[0].length));
  return (choice[1] ?? "").split("|").flatMap((option) => rest.map((tail) => before + option + tail));
}

/** The query as people type it in a hurry: without accents, without capitals, with a slip of the finger. */
export function typed(query: string, random: () => number): string[] {
  const plain = query.normalize("NFD").replace(/\p{M}+/gu, "");
  const lower = query.toLowerCase().replace(/[?!.]+$/, "");
  return [query, plain, lower, slip(lower, random), slip(plain, random)];
}

/** One letter of a longer word left out, doubled, or changed with its neighbour. */
export function slip(text: string, random: () => number): string {
  const words = text.split(" ");
  const long = words.map((word, at) => (word.length > 4 ? at : -1)).filter((at) => at >= 0);
  const which = long[Math.floor(random() * long.length)];
  if (which === undefined) return text;
  const word = words[which] ?? "";
  const at = 1 + Math.floor(random() * (word.length - 2));
  const kind = Math.floor(random() * 3);
  const changed =
    kind === 0
      ? word.slice(0, at) + word.slice(at + 1)
      : kind === 1
        ? word.slice(0, at) + word.charAt(at) + word.slice(at)
        : word.slice(0, at) + word.charAt(at + 1) + word.charAt(at) + word.slice(at + 2);
  return words.with(which, changed).join(" ");
}
