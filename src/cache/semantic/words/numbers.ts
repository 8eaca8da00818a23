import { words } from "./word-list.ts";

const SMALL: readonly (readonly [number, string])[] = [
  [0, "zero"],
  [2, "two dois duas dos twice"],
  [3, "three tres"],
  [4, "four quatro cuatro"],
  [5, "five cinco"],
  [6, "six seis"],
  [7, "seven sete siete"],
  [8, "eight oito ocho"],
  [9, "nine nove nueve"],
  [10, "ten dez diez"],
  [11, "eleven onze once"],
  [12, "twelve doze doce"],
  [13, "thirteen treze trece"],
  [14, "fourteen quatorze catorze catorce"],
  [15, "fifteen quinze quince"],
  [16, "sixteen dezesseis dezasseis dieciseis"],
  [17, "seventeen dezessete dezassete diecisiete"],
  [18, "eighteen dezoito dieciocho"],
  [19, "nineteen dezenove dezanove diecinueve"],
  [20, "twenty vinte veinte"],
  [30, "thirty trinta treinta"],
  [40, "forty quarenta cuarenta"],
  [50, "fifty cinquenta cincuenta"],
  [60, "sixty sessenta sesenta"],
  [70, "seventy setenta"],
  [80, "eighty oitenta ochenta"],
  [90, "ninety noventa"],
  [100, "cem cento cien ciento"],
  [200, "duzentos duzentas doscientos doscientas"],
  [300, "trezentos trezentas trescientos"],
  [400, "quatrocentos quatrocentas cuatrocientos"],
  [500, "quinhentos quinhentas quinientos"],
  [600, "seiscentos seiscentas seiscientos"],
  [700, "setecentos setecentas setecientos"],
  [800, "oitocentos oitocentas ochocientos"],
  [900, "novecentos novecentas novecientos"],
];

const ORDINALS: readonly (readonly [number, string])[] = [
  [1, "first primeiro primeira primeros primera"],
  [2, "second segundo"],
  [3, "third terceiro terceira tercero tercera"],
  [4, "fourth"],
  [5, "fifth"],
  [6, "sixth sexto"],
  [7, "seventh setimo setima"],
  [8, "eighth oitavo oitava"],
  [9, "ninth nono nona"],
  [10, "tenth decimo decima"],
];

const SCALES: readonly (readonly [number, string])[] = [
  [12, "dozen dozens duzia duzias docena"],
  [100, "hundred hundreds"],
  [1_000, "thousand thousands mil"],
  [1_000_000, "million millions milhao milhoes millon millones"],
  [1_000_000_000, "billion billions bilhao bilhoes"],
];

function table(rows: readonly (readonly [number, string])[]): ReadonlyMap<string, number> {
  return new Map(rows.flatMap(([value, text]) => words(text).map((word) => [word, value] as const)));
}

const CARDINAL_VALUES = table(SMALL);
const ORDINAL_VALUES = table(ORDINALS);
const SCALE_VALUES = table(SCALES);
/** One in three languages, each of which is an article or a pronoun more often than a number. */
const PERHAPS_ONE: ReadonlySet<string> = new Set(words("one um uma un uno una a an single"));
/** A half of what follows; the Portuguese ones are "middle" and "means" as well, and count before a scale alone. */
const HALVES: ReadonlySet<string> = new Set(words("half meio meia medio media"));
const JOINTS: ReadonlySet<string> = new Set(words("and e y"));
const ROMAN = /^(?:II|III|IV|VI|VII|VIII|IX|XI|XII|XIII|XIV|XV|XVI|XX|XXI)$/;
const ROMAN_VALUES: Readonly<Record<string, number>> = { I: 1, V: 5, X: 10 };

export interface SpokenNumber {
  readonly value: number;
  /** How many tokens it takes. */
  readonly length: number;
  /** May be an article and no number at all. */
  readonly optional: boolean;
}

/**
 * The number that is spelled out at a place of a text, if one is: `"twenty five"`, `"vinte e cinco"`, `"two hundred"`, `"third"`,
 * `"IV"`. Words join while they get smaller (twenty five), and a scale multiplies what stands before it (two thousand).
 */
export function spokenNumber(tokens: readonly string[], raws: readonly string[], at: number): SpokenNumber | undefined {
  const word = tokens[at]!;
  const raw = raws[at]!;
  if (ROMAN.test(raw)) return { value: romanValue(raw), length: 1, optional: false };
  const ordinal = ORDINAL_VALUES.get(word);
  if (ordinal !== undefined) return { value: ordinal, length: 1, optional: false };

  if (HALVES.has(word)) {
    const scaleAt = PERHAPS_ONE.has(tokens[at + 1] ?? "") ? at + 2 : at + 1;
    const scale = SCALE_VALUES.get(tokens[scaleAt] ?? "");
    if (scale !== undefined) return { value: scale / 2, length: scaleAt + 1 - at, optional: false };
    if (word === "half") return { value: 0.5, length: 1, optional: false };
  }

  let total = 0;
  let group = 0;
  let least = Infinity;
  let end = at;
  for (let next = at; next < tokens.length; next++) {
    const token = tokens[next]!;
    const scale = SCALE_VALUES.get(token);
    const value = CARDINAL_VALUES.get(token);
    if (scale !== undefined) {
      group = Math.max(1, group) * scale;
      if (scale >= 1_000) {
        total += group;
        group = 0;
      }
      least = scale;
    } else if (value !== undefined && value < least && (end === at || value < 100 || least >= 1_000)) {
      group += value;
      // Nothing joins a number below ten, nor a teen.
      least = value < 20 ? 0 : value % 100 === 0 ? 100 : 10;
    } else if (next > at && JOINTS.has(token) && joins(tokens[next + 1], least)) {
      continue;
    } else {
      break;
    }
    end = next + 1;
  }
  if (end > at) return { value: total + group, length: end - at, optional: false };
  return PERHAPS_ONE.has(word) ? { value: 1, length: 1, optional: true } : undefined;
}

function joins(token: string | undefined, least: number): boolean {
  const value = token === undefined ? undefined : CARDINAL_VALUES.get(token);
  return value !== undefined && value > 0 && value < least;
}

function romanValue(text: string): number {
  let value = 0;
  for (let at = 0; at < text.length; at++) {
    const here = ROMAN_VALUES[text[at]!]!;
    value += here < (ROMAN_VALUES[text[at + 1]!] ?? 0) ? -here : here;
  }
  return value;
}
