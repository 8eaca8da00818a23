/**
 * One recall without LangChain: the memory as new as the log, the time that the query names, the strategy, the search, and a second
 * look where the first was unsure. What fails on the way is left out and said.
 */
import type { CallOptions } from "../core/abort.ts";
import type { OwnerTurn } from "../history/tables/conversation-catalog.ts";
import { fold, wordForms } from "../text/terms.ts";
import { OwnerMemory } from "./turns/owner-memory.ts";
import type { OwnerMemories } from "./turns/owner-memories.ts";
import type { Degradation } from "./recall.ts";
import type { RecallRouter, Route } from "./routers/recall-router.ts";
import type { StoredVectors } from "./turns/stored-vectors.ts";
import type { FoundTurn, RecallStrategy, Strategy, StrategySearch } from "./strategy.ts";
import { timeWindow, type TimeWindow } from "./time/time-window.ts";
import { isBeyondTime } from "./turns/relevance.ts";
import type { TurnSource } from "./turns/turn-source.ts";
import type { TurnVectors } from "./turns/turn-vectors.ts";
import { worthTheirTokens } from "./turns/worth-its-tokens.ts";

export interface RecallEngineOptions {
  readonly source: TurnSource;
  readonly memories: OwnerMemories;
  readonly vectors: TurnVectors | undefined;
  /** Of owners who are too large for memory. */
  readonly stored: StoredVectors | undefined;
  readonly route: RecallRouter;
  readonly strategies: Readonly<Record<Strategy, RecallStrategy>>;
  readonly sittingGapMs: number;
}

export interface EngineRequest extends CallOptions {
  readonly ownerId: string;
  readonly sessionId: string | undefined;
  readonly query: string;
  readonly strategy: "auto" | Strategy;
  readonly k: number;
  readonly lookbackMs: number;
  readonly now: number;
  readonly timeZone: string;
  readonly standing: (strategy: Strategy) => number;
  /** Whether the router may give fewer than `k`. */
  readonly isTrimmed: boolean;
}

/** What a recall goes by, before anything is searched. */
export interface Prepared {
  readonly memory: OwnerMemory;
  readonly position: string;
  readonly window: TimeWindow | undefined;
  readonly isLarge: boolean;
}

export interface EngineResult extends Route {
  readonly found: readonly FoundTurn[];
  readonly degraded: readonly Degradation[];
}

/** Nobody asks with more; what is beyond is neither searched nor embedded. */
export const MAX_QUERY = 32_768;
/** Standard deviations by which another conversation must lead before a search of the session alone is widened. */
const LEAD = 1;
/** Greetings and thanks are above it, keywords below. */
const SURELY_NOTHING = 0.975;
const LONGEST_SMALL_TALK = 400;
const NEARLY_ALL = 0.75;
/** Of a large owner's session, read for what stands at its end. */
const TAIL = 256;
const CANDIDATES = 300;
const SESSION_CANDIDATES = 100;

export class RecallEngine {
  readonly #options: RecallEngineOptions;

  constructor(options: RecallEngineOptions) {
    this.#options = options;
  }

