/**
 * Signs, operators and emoji of a question: what the words leave out and embeddings do not see. "-40" and "40", "x - 5" and "x + 5"
 * have the same vector, and so have two faces. But most marks in prose are style, so each is one of three:
 *
 * - **Counts** whatever the other question has: a minus before a number or a variable, `√` and `±` before what they belong to, an operator
 *   between two numbers, a mark alone between quotation marks, an emoji among the words.
 * - **Style until it is contradicted**: it may be absent from the other question, but not be another mark there. Operators beside a word or a
 *   variable (`x + y`, `and/or`, `cats & dogs`), marks that stand alone (a dash, "what does * do"), an emoji at the edge of a
 *   sentence.
 * - **Never counts**: sentence punctuation, quotes, hyphens within words, the bullets, stars and hashes of Markdown, and the signs of
 *   percent, degrees and currencies beside a number, which are its unit.
 */

export interface Mark {
  readonly text: string;
  /** May be absent from the other question. */
  readonly style: boolean;
  readonly emoji: boolean;
}

/**
 * Whether there may be anything to look at: most questions hold nothing but words and punctuation. Plain ranges, as this is read of
 * every question; U+00C0 to U+024F are Latin letters, bar `×` and `÷`.
 */
const ANY = /[^\w\s.,:;?"'()¿¡…\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f]|_|[:;]['-]?[()DP]|["'][^\w"']+["']/;
const EMOJI_SOURCE =
  /\p{RI}\p{RI}|(?![©®])\p{Extended_Pictographic}(?:\uFE0F|\p{EMod})?[\u{E0020}-\u{E007F}]*(?:\u200D\p{Extended_Pictographic}(?:\uFE0F|\p{EMod})?)*/u
    .source;
/** A mark alone in quotes; an emoji or emoticon; a factorial; an arrow or a comparison; the same symbol once or more. */
const MARK = new RegExp(
  [
    String.raw`(?<![^\s([])["'\x60](?<quoted>[^\p{L}\p{N}"'\x60]{1,20})["'\x60](?![\p{L}\p{N}])`,
    String.raw`(?<emoji>${EMOJI_SOURCE}|(?<!\S)[:;]['-]?[()DP](?![^\s.?!]))`,
    String.raw`(?<factorial>(?<=\d|(?<![\p{L}\p{M}\p{N}])\p{L}|\))!(?=\?|\s*[-+*/^=)]))`,
    String.raw`(?<symbol>[-=~]+>|<[-~]+|[<>!~]=+|(?<one>[^\p{L}\p{M}\p{N}\p{Cc}\p{Cf}\s.,;:?!"'\x60()[\]{}…¿¡])\k<one>*)`,
  ].join("|"),
  "gu",
);
const QUOTED = /"([^"]{1,200})"|(?<![\p{L}\p{N}])'([^']{1,200})'(?![\p{L}\p{N}])|`([^`]{1,400})`/gu;
const SUPERSCRIPT = /(?<=[\p{L}\p{N})])[²³¹⁰⁴-⁹]/gu;

