/** What a visitor chose: language, theme, period. Kept in this browser. */
import { effect, signal, type Signal } from "@preact/signals";
import { en, type Word } from "./words/en.ts";
import { pt } from "./words/pt.ts";
import { reasons } from "./words/reasons.ts";

export type Locale = "en" | "pt";
export type Theme = "auto" | "light" | "dark";
export const PERIODS = ["10m", "1h", "6h", "1d", "7d", "30d"] as const;
export type Period = (typeof PERIODS)[number];

const dictionaries: Readonly<Record<Locale, Readonly<Record<Word, string>>>> = { en, pt };

export const locale = kept<Locale>("locale", ["en", "pt"], navigator.language.toLowerCase().startsWith("pt") ? "pt" : "en");
export const theme = kept<Theme>("theme", ["auto", "light", "dark"], "auto");
export const period = kept<Period>("period", PERIODS, "10m");
/** Texts are shown on demand only, and hidden again with the next visit: others may look at the screen. */
export const showTexts: Signal<boolean> = signal(false);

effect(() => {
  document.documentElement.lang = locale.value === "pt" ? "pt-BR" : "en";
});
effect(() => {
  document.documentElement.dataset["theme"] = theme.value;
});

/** A text in the language of the visitor; `{name}` is replaced. */
export function t(word: Word, values: Readonly<Record<string, string | number>> = {}): string {
  return dictionaries[locale.value][word].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}

export function reasonText(reason: string): string {
  const known: Readonly<Record<string, string>> = reasons[locale.value];
  return known[reason] ?? reason;
}

function kept<T extends string>(name: string, choices: readonly T[], usual: T): Signal<T> {
  const choice = signal<T>(choices.find((known) => known === read(name)) ?? usual);
  effect(() => write(name, choice.value));
  return choice;
}

/** Storage may be forbidden; the choice then lasts as long as the page. */
function read(name: string): string | null {
  try {
    return localStorage.getItem(`strata.${name}`);
  } catch {
    return null;
  }
}

function write(name: string, value: string): void {
  try {
    localStorage.setItem(`strata.${name}`, value);
  } catch {
    // As above.
  }
}
