/**
 * What a question says, in a form that can be compared: folded words, numbers with their units, dates, quoted and literal text,
 * negations. Reading one takes some ten microseconds; whoever compares often keeps what was read (see `phraseReader`).
 */
import { LRUCache } from "lru-cache";
import { marksOf, type Mark } from "./marks.ts";
import { isFunctionWord, languageOf, type Language } from "./words/function-words.ts";
import { DATES, PERHAPS_DATES, UNITS } from "./words/measures.ts";
import { spokenNumber } from "./words/numbers.ts";
import { AVERTERS, isPolar, NEGATORS } from "./words/opposites.ts";

export interface Word {
  /** Without accents and capitals. */
  readonly text: string;
  /** Starts with a capital letter that its place in the sentence does not explain. */
  readonly name: boolean;
  /** Carries grammar only. */
  readonly empty: boolean;
}

export interface Quantity {
  /** Digits, as a decimal with a point. */
  readonly value: string;
  readonly unit: string | undefined;
  /** May be an article: `um`, `a`, `one`. */
  readonly optional: boolean;
}

export interface Phrase {
  readonly folded: string;
  /** What a very long question says beyond the part that is read, as it is. */
  readonly rest: string;
  readonly words: readonly Word[];
  /** Distinct words that carry matter, in order. */
  readonly content: readonly string[];
  readonly quantities: readonly Quantity[];
  /** Units named without a number: "in celsius". */
  readonly units: ReadonlySet<string>;
  readonly dates: ReadonlySet<string>;
  /** What stands between quotation marks, folded. */
  readonly quotes: readonly string[];
  /** URLs, addresses, paths, identifiers of code: text that means what it spells. */
  readonly literals: ReadonlySet<string>;
  /** Single letters that are names: vitamin C, plan B. */
  readonly letters: ReadonlySet<string>;
  /** Signs, operators and emoji, in order. */
  readonly marks: readonly Mark[];
  readonly negations: number;
  /** Words "no" in a text whose language is not told: "not any" in English and Spanish, "in the" in Portuguese. */
  readonly perhapsNegations: number;
  readonly averters: number;
  /** What is asked for: "who", "whom", "when", "where", "why", "amount"; `undefined` where the question word leaves it open. */
  readonly asks: string | undefined;
  /** Where it is clear. */
  readonly language: Language | undefined;
  /** What it seems to be. */
  readonly leaning: Language | undefined;
}