/** One way to write one operator. */
const SAME: ReadonlyMap<string, string> = new Map([
  ...["×", "·", "⋅", "∙"].map((text) => [text, "*"] as const),
  ...["÷", "∕", "⁄"].map((text) => [text, "/"] as const),
  ["==", "="],
  ["--", "-"],
]);
const PREFIX = /^[√∛∜±∓¬∑∏∫]$/u;
const UNIT = /^[%$€£¥₹°]+$/u;
/** Grouped by the hyphen of a compound, or markup. */
const WITHIN_WORDS = /^(?:-|_+|\*{2,}|~+|#+|@|\\+)$/;
const BULLET = /^(?:[-*+•‣·]|>+|#{1,6})$/;
/** Words of one letter; before another word they are no variable. */
const ARTICLE = /^[aeioyàéó]$/i;

const LETTER = /[\p{L}\p{M}]/u;
const DIGIT = /\p{Nd}/u;

/** Beyond so many, as in a page of code, they have to be the same. */
const MOST = 128;

const NONE: readonly Mark[] = [];

/** The marks of a text in order. */
export function marksOf(text: string): readonly Mark[] {
  if (!ANY.test(text)) return NONE;
  // "x²" is "x^2", but may be "x2" as well.
  const source = text
    .replace(SUPERSCRIPT, "⌃$&")
    .normalize("NFKC")
    .replace(/[‐‑–—−]/g, "-");
  let inQuotes: readonly { readonly start: number; readonly end: number; readonly plain: boolean }[] | undefined;
  const marks: Mark[] = [];
  for (const match of source.matchAll(MARK)) {
    const { quoted, emoji, factorial } = match.groups ?? {};
    const start = match.index;
    const end = start + match[0].length;
    if (quoted !== undefined) {
      const inner = quoted.trim();
      if (inner !== "") marks.push({ text: plain(inner), style: false, emoji: /\p{Extended_Pictographic}|\p{RI}/u.test(inner) });
    } else if (emoji !== undefined) {
      const face = emoji.replaceAll("\uFE0F", "");
      const last = marks.at(-1);
      // "😂😂😂" is a louder "😂".
      if (last?.emoji !== true || last.text !== face || /[\p{L}\p{N}]/u.test(source.slice(start - 1, start)))
        marks.push({ text: face, style: isAtEdge(source, start, end), emoji: true });
    } else if (factorial !== undefined) marks.push({ text: "!", style: false, emoji: false });
    else {
      const mark = symbolAt(source, start, end);
      if (mark !== undefined) marks.push(mark);
      else {
        inQuotes ??= [...source.matchAll(QUOTED)].map((found) => ({
          start: found.index,
          end: found.index + found[0].length,
          plain: /\p{L}{2}/u.test(found[0]),
        }));
        // Code in quotes means what it spells: "foo*" is not "foo+".
        const quote = inQuotes.find((one) => one.start < start && end < one.end);
        if (quote !== undefined) marks.push({ text: plain(match[0]), style: quote.plain, emoji: false });
      }
    }
  }
  return marks;
}

/** Whether the marks of two questions contradict each other. */
export function marksClash(a: readonly Mark[], b: readonly Mark[]): boolean {
  if (a.length === 0 && b.length === 0) return false;
  if (a.length > MOST || b.length > MOST) return a.length !== b.length || a.some(({ text }, at) => text !== b[at]!.text);
  return [false, true].some((emoji) => {
    const [left, right] = [a, b].map((marks) => marks.filter((mark) => mark.emoji === emoji)) as [Mark[], Mark[]];
    return !reducesTo(left, right) && !reducesTo(right, left);
  });
}

/** The one list becomes the other when some marks of style are left out. */
function reducesTo(from: readonly Mark[], to: readonly Mark[]): boolean {
  let reached = 0;
  for (const { text, style } of from) {
    if (to[reached]?.text === text) reached++;
    else if (!style) return false;
  }
  return reached === to.length;
}

function plain(text: string): string {
  return text === "⌃" ? "^" : (SAME.get(text) ?? text);
}

/** Nothing but punctuation is on one of its sides, or the end of a clause. */
function isAtEdge(source: string, start: number, end: number): boolean {
  const before = /[^\s]?\s*$/u.exec(source.slice(Math.max(0, start - 8), start))?.[0].trim() ?? "";
  const after = /^\s*[^\s]?/u.exec(source.slice(end, end + 8))?.[0].trim() ?? "";
  const clause = /^[.,;:!?…)(]?$/u;
  return (
    clause.test(before) ||
    clause.test(after) ||
    !/[\p{L}\p{N}]/u.test(source.slice(0, start)) ||
    !/[\p{L}\p{N}]/u.test(source.slice(end))
  );
}

type Side = "number" | "variable" | "word" | "none";

function symbolAt(source: string, start: number, end: number): Mark | undefined {
  const raw = source.slice(start, end);
  const text = plain(raw);
  const spacedLeft = start === 0 || /\s/.test(source[start - 1]!);
  const spacedRight = end === source.length || /\s/.test(source[end]!);
  const left = sideBefore(source, start);
  const right = sideAfter(source, end);
  const [near, next] = [spacedLeft ? "none" : left, spacedRight ? "none" : right];
  const isOperand = right === "number" || right === "variable";

  if (UNIT.test(raw))
    return spacedLeft && left !== "number" && near === "none" && next === "none" && right !== "number" ? style(text) : undefined;
  // What stands within a number is read with it: 10-12, 2024-05-01, 1/2.
  if (/^[-/]$/.test(raw) && DIGIT.test(source[start - 1] ?? "") && DIGIT.test(source[end] ?? "")) return undefined;
  if (
    spacedRight &&
    BULLET.test(raw) &&
    /(?:^|\n)[^\S\n]*$/.test(source.slice(Math.max(0, start - 16), start)) &&
    right !== "none"
  )
    return undefined;
  if (/^[-_=*~#]{3,}$/.test(raw)) return undefined;
  if (raw === "-" && !spacedRight && isOperand && near === "none" && (left !== "number" || !spacedLeft))
    return { text: "negative", style: false, emoji: false };
  if (PREFIX.test(raw) && isOperand) return { text, style: false, emoji: false };
  if (left === "number" && right === "number") return { text, style: /^[&|~]$/.test(text), emoji: false };
  if (near === "word" || next === "word") {
    if (WITHIN_WORDS.test(raw) || (near === "none" && left !== "word") || (next === "none" && right !== "word")) return undefined;
    if (near === "none" || next === "none") return undefined;
    // "Who/what" says "who & what"; "total/5" divides.
    return style(text === "/" && near === next ? "&" : text);
  }
  return style(text);
}

function style(text: string): Mark {
  return { text, style: true, emoji: false };
}

function sideBefore(source: string, start: number): Side {
  let at = start - 1;
  while (at >= 0 && /[^\S\n]/.test(source[at]!)) at--;
  const last = source[at] ?? "";
  if (DIGIT.test(last) || /[)\]}!%°]/.test(last)) return "number";
  if (!LETTER.test(last)) return "none";
  return /[\p{L}\p{M}']/u.test(source[at - 1] ?? "") ? "word" : "variable";
}

function sideAfter(source: string, end: number): Side {
  const rest = /^[^\S\n]*(?:[-+√±$€£](?=\S))*([^\s]?)([^\s]?)([^\S\n]*\p{L}{2})?/u.exec(source.slice(end, end + 24));
  const [, first = "", second = "", following] = rest ?? [];
  if (DIGIT.test(first) || /[([{]/.test(first) || (first === "." && DIGIT.test(second))) return "number";
  if (!LETTER.test(first)) return "none";
  if (/[\p{L}\p{M}']/u.test(second)) return "word";
  return ARTICLE.test(first) && second === "" && following !== undefined ? "word" : "variable";
}
