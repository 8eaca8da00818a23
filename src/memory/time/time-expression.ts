/**
 * Finds the time expression of a query and makes a filter of it. "What did we discuss two sessions ago?" and "o que combinamos na
 * terça passada?" have no words in common with what was said then: the best of 89 embedding models finds .41 of what such questions
 * ask for, this finds .96 (`benchmarks/README.md`), and as a filter it is certain, not likely.
 *
 * The text is folded letter by letter (lower case, no accents, same length), so that positions in it are positions in the query.
 * At each word the rules are tried from the longest way of saying a thing to the shortest; the first expression found is taken.
 */
import { CARDINAL, numberOf, ORDINAL } from "./number-words.ts";
import { NO_MONTH } from "./date-words.ts";
import { BARE, momentAt } from "./moments.ts";
import type { Stretch } from "./stretches.ts";
import type { TimeContext, TimeExpression, TimeFilter } from "./time-filter.ts";

/** Nobody dates a question after its first kilobytes. */
const MAX_TEXT = 4_096;

interface Found {
  readonly filter: TimeFilter;
  readonly end: number;
}

/** `undefined` where the query names no time. */
export function findTimeExpression(query: string, context: TimeContext): TimeExpression | undefined {
  const composed = query.normalize("NFC");
  const text = foldSameLength(composed.slice(0, MAX_TEXT).replace(NO_MONTH, (name) => "_".repeat(name.length)));
  for (const { index } of text.matchAll(/(?<![\p{L}\p{N}])[\p{L}\p{N}]/gu)) {
    const found = sittingsAt(text, index) ?? betweenAt(text, index, context) ?? rangeAt(text, index, context);
    if (found === undefined) continue;
    const rest = `${composed.slice(0, index)} ${composed.slice(found.end)}`.replace(/\s+/g, " ").trim();
    return { filter: found.filter, text: composed.slice(index, found.end), rest };
  }
  return undefined;
}

/** One letter for one letter, so that lengths agree; a letter that folds to several stays. */
function foldSameLength(text: string): string {
  let folded = "";
  for (const unit of text) {
    const plain = unit
      .normalize("NFD")
      .replace(/\p{M}+/gu, "")
      .toLowerCase();
    folded += plain.length === unit.length ? plain : unit;
  }
  return folded;
}

const SITTING = "sessions?|discussions?|conversations?|chats?|talks?|sessao|sessoes|conversas?|papos?|bate-papos?";
const SITTINGS: readonly {
  readonly pattern: RegExp;
  readonly filter: (words: Readonly<Record<string, string | undefined>>) => TimeFilter | undefined;
}[] = [
  // two sessions ago; há três conversas; três conversas atrás
  sittings(`(?:ha |faz )?(?<n>${CARDINAL}) (?:${SITTING}) (?:ago|back|atras)`, (w) => fromEnd(numberOf(w["n"] ?? ""))),
  sittings(`(?:ha|faz) (?<n>${CARDINAL}) (?:${SITTING})`, (w) => fromEnd(numberOf(w["n"] ?? ""))),
  // sessions 1 through 3; sessões 1 a 3; from the first through third sessions; da primeira à terceira conversa
  sittings(`(?:${SITTING}) (?<n>${CARDINAL}) (?:through|to|until|till|and|a|ate|e|-) (?<m>${CARDINAL})`, fromStart),
  sittings(
    `(?:from |between |over )?(?:the |our |d?as? |entre )?(?:nossas? )?(?<n>${ORDINAL}) (?:through|to|until|and|a|ate|e) (?:the |our |as? )?(?:nossas? )?(?<m>${ORDINAL}) (?:${SITTING})`,
    fromStart,
  ),
  // our third conversation; session 3; a terceira sessão; the first time we spoke; da primeira vez que falamos
  sittings(`(?<n>${ORDINAL}) (?:${SITTING})(?! (?:today|hoje))`, fromStart),
  sittings(`(?:session|discussion|conversation|chat|sessao|conversa) (?:number |numero |n[oº]\\.? )?(?<n>\\d{1,4})`, fromStart),
  sittings(
    `(?<n>${ORDINAL}) (?:time|vez)(?: that| que)? (?:we|i|nos|a gente|eu)? ?(?:ever )?(?:spoke|talked|chatted|met|discussed|talk|fal|convers)\\p{L}*`,
    fromStart,
  ),
  // last session; the previous conversation; na última conversa; da última vez que falamos
  sittings(`(?:last|previous|ultima|ultimo) (?:${SITTING})`, () => fromEnd(1)),
  sittings(`(?:the )?(?:${SITTING}) before (?:the )?last(?: one)?`, () => fromEnd(2)),
  sittings(`penultim[ao] (?:${SITTING})`, () => fromEnd(2)),
  sittings(`(?:conversa|sessao|papo|bate-papo) retrasad[ao]`, () => fromEnd(2)),
  sittings(`(?:conversa|sessao|papo|bate-papo) (?:passad[ao]|anterior)`, () => fromEnd(1)),
  sittings(
    `(?:last|ultima) (?:time|vez)(?: that| que)? (?:we|nos|a gente)? ?(?:spoke|talked|chatted|met|discussed|fal|convers)\\p{L}*`,
    () => fromEnd(1),
  ),
  sittings(`(?:the )?last time(?=[?.! ]*$)|(?:d?a )?ultima vez(?=[?.! ]*$)`, () => fromEnd(1)),
];