/** Lower case, without the accents of Latin letters; typographic quotes and dashes as ASCII. Elsewhere marks are vowels: Hindi है, हैं. */
export function fold(text: string): string {
  if (ASCII_WORD.test(text)) return text.toLowerCase();
  return text
    .normalize("NFKD")
    .replace(/(?<=\p{Script=Latin})\p{Mn}+/gu, "")
    .replace(/[‘’´`]/g, "'")
    .replace(/[“”„«»]/g, '"')
    .replace(/[–—−]/g, "-")
    .toLowerCase();
}

/** Nothing but case to fold, as in most words. */
const ASCII_WORD = /^[\w']*$/;

const LITERAL =
  /https?:\/\/\S+|www\.\S+|[\w.+-]+@[\w-]+\.[\w.]+|(?:~|\.{1,2})?\/[\w.-]+(?:\/[\w.-]*)+|\b[A-Za-z]:\\\S+|\b\w+\([^()]*\)|\b[A-Za-z]\w*(?:_\w+)+|\b[a-z]+[a-z0-9]*(?:[A-Z][a-z0-9]+)+\b|\b[A-Za-z]\w*(?:(?:\.|::|->)[A-Za-z_]\w*)+|\$\{\w+\}|\$[A-Za-z_]\w*|--?[a-z][\w-]+(?==)|[=!<>]=|=>|&&|\|\||#[A-Za-z]\w*/g;
const QUOTED = /"([^"]{1,200})"|(?<![\p{L}\p{N}])'([^']{1,200})'(?![\p{L}\p{N}])|`([^`]{1,400})`/gu;
const TOKEN = /\d+(?:[.,:/-]\d+)*|\p{L}[\p{L}\p{M}]*(?:'[\p{L}\p{M}]+)*[+#]{0,2}|us\$|r\$|[%$€£¥₹°<>=]/giu;
/** "Tax-free" says "without tax." */
const FREE = /([\p{L}]{3,})-free(?![\p{L}-])/giu;
const CLITIC = /'(?:s|re|ll|ve|m|d)$/;

const QUESTION_WORDS: ReadonlyMap<string, string> = new Map([
  ...["who", "whom", "whos", "whose", "quem", "quien", "quienes"].map((word) => [word, "who"] as const),
  ...["when", "quando", "cuando"].map((word) => [word, "when"] as const),
  ...["where", "wheres", "onde", "aonde", "donde"].map((word) => [word, "where"] as const),
  ...["why", "porque", "porques"].map((word) => [word, "why"] as const),
  ...["quanto", "quanta", "quantos", "quantas", "cuanto", "cuanta", "cuantos", "cuantas"].map(
    (word) => [word, "amount"] as const,
  ),
]);
const AMOUNTS: ReadonlySet<string> = new Set([
  "much",
  "many",
  "long",
  "far",
  "old",
  "often",
  "tall",
  "big",
  "high",
  "deep",
  "large",
  "fast",
]);

/** Reads a question. */
export function readPhrase(text: string): Phrase {
  const clear = text.length > MOST_CHARACTERS ? text.slice(0, MOST_CHARACTERS) : text;
  const unquoted = clear.replace(/[‘’´]/g, "'").replace(/[“”„«»]/g, '"');
  const quotes = [...unquoted.matchAll(QUOTED)].map((match) => fold(match[1] ?? match[2] ?? match[3] ?? "").trim());
  const literals = new Set([...unquoted.matchAll(LITERAL)].map(([found]) => found.replace(/[.,;:!?)\]]+$/, "")));

  const raws: string[] = [];
  const tokens: string[] = [];
  const starts: boolean[] = [];
  let end = 0;
  const source = unquoted.normalize("NFKC").replace(/[–—−]/g, "-").replace(FREE, "$1 without");
  for (const match of source.matchAll(TOKEN)) {
    const gap = source.slice(end, match.index);
    starts.push(tokens.length === 0 || /[.!?:;"\n(]/.test(gap));
    end = match.index + match[0].length;
    raws.push(match[0]);
    tokens.push(fold(match[0]).replace(CLITIC, ""));
  }
  return {
    ...assemble(unquoted, tokens, raws, starts, quotes, literals),
    marks: marksOf(unquoted),
    rest: text.slice(MOST_CHARACTERS),
  };
}

function assemble(
  text: string,
  tokens: readonly string[],
  raws: readonly string[],
  starts: readonly boolean[],
  quotes: readonly string[],
  literals: ReadonlySet<string>,
): Omit<Phrase, "rest" | "marks"> {
  const spokenIn = languageOf(tokens, text);
  const language = spokenIn?.language;
  // Where most words begin with a capital, as in headlines, capitals tell nothing.
  const lettered = raws.filter((raw, at) => !starts[at]! && /^\p{L}{2}/u.test(raw));
  const capitals = lettered.filter((raw) => /^\p{Lu}/u.test(raw)).length;
  const shouting = lettered.length > 2 && capitals > 0.8 * lettered.length;

  const words: Word[] = [];
  const quantities: Quantity[] = [];
  const units = new Set<string>();
  const dates = new Set<string>();
  const letters = new Set<string>();
  let negations = 0;
  let perhapsNegations = 0;
  let averters = 0;
  let asks: string | undefined;

  for (let at = 0; at < tokens.length; at++) {
    const token = tokens[at]!;
    const raw = raws[at]!;
    if (/^\d/.test(token)) {
      at += addNumber(quantities, dates, canonicalNumber(token, language), tokens, at, at + 1, false) - at - 1;
      continue;
    }
    const spoken = spokenNumber(tokens, raws, at);
    if (
      spoken !== undefined &&
      !(language === "en" && token === "dos") &&
      !(language === "pt" && token === "dos") &&
      token !== "once"
    ) {
      const next = addNumber(quantities, dates, String(spoken.value), tokens, at, at + spoken.length, spoken.optional);
      if (!spoken.optional) {
        at = next - 1;
        continue;
      }
    }
    const currency = /^(?:us\$|r\$|[$€£¥₹])$/.test(token) ? UNITS.get(token) : undefined;
    if (currency !== undefined) {
      const following = tokens[at + 1];
      if (following !== undefined && /^\d/.test(following)) {
        const next = addNumber(quantities, dates, canonicalNumber(following, language), tokens, at + 1, at + 2, false, currency);
        at = next - 1;
      } else units.add(currency);
      continue;
    }
    if (NEGATORS.has(token) || token.endsWith("n't") || token === "no") {
      if (token === "no" && language === undefined) perhapsNegations++;
      else if (negates(tokens, at, language)) negations++;
      continue;
    }
    if (AVERTERS.has(token)) averters++;

    const asked = QUESTION_WORDS.get(token) ?? (token === "how" && AMOUNTS.has(tokens[at + 1] ?? "") ? "amount" : undefined);
    if (asks === undefined && asked !== undefined) asks = asked === "who" && asksForObject(tokens, at) ? "whom" : asked;
    if (asks === undefined && token === "que" && (tokens[at - 1] === "por" || tokens[at - 1] === "pra")) asks = "why";

    const date = DATES.get(token);
    if (date !== undefined && (!PERHAPS_DATES.has(token) || isDated(tokens, raws, at))) dates.add(date);
    const unit = UNITS.get(token);
    if (unit !== undefined && date === undefined && (token.length > 3 || isMeasured(tokens, at))) units.add(unit);
    if (unit !== undefined || (date !== undefined && !POINTED.has(date)) || PERIODS.has(token)) {
      const which = whichOf(tokens, at);
      if (which !== undefined) dates.add(`${which} ${date ?? unit ?? PERIODS.get(token)}`);
    }
    if (/^\p{L}$/u.test(token) && !GRAMMAR_LETTERS.has(token) && !/^[%°]/.test(token)) letters.add(token);
    if (/^[a-z][+#]{1,2}$/.test(token)) letters.add(token);
    if (!/^[\p{L}]/u.test(token)) continue;

    const name = !shouting && !starts[at]! && /^\p{Lu}/u.test(raw) && token.length > 1;
    words.push({ text: token, name, empty: isFunctionWord(token) && !name && !isPolar(token) });
  }
  const content = [...new Set(words.filter(({ empty }) => !empty).map((word) => word.text))];
  return {
    folded: tokens.join(" "),
    words,
    content,
    quantities,
    units,
    dates,
    quotes,
    literals,
    letters,
    negations,
    perhapsNegations,
    averters,
    asks,
    language: spokenIn?.sure === true ? language : undefined,
    leaning: language,
  };
}

/** Of longer questions the first part is read, and the rest has to be the same: to compare must stay cheap. */
const MOST_CHARACTERS = 2_000;
/** Single letters that are words, or are left over from contractions. */
const GRAMMAR_LETTERS: ReadonlySet<string> = new Set("aeioyusdtmn".split(""));

/** Adds the number that ends before `next`, with the unit that follows; gives the index of what comes after both. */
function addNumber(
  quantities: Quantity[],
  dates: Set<string>,
  value: string,
  tokens: readonly string[],
  at: number,
  next: number,
  optional: boolean,
  currency?: string,
): number {
  const following = tokens[next];
  const halfDay = following === "am" || following === "pm" ? following : undefined;
  if (halfDay !== undefined || /^\d{1,2}:\d{2}$/.test(value)) {
    const [hours = "0", minutes = "0"] = value.split(":");
    const hour = (Number(hours) % (halfDay === undefined ? 24 : 12)) + (halfDay === "pm" ? 12 : 0);
    quantities.push({ value: `${hour}:${minutes.padStart(2, "0")}`, unit: "time", optional });
    return halfDay === undefined ? next : next + 1;
  }
  let unit = currency;
  let after = next;
  // "5 de março" has no unit; "mil de reais" and "5 milhões de reais" have.
  const place = following === "de" && UNITS.has(tokens[next + 1] ?? "") ? next + 1 : following === "°" ? next + 1 : next;
  const named = tokens[place];
  if (named === "c" && following === "°") unit = "celsius";
  else if (named === "f" && following === "°") unit = "fahrenheit";
  else if (named === "per" && tokens[place + 1] === "cent") unit = "percent";
  else if (named === "por" && tokens[place + 1] === "cento") unit = "percent";
  else if (named !== undefined) unit ??= UNITS.get(named);
  if (unit !== undefined && currency === undefined && !optional)
    after = named === "per" || named === "por" ? place + 2 : place + 1;
  const earlier = tokens[at - 1];
  if (unit === undefined && optional && earlier !== undefined && UNITS.has(earlier)) unit = undefined;
  quantities.push({ value, unit, optional });
  return after;
}

/** `1,000` and pt `1.000` as `1000`; `1,5` as `1.5`; a date, a time or a version keeps its form. */
function canonicalNumber(token: string, language: Language | undefined): string {
  if (/^\d{1,3}(?:,\d{3})+(?:\.\d+)?$/.test(token)) return token.replaceAll(",", "");
  if (/^\d{1,3}(?:\.\d{3})+(?:,\d+)?$/.test(token) && (language === "pt" || language === "es")) {
    return token.replaceAll(".", "").replace(",", ".");
  }
  if (/^\d+,\d+$/.test(token)) return token.replace(",", ".");
  return /^\d+$/.test(token) ? token.replace(/^0+(?=\d)/, "") : token;
}

/** Whether a word that says no says it here: not in "or not", "not only", nor pt "no" (in the). */
function negates(tokens: readonly string[], at: number, language: Language | undefined): boolean {
  const token = tokens[at]!;
  if (token === "no" && language === "pt") return false;
  const before = tokens[at - 1];
  if (before === "or" || before === "ou") return false;
  const after = tokens[at + 1];
  return !((token === "not" && after === "only") || (token === "nao" && (after === "so" || after === "apenas")));
}

/** "Who did Plato teach", "para quem Ana emprestou": who it was done to, not who did it. */
function asksForObject(tokens: readonly string[], at: number): boolean {
  return (
    tokens[at] === "whom" ||
    /^(?:did|do|does)$/.test(tokens[at + 1] ?? "") ||
    /^(?:to|from|with|for|para|de|com|por|a)$/.test(tokens[at - 1] ?? "")
  );
}

/** Whether a word such as `may` stands where a date does. */
function isDated(tokens: readonly string[], raws: readonly string[], at: number): boolean {
  const before = tokens[at - 1] ?? "";
  const after = tokens[at + 1] ?? "";
  const near = /^\d/.test(before) || /^\d/.test(after);
  return (
    near ||
    (/^(?:in|on|of|last|next|this|since|until|till|by|em|de|during)$/.test(before) &&
      (/^\p{Lu}/u.test(raws[at]!) || before !== "of"))
  );
}

/** Days that say themselves which they are. */
const POINTED: ReadonlySet<string> = new Set(["today", "tomorrow", "yesterday", "overmorrow", "tonight"]);
/** Periods that are no units. */
const PERIODS: ReadonlyMap<string, string> = new Map([
  ...["quarter", "quarters", "trimestre"].map((word) => [word, "quarter"] as const),
  ...["semester", "semesters", "semestre"].map((word) => [word, "semester"] as const),
  ...["season", "seasons", "temporada"].map((word) => [word, "season"] as const),
]);
const WHICH: ReadonlyMap<string, string> = new Map([
  ...[
    "this",
    "current",
    "este",
    "esta",
    "neste",
    "nesta",
    "desse",
    "dessa",
    "deste",
    "desta",
    "esse",
    "essa",
    "nesse",
    "nessa",
    "atual",
  ].map((word) => [word, "this"] as const),
  ...["next", "upcoming", "coming", "proximo", "proxima", "seguinte"].map((word) => [word, "next"] as const),
  ...["last", "past", "previous", "ultimo", "ultima", "passado", "passada", "anterior", "pasado", "pasada"].map(
    (word) => [word, "last"] as const,
  ),
]);

/** Behind the noun stand other words, and only in Portuguese and Spanish: "o dia está" (is), "a week this long". */
const BEHIND: ReadonlyMap<string, string> = new Map([
  ["atual", "this"],
  ["seguinte", "next"],
  ...["passado", "passada", "anterior", "pasado", "pasada"].map((word) => [word, "last"] as const),
]);

/** "This week", "last year", "semana passada", "mês que vem": which of the periods. */
function whichOf(tokens: readonly string[], at: number): string | undefined {
  const after = tokens[at + 1] === "que" && tokens[at + 2] === "vem" ? "next" : BEHIND.get(tokens[at + 1] ?? "");
  return WHICH.get(tokens[at - 1] ?? "") ?? after;
}

/** Whether a short name of a unit stands where one is asked for: "in km", "em kg". */
function isMeasured(tokens: readonly string[], at: number): boolean {
  return tokens[at]!.length > 1 && /^(?:in|into|to|em|para|por|per|en)$/.test(tokens[at - 1] ?? "");
}

/** Reads questions, and keeps what it read of the last ones. */
export function phraseReader(most = 4_096): (text: string) => Phrase {
  const known = new LRUCache<string, Phrase>({ max: most });
  return (text) => {
    let phrase = known.get(text);
    if (phrase === undefined) known.set(text, (phrase = readPhrase(text)));
    return phrase;
  };
}
