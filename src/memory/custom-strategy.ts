/**
 * A strategy of a user's own, under the name of one of the five: the router, the log and the metrics know these names, so what is behind
 * one can be exchanged while everything around it stays. It is given messages and not the structures that they are kept in; what
 * it gives is checked, since a recall must not hand out what was not searched.
 */
import { findRelevant } from "./turns/relevance.ts";
import type { MemoryTurn } from "./turns/turn-order.ts";
import type { FoundTurn, RecallStrategy, StrategySearch } from "./strategy.ts";

/** A message of the owner. */
export interface SearchedMessage {
  readonly messageId: string;
  readonly sessionId: string;
  readonly role: string;
  readonly name?: string | undefined;
  /** Unix ms. */
  readonly createdAt: number;
  readonly text: string;
}

export interface ScoredMessage {
  /** One of those that were given, the object itself. */
  readonly message: SearchedMessage;
  /** Comparable within one search; higher is better. */
  readonly score: number;
}

export interface RelevantOptions {
  /** Left out where it gives `false`; default none are. */
  readonly accept?: ((message: SearchedMessage) => boolean) | undefined;
  /** Standard deviations that a message is put ahead; default 0. */
  readonly favour?: ((message: SearchedMessage) => number) | undefined;
}

/** What a strategy is asked, and what it may look at. */
export interface CustomSearch {
  readonly query: string;
  /** Messages at most. */
  readonly k: number;
  /** Unix ms. */
  readonly now: number;
  readonly lookbackMs: number;
  readonly sessionId?: string | undefined;
  /** The time that the query names of the conversation, Unix ms, the end not included: nothing else was asked for. */
  readonly time?: { readonly from: number; readonly to: number } | undefined;
  /** All messages of the owner in order of time; of a large owner the candidates. */
  readonly messages: () => readonly SearchedMessage[];
  /** The built-in ranking by words, meaning and what was said beside, the best first, at most `k`. */
  readonly relevant: (options?: RelevantOptions) => readonly ScoredMessage[];
}

/** In place of a built-in strategy. What it throws is a `memory.fault` of `strategy`, and the built-in one answers. */
export interface CustomStrategy {
  /** The best first; what was not given, what comes twice, what has no finite score and what is beyond `k` is left out. */
  find(search: CustomSearch): readonly ScoredMessage[];
}

/** The search as a custom strategy sees it. */
export function customSearch(search: StrategySearch): CustomSearch {
  return new TurnSearch(search);
}

/** @param builtIn which answers when the custom one throws */
export function adaptStrategy(
  custom: CustomStrategy,
  builtIn: RecallStrategy,
  onError: (error: unknown) => void,
): RecallStrategy {
  return {
    ...builtIn,
    find(search) {
      const view = new TurnSearch(search);
      try {
        return view.turnsOf(custom.find(view));
      } catch (error) {
        onError(error);
        return builtIn.find(search);
      }
    },
  };
}

/** A built-in strategy as a custom one: what the contract of custom ones is run on. */
export function asCustomStrategy(builtIn: RecallStrategy): CustomStrategy {
  return {
    find(search) {
      if (!(search instanceof TurnSearch)) throw new TypeError("A built-in strategy searches what customSearch() made.");
      return search.messagesOf(builtIn.find(search.search));
    },
  };
}

class TurnSearch implements CustomSearch {
  readonly search: StrategySearch;
  readonly query: string;
  readonly k: number;
  readonly now: number;
  readonly lookbackMs: number;
  readonly sessionId: string | undefined;
  readonly time: CustomSearch["time"];
  readonly #byTurn = new Map<MemoryTurn, SearchedMessage>();
  readonly #byMessage = new Map<SearchedMessage, FoundTurn>();

  constructor(search: StrategySearch) {
    const { query, k, now, lookbackMs, sessionId, window } = search;
    this.search = search;
    this.query = query;
    this.k = k;
    this.now = now;
    this.lookbackMs = lookbackMs;
    this.sessionId = sessionId;
    this.time = window?.isHard === true ? { from: window.from, to: window.to } : undefined;
  }

  // Fields and not methods, so that a strategy may take them apart.
  readonly messages = (): readonly SearchedMessage[] =>
    this.search.memory.inOrderOfTime().map((turn) => this.#messageOf({ turn, score: 0, source: "recent" }));

  readonly relevant = ({ accept, favour }: RelevantOptions = {}): readonly ScoredMessage[] => {
    const of = (turn: MemoryTurn): SearchedMessage => this.#messageOf({ turn, score: 0, source: "recent" });
    const found = findRelevant(this.search, {
      ...(accept !== undefined && { accept: (turn) => accept(of(turn)) }),
      ...(favour !== undefined && { favour: (turn) => favour(of(turn)) }),
    });
    return this.messagesOf(found);
  };

  messagesOf(found: readonly FoundTurn[]): readonly ScoredMessage[] {
    return found.map((one) => {
      const message = this.#messageOf(one);
      this.#byMessage.set(message, one);
      return { message, score: one.score };
    });
  }

  turnsOf(given: readonly ScoredMessage[]): readonly FoundTurn[] {
    const seen = new Set<SearchedMessage>();
    const found: FoundTurn[] = [];
    for (const { message, score } of given) {
      const known = this.#byMessage.get(message);
      if (known === undefined || seen.has(message) || !Number.isFinite(score)) continue;
      seen.add(message);
      found.push({ ...known, score });
    }
    return found.toSorted((a, b) => b.score - a.score).slice(0, this.k);
  }

  #messageOf(found: FoundTurn): SearchedMessage {
    const { turn } = found;
    const known = this.#byTurn.get(turn);
    if (known !== undefined) return known;
    const { id, messageId = id, sessionId, role, name, createdAt, text } = turn;
    const message = Object.freeze({ messageId, sessionId, role, name, createdAt, text });
    this.#byTurn.set(turn, message);
    this.#byMessage.set(message, found);
    return message;
  }
}
