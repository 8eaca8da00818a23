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
 * ("what did I eat yesterday?") only favours the turns of that time, since one may tell of a day later. So does a date under which nothing
 * on the topic lies: what was taken for it may be no date. The turns found then have the source of a search without a time.
 */
export function findRelevant(search: StrategySearch, options: RelevanceOptions = {}): readonly FoundTurn[] {
  const { window, k } = search;
  const { accept = () => true } = options;
  if (window === undefined || !window.isHard) return ranked(search, search.query, options);
  if (!window.hasTopic) return ofTheTime(search, window, accept, new Set(), k);
  const then = ranked(search, window.rest, { ...options, accept: (turn) => accept(turn) && isWithin(turn, window) });
  const found =
    then.length === 0 && window.mayBeMisread
      ? ranked(search, search.query, options)
      : then.map((one): FoundTurn => ({ ...one, source: "time" }));
  if (found.length >= k) return found;
  // What else was said then comes after.
  return [...found, ...ofTheTime(search, window, accept, new Set(found.map(({ turn }) => turn.id)), k - found.length)];
}

/** Whether a hard time was given up, since nothing on the topic lies in it. */
export function isBeyondTime(window: TimeWindow | undefined, found: readonly FoundTurn[]): boolean {
  return window?.mayBeMisread === true && found.some(({ source }) => source === "semantic" || source === "lexical");
}

function ranked(
  { memory, k, cosines, window }: StrategySearch,
  query: string,
  { accept, favour = () => 0 }: RelevanceOptions,
): FoundTurn[] {
  const found = rankTurns(memory, query, {
    ...{ k, cosines, accept },
    favour: (turn) => favour(turn) + (window !== undefined && isWithin(turn, window) ? OF_THE_TIME : 0),
  });
  return found.flatMap(({ number, score, similarity, source }): FoundTurn[] => {
    const turn = memory.order.turn(number);
    return turn === undefined ? [] : [{ turn, score, similarity, source }];
  });
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