  /** @throws what the history threw */
  async prepare(request: EngineRequest): Promise<Prepared> {
    const { ownerId, signal } = request;
    const { memory, position } = await this.#options.memories.current(ownerId, { signal });
    if (memory !== undefined) return { memory, position, window: this.#windowOf(request, memory), isLarge: false };
    const some = await this.#candidates(request);
    const window = this.#windowOf(request, some);
    if (!window?.isHard) return { memory: some, position, window, isLarge: true };
    // What is found at all times stays beside what is found at this one, where the time may have to be given up.
    const beside = window.mayBeMisread ? some : undefined;
    return { memory: await this.#candidates(request, window, beside), position, window, isLarge: true };
  }

  /** Rejects only when the caller's signal aborts. */
  async search(request: EngineRequest, prepared: Prepared): Promise<EngineResult> {
    const { memory, window, isLarge } = prepared;
    const { query, strategy, sessionId, standing } = request;
    const { strategies } = this.#options;
    const isAuto = strategy === "auto";
    const hasSession = sessionId !== undefined && (memory.order.turnsOf(memory.order.session(sessionId) ?? -1).length ?? 0) > 0;
    const route = isAuto
      ? this.#options.route({ query, time: window?.isHard ? window.text : undefined, hasSession, standing })
      : { strategy, reason: "as configured", confidence: 1, propensity: 1, isExploration: false };
    const large: readonly Degradation[] = isLarge ? ["large-owner"] : [];
    let compared: { cosines?: Float32Array | undefined; degraded: readonly Degradation[] } | undefined;
    const find = async (name: Strategy): Promise<readonly FoundTurn[]> => {
      const { needsVector } = strategies[name];
      // A listing of a time compares nothing.
      if (needsVector && !(window?.isHard && !window.hasTopic)) compared ??= await this.#compare(request, prepared);
      const { k, now, lookbackMs } = request;
      const search: StrategySearch = { memory, query, k, now, lookbackMs, sessionId, cosines: compared?.cosines, window };
      return strategies[name].find(search);
    };
    let found = await find(route.strategy);
    let served: Route = route;
    if (isAuto && !route.isExploration) {
      const doubt = isAboutMessages(route, query, memory)
        ? "there are messages about it"
        : await unsure(route.strategy, found, () => find("cross_conversation"));
      if (doubt !== undefined) {
        served = { ...route, strategy: "hybrid", reason: `${route.reason}; then hybrid, since ${doubt}` };
        found = await find("hybrid");
      }
    }
    if (isBeyondTime(window, found)) {
      served = {
        ...served,
        reason: `${served.reason}; nothing on it was said then ("${window?.text}"), so other times were searched`,
      };
    }
    // Who names a strategy or a time, or reranks, gets the k that was asked for.
    const isTrimmed = isAuto && request.isTrimmed && !window?.isHard && strategies[served.strategy].needsVector;
    if (isTrimmed) found = worthTheirTokens(found);
    return { ...served, found, degraded: [...large, ...(compared?.degraded ?? [])] };
  }

  async #compare(
    { ownerId, sessionId, query, signal }: EngineRequest,
    { memory, position, window, isLarge }: Prepared,
  ): Promise<{ cosines?: Float32Array | undefined; degraded: readonly Degradation[] }> {
    const { vectors, stored } = this.#options;
    if (query.trim() === "") return { degraded: [] };
    if (isLarge) {
      return stored?.compare(memory, { ownerId, position, query, sessionId, window, signal }) ?? { degraded: [] };
    }
    if (vectors === undefined || memory.order.size === 0) return { degraded: [] };
    return vectors.compare(ownerId, memory, query, { signal });
  }

  #windowOf({ query, now, timeZone: zone, sessionId }: EngineRequest, memory: OwnerMemory): TimeWindow | undefined {
    return timeWindow(query, memory, { now, zone, sittingGapMs: this.#options.sittingGapMs, sessionId });
  }

  /** Of an owner who is too large: the turns that the database finds by words, everywhere and in the session, and the session's end. */
  async #candidates(
    { ownerId, query, sessionId, signal }: EngineRequest,
    window?: TimeWindow,
    beside?: OwnerMemory,
  ): Promise<OwnerMemory> {
    const { source } = this.#options;
    const { from, to } = window ?? {};
    const words = { ownerId, query: window?.isHard ? window.rest : query, from, to, signal };
    const search = async (more: { limit: number; sessionId?: string }): Promise<readonly OwnerTurn[] | undefined> =>
      source.isSearchable === false ? undefined : source.search?.({ ...words, ...more });
    const read = await Promise.all([
      search({ limit: CANDIDATES }),
      sessionId === undefined ? [] : search({ sessionId, limit: SESSION_CANDIDATES }),
      sessionId === undefined ? [] : this.#endOf(ownerId, sessionId, signal),
    ]);
    const memory = beside ?? new OwnerMemory();
    for (const turns of read) for (const turn of turns ?? []) memory.put(turn);
    return memory;
  }

  async #endOf(ownerId: string, sessionId: string, signal: AbortSignal | undefined): Promise<readonly OwnerTurn[]> {
    const { source } = this.#options;
    const state = (await source.sessions(ownerId, { signal })).find((one) => one.sessionId === sessionId);
    if (state === undefined) return [];
    const afterSeq = Math.max(0, state.lastSeq - TAIL);
    return (await source.turns({ ownerId, sessionId, afterSeq, limit: TAIL, signal })).turns;
  }
}

/**
 * What takes a query for more than small talk: it names somebody who speaks in the owner's messages, or nearly all that it says is
 * among their words and it is not surely a greeting.
 */
function isAboutMessages({ strategy, confidence }: Route, query: string, { order, lexical }: OwnerMemory): boolean {
  if (strategy !== "session_only" || query.length > LONGEST_SMALL_TALK) return false;
  const named = new Set(fold(query).match(/[\p{L}\p{N}]+/gu));
  for (const speaker of order.speakers()) if (named.has(fold(speaker).split(" ")[0] ?? speaker)) return true;
  if (confidence >= SURELY_NOTHING) return false;
  const words = wordForms(query);
  const known = words.filter((forms) => forms.some((form) => lexical.has(form)));
  return known.length > 0 && known.length >= NEARLY_ALL * words.length;
}

/** What is wrong with the outcome of a routed search; `undefined` when nothing is. */
async function unsure(
  strategy: Strategy,
  found: readonly FoundTurn[],
  everywhere: () => Promise<readonly FoundTurn[]>,
): Promise<string | undefined> {
  if (strategy === "recent_history") return found.length === 0 ? "the session has nothing so recent" : undefined;
  if (strategy !== "semantic_search") return undefined;
  const [best] = found;
  if (best === undefined) return "the session has nothing on it";
  const [elsewhere] = await everywhere();
  const leads =
    elsewhere !== undefined && elsewhere.turn.sessionId !== best.turn.sessionId && elsewhere.score > best.score + LEAD;
  return leads ? "another conversation has much more on it" : undefined;
}