function sittings(source: string, filter: (typeof SITTINGS)[number]["filter"]): (typeof SITTINGS)[number] {
  return { pattern: new RegExp(`${source}(?![\\p{L}\\p{N}])`, "yu"), filter };
}

function fromEnd(count: number | undefined): TimeFilter | undefined {
  return count === undefined ? undefined : { kind: "sittings", from: count, to: count, counted: "from-end" };
}

function fromStart(words: Readonly<Record<string, string | undefined>>): TimeFilter | undefined {
  const from = numberOf(words["n"] ?? "");
  const to = words["m"] === undefined ? from : numberOf(words["m"]);
  if (from === undefined || to === undefined || from < 1 || to < from) return undefined;
  return { kind: "sittings", from, to, counted: "from-start" };
}

function sittingsAt(text: string, at: number): Found | undefined {
  for (const { pattern, filter } of SITTINGS) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    const found = match && filter(match.groups ?? {});
    if (match && found) return { filter: found, end: at + match[0].length };
  }
  return undefined;
}

const FROM = /(?:between|from|over|entre|desde|de|do|da) (?:the |os? |as? )?/uy;
const TO = /,? (?:and|to|until|till|through|thru|e|a|ate|ao?|-) (?:the |os? |as? )?/uy;

/** "between May 8th and June 9th", "de 3 a 7 de maio": two moments and what joins them. */
function betweenAt(text: string, at: number, context: TimeContext): Found | undefined {
  const start = after(FROM, text, at);
  const first = start === undefined ? undefined : momentAt(text, start, context);
  const middle = first && after(TO, text, first.end);
  const second = middle === undefined ? undefined : momentAt(text, middle, context);
  if (first === undefined || second === undefined) return undefined;
  // Without years each is the latest past one: from November to February began in the year before.
  const from = first.from <= second.from ? first.from : momentAt(text, start ?? at, { ...context, now: second.from })?.from;
  return from === undefined ? undefined : { filter: { kind: "range", from, to: second.to }, end: second.end };
}

const SINCE = /(?:since|desde|a partir de|from) (?:the |os? |as? )?/uy;
/** "antes de ontem" is the day before yesterday. */
const BEFORE = /(?:before|prior to|antes d[eoa](?! ontem(?![\p{L}\p{N}]))|until|till|ate) (?:the |os? |as? )?/uy;
const AFTER = /(?:after|depois d[eoa]|apos) (?:the |os? |as? )?/uy;
/** A month or a year alone is a time only after one of these: "may" is mostly another word. */
const IN = /(?:in|during|on|of|back in|em|no|na|durante|de|do|da) (?:the |early |late |o |mes de |ano de )*/uy;

/** "the Corolla of 2019" is a thing of that year, seldom what was said in it. */
const OF_A_YEAR = /^(?:of|d[eo]) (?:the |o )?\d{4}$/;

function rangeAt(text: string, at: number, context: TimeContext): Found | undefined {
  const since = joined(SINCE, text, at, context);
  if (since) return range(since.from, Infinity, since.end);
  const before = joined(BEFORE, text, at, context);
  if (before) return range(-Infinity, /^(?:until|till|ate)/.test(text.slice(at)) ? before.to : before.from, before.end);
  const later = joined(AFTER, text, at, context);
  if (later) return range(later.to, Infinity, later.end);
  const within = joined(IN, text, at, context);
  if (within) {
    const isSoft = OF_A_YEAR.test(text.slice(at, within.end));
    return { filter: { ...filterOf(within), ...(isSoft && { isSoft }) }, end: within.end };
  }
  const moment = momentAt(text, at, context);
  if (moment === undefined || BARE.test(text.slice(at, moment.end))) return undefined;
  return { filter: filterOf(moment), end: moment.end };
}

function filterOf({ from, to, slack, beforeThisSitting }: Stretch): TimeFilter & { kind: "range" } {
  return { kind: "range", from, to, ...(slack && { slack }), ...(beforeThisSitting && { beforeThisSitting }) };
}

function joined(words: RegExp, text: string, at: number, context: TimeContext): (Stretch & { end: number }) | undefined {
  const start = after(words, text, at);
  return start === undefined ? undefined : momentAt(text, start, context);
}

function after(pattern: RegExp, text: string, at: number): number | undefined {
  pattern.lastIndex = at;
  const match = pattern.exec(text);
  return match ? at + match[0].length : undefined;
}

function range(from: number, to: number, end: number): Found {
  return { filter: { kind: "range", from, to }, end };
}
