/**
 * From the time that a query names to a stretch of the owner's log. A resolver decides, not a likelihood: where a query asks what was
 * said at a time, nothing said at another time can be the answer. Only where that time holds nothing on the topic, it was not that.
 */
import type { OwnerMemory } from "../turns/owner-memory.ts";
import { fold, wordForms } from "../../text/terms.ts";
import { sittingStretch } from "./sittings.ts";
import { findTimeExpression } from "./time-expression.ts";

export interface TimeWindow {
  /** Unix ms, inclusive. */
  readonly from: number;
  /** Unix ms, exclusive. */
  readonly to: number;
  /** Whether the query asks for what was said then, so that nothing else can be meant. */
  readonly isHard: boolean;
  /** The words that were understood. */
  readonly text: string;
  /** The query without them, and without the words for talking. */
  readonly rest: string;
  /** Whether the rest says what it was about. */
  readonly hasTopic: boolean;
  /**
   * Whether the words may have meant something else: a date, with a topic beside it. Where nothing on the topic lies in it, the time is no
   * filter. Sittings are counted in words of their own.
   */
  readonly mayBeMisread: boolean;
}

export interface TimeWindowContext {
  /** Unix ms. */
  readonly now: number;
  /** IANA name. */
  readonly zone: string;
  readonly sittingGapMs: number;
  readonly sessionId?: string | undefined;
}

/** Words for talking, folded: who uses one with a time asks what was said then. */
const TALK =
  /(?<![\p{L}\p{N}])(?:discuss\p{L}*|talk\p{L}*|chat(?:ted|ting|s)?|sp(?:eak|oke|oken)|said|say(?:ing)?|told|mention\p{L}*|convers\p{L}*|agreed?|decided?|cover(?:ed)?|recap|summari[sz]e|topics?|sorts? of things|fal(?:a|amos|ei|ou|aram|avamos|aste|ado)|diss(?:e|emos|este|eram)|discut\p{L}*|combin\p{L}*|coment\p{L}*|mencion\p{L}*|contei|contou|pergunt\p{L}*|asked|decid\p{L}*|resum\p{L}*|assuntos?|topicos?)(?![\p{L}\p{N}])/gu;
/** What is left around the words for talking in a question that names no topic. */
const FILLER =
  /(?<![\p{L}\p{N}])(?:tell|give|show|list|remember|recall|remind|things?|stuff|everything|anything|sessions?|discussions?|conta|conte|diga|lembra|lembre|mostra|coisas?|tudo|tipo|sessao|sessoes|sort|kind|earlier|cedo|dia|day|please|favor|main)(?![\p{L}\p{N}])/gu;

/** `undefined` where the query names no time, or one that the log does not have (the tenth conversation of three). */
export function timeWindow(query: string, memory: OwnerMemory, context: TimeWindowContext): TimeWindow | undefined {
  const expression = findTimeExpression(query, context);
  if (expression === undefined) return undefined;
  const { filter, text } = expression;
  const { now, sittingGapMs: gapMs, sessionId } = context;
  const folded = fold(expression.rest);
  const isHard = filter.kind === "sittings" || (!filter.isSoft && folded.search(TALK) !== -1);
  const rest = folded.replace(TALK, " ").replace(FILLER, " ");
  const hasTopic = wordForms(rest).length > 0;
  const topic = { isHard, text, rest, hasTopic, mayBeMisread: isHard && hasTopic && filter.kind === "range" };
  if (filter.kind === "sittings") {
    const inSession = sessionId !== undefined;
    const stretch = sittingStretch(memory.sittings(gapMs), filter, { now, gapMs, sessionId, inSession });
    return stretch && { ...stretch, ...topic };
  }
  const to = filter.beforeThisSitting ? Math.min(filter.to, memory.sittings(gapMs).at(-1)?.from ?? Infinity) : filter.to;
  const { from, slack = 0 } = filter;
  if (slack === 0 || hasAny(memory, from, to)) return { from, to, ...topic };
  return { from: from - slack, to: to + slack, ...topic };
}

function hasAny(memory: OwnerMemory, from: number, to: number): boolean {
  for (const { createdAt } of memory.turns()) if (createdAt >= from && createdAt < to) return true;
  return false;
}
