/** Relevance under a time: what the strategies that rank have in common. */
import { rankTurns } from "./ranking.ts";
import type { FoundTurn, StrategySearch } from "../strategy.ts";
import type { MemoryTurn } from "./turn-order.ts";
import type { TimeWindow } from "../time/time-window.ts";

export interface RelevanceOptions {
  readonly accept?: ((turn: MemoryTurn) => boolean) | undefined;
  readonly favour?: ((turn: MemoryTurn) => number) | undefined;
}

/** Standard deviations that a turn is ahead whose time the query names without asking for a conversation of that time. */
const OF_THE_TIME = 1;

/**
 * The best turns for a query. A time that is meant of the conversation ("what did we discuss yesterday?") is a filter; any other
 * ("what did I eat yesterday?") only favours the turns of that time, since one may tell of a day later.
 */
export function findRelevant(search: StrategySearch, options: RelevanceOptions = {}): readonly FoundTurn[] {
  const { memory, query, k, cosines, window } = search;
  const { accept = () => true, favour = () => 0 } = options;
  if (window?.isHard && !window.hasTopic) return ofTheTime(search, window, accept, new Set(), k);
  const ranked = rankTurns(memory, window?.isHard ? window.rest : query, {
    k,
    cosines,
    accept: window?.isHard ? (turn) => accept(turn) && isWithin(turn, window) : accept,
    favour: (turn) => favour(turn) + (window !== undefined && !window.isHard && isWithin(turn, window) ? OF_THE_TIME : 0),
  });
  const found = ranked.flatMap(({ number, score, similarity, source }): FoundTurn[] => {
    const turn = memory.order.turn(number);
    return turn === undefined ? [] : [{ turn, score, similarity, source: window?.isHard ? "time" : source }];
  });
  if (!window?.isHard || found.length >= k) return found;
  // The time is certain and the topic is not: what else was said then comes after.
  return [...found, ...ofTheTime(search, window, accept, new Set(found.map(({ turn }) => turn.id)), k - found.length)];
}

/** The newest turns of a time, in the order in which they were said. */
function ofTheTime(
  { memory }: StrategySearch,
  window: TimeWindow,
  accept: (turn: MemoryTurn) => boolean,
  without: ReadonlySet<string>,
  k: number,
): FoundTurn[] {
  const turns = memory.inOrderOfTime().filter((turn) => isWithin(turn, window) && accept(turn) && !without.has(turn.id));
  return turns.slice(-k).map((turn) => ({ turn, score: 0, source: "time" }));
}

function isWithin({ createdAt }: MemoryTurn, { from, to }: TimeWindow): boolean {
  return createdAt >= from && createdAt < to;
}
