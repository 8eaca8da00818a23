/**
 * Ranks the turns of one owner for a query: words and meaning, in context, fused by score.
 *
 * A chat turn is short and elliptic: "Yes, last Sunday!" answers a question whose words are in the turn before it, within a
 * conversation whose topic was named ten turns ago. So each signal of a turn is its own score, plus a part of the better of its
 * neighbours', plus a part of its session's. The two signals are then brought to one scale (standard deviations above the mean
 * over all turns) and added; ranks are not fused, because a rank forgets by how much a turn leads.
 *
 * Recency is no part of the score: added to it, it halves the accuracy (see `docs/concepts/memory.md`).
 *
 * Weights were chosen leaving one LoCoMo conversation out at a time; each fold chose these or a neighbouring step, and the
 * optimum is flat. What is not from that data says so.
 */
import type { DenseIndex } from "./dense-index.ts";
import type { LexicalIndex } from "./lexical-index.ts";
import { fold } from "./terms.ts";
import { NO_TURN, type MemoryTurn, type TurnOrder } from "./turn-order.ts";

/** How much of its surroundings a turn takes over. */
export interface ContextWeights {
  readonly beside: number;
  readonly twoAway: number;
  readonly session: number;
}

export interface RankingWeights {
  readonly lexical: ContextWeights;
  readonly dense: ContextWeights;
  /** Of the dense signal; the lexical one has 1. */
  readonly meaning: number;
  /** For the turns of the one speaker whom the query names. */
  readonly speaker: number;
  /** Taken from a turn that asks: it seldom holds the answer. */
  readonly asks: number;
  /**
   * Where people talk with a model, what they said themselves is what they ask for later; the long answers of the model hold every
   * word of the topic and would fill the list. Turned round when the query asks what the model said. From BEAM-100K, where any
   * value from 2 to 4 gives the same recall within a point.
   */
  readonly ownWords: number;
}

export const RANKING_WEIGHTS: RankingWeights = {
  lexical: { beside: 0.5, twoAway: 0.3, session: 0.7 },
  dense: { beside: 0.5, twoAway: 0.2, session: 0.3 },
  meaning: 0.6,
  speaker: 0.4,
  asks: 0.4,
  ownWords: 3,
};

export interface RankedTurn {
  readonly number: number;
  /** Standard deviations above the mean of the scope, weighted; comparable within one query only. */
  readonly score: number;
  /** Cosine with the query, where both have a vector. */
  readonly similarity?: number | undefined;
  /** Which signal put it there. */
  readonly source: "semantic" | "lexical";
}

export interface RankingOptions {
  /** How many at most. */
  readonly k: number;
  /** Which turns may be given; default all. They are ranked among all the same. */
  readonly accept?: ((turn: MemoryTurn, number: number) => boolean) | undefined;
  /** The query's vector; without one, words alone rank. */
  readonly vector?: ArrayLike<number> | undefined;
  /** Default {@link RANKING_WEIGHTS}. */
  readonly weights?: RankingWeights | undefined;
}

export interface RankedMemory {
  readonly order: TurnOrder;
  readonly lexical: LexicalIndex;
  readonly dense?: DenseIndex | undefined;
}

/** The best turns, best first. Turns without any word of the query or its surroundings, and without a vector, are not given. */
export function rankTurns(memory: RankedMemory, query: string, options: RankingOptions): readonly RankedTurn[] {
  const { order, lexical, dense } = memory;
  const weights = options.weights ?? RANKING_WEIGHTS;
  const words = lexical.search(query);
  const cosines = options.vector === undefined ? undefined : dense?.search(options.vector);
  const lexicalSignal = standardised(inContext(words.turns, words.sessions, order, weights.lexical), order.size);
  const denseSignal = cosines && denseScores(cosines, order, weights.dense);
  const prior = turnPrior(order, query, weights);
  const best = new TopList(options.k);
  for (const number of new Set([...lexicalSignal.scores.keys(), ...(denseSignal?.scores.keys() ?? [])])) {
    const turn = order.turn(number);
    if (turn === undefined || options.accept?.(turn, number) === false) continue;
    const byWords = lexicalSignal.scores.get(number) ?? lexicalSignal.none;
    const byMeaning = denseSignal ? weights.meaning * (denseSignal.scores.get(number) ?? denseSignal.none) : 0;
    best.offer({
      number,
      score: byWords + byMeaning + prior(turn, number),
      ...(cosines && { similarity: cosines.get(number) }),
      source: byMeaning > byWords ? "semantic" : "lexical",
    });
  }
  return best.ranked();
}

interface Signal {
  readonly scores: ReadonlyMap<number, number>;
  /** The score of a turn that is not in `scores`. */
  readonly none: number;
}

/** A cosine below the mean is no sign of anything; above it, it counts by how rare it is. */
function denseScores(cosines: ReadonlyMap<number, number>, order: TurnOrder, weights: ContextWeights): Signal {
  const own = new Map<number, number>();
  const sessions = new Map<number, number>();
  for (const [number, score] of standardised(cosines, cosines.size).scores) {
    if (score <= 0) continue;
    own.set(number, score);
    const session = order.sessionOf(number);
    if (score > (sessions.get(session) ?? 0)) sessions.set(session, score);
  }
  return standardised(inContext(own, sessions, order, weights), order.size);
}

/** Only turns with a score of their own or beside one: a session's score alone does not single out any of its turns. */
function inContext(
  own: ReadonlyMap<number, number>,
  sessions: ReadonlyMap<number, number>,
  order: TurnOrder,
  weights: ContextWeights,
): Map<number, number> {
  const of = (number: number): number => (number === NO_TURN ? 0 : (own.get(number) ?? 0));
  const scores = new Map<number, number>();
  const score = (number: number): void => {
    if (number === NO_TURN || scores.has(number)) return;
    const previous = order.previous(number);
    const next = order.next(number);
    const beside = Math.max(of(previous), of(next));
    const twoAway = Math.max(of(order.previous(previous)), of(order.next(next)));
    const session = sessions.get(order.sessionOf(number)) ?? 0;
    scores.set(number, of(number) + weights.beside * beside + weights.twoAway * twoAway + weights.session * session);
  };
  for (const number of own.keys()) {
    const previous = order.previous(number);
    const next = order.next(number);
    for (const near of [number, previous, next, order.previous(previous), order.next(next)]) score(near);
  }
  return scores;
}

/** In standard deviations from the mean over `all` turns; those without a score count as 0. */
function standardised(scores: ReadonlyMap<number, number>, all: number): Signal {
  let sum = 0;
  let squares = 0;
  for (const score of scores.values()) {
    sum += score;
    squares += score * score;
  }
  const mean = sum / Math.max(1, all);
  const deviation = Math.sqrt(Math.max(0, squares / Math.max(1, all) - mean * mean)) || 1;
  const result = new Map<number, number>();
  for (const [number, score] of scores) result.set(number, (score - mean) / deviation);
  return { scores: result, none: -mean / deviation };
}

/** What a query asks the other side's words with: "what did you recommend?", "o que você sugeriu?". */
const ASKS_THE_MODEL =
  /\byou (?:said|say|told|tell|mention|mentioned|recommend|recommended|suggest|suggested|explain|explained|gave|give|wrote|propose|proposed|answered|advise|advised)\b|\byour (?:answer|advice|suggestion|suggestions|recommendation|recommendations|explanation|reply)\b|\b(?:voce|tu) (?:me )?(?:disse|disseste|falou|recomendou|sugeriu|explicou|mencionou|escreveu|respondeu|deu|propos|indicou)\b|\bsua (?:resposta|sugestao|recomendacao|explicacao)\b/;

function turnPrior(order: TurnOrder, query: string, weights: RankingWeights): (turn: MemoryTurn, number: number) => number {
  const folded = fold(query);
  const speaker = theSpeakerNamedIn(folded, order);
  const own = ASKS_THE_MODEL.test(folded) ? "ai" : "human";
  const mixed = new Map<number, boolean>();
  const isMixed = (session: number): boolean => {
    let known = mixed.get(session);
    if (known === undefined) {
      const roles = new Set(order.turnsOf(session).map((number) => order.turn(number)?.role));
      mixed.set(session, (known = roles.has("human") && roles.has("ai")));
    }
    return known;
  };
  return (turn, number) =>
    (speaker !== undefined && turn.name === speaker ? weights.speaker : 0) -
    (/\?\s*$/.test(turn.text) ? weights.asks : 0) +
    (turn.role === own && isMixed(order.sessionOf(number)) ? weights.ownWords : 0);
}

/** `undefined` unless exactly one of those who speak is named. */
function theSpeakerNamedIn(folded: string, order: TurnOrder): string | undefined {
  const words = new Set(folded.match(/[\p{L}\p{N}]+/gu));
  const named = [...order.speakers()].filter((name) => words.has(fold(name).split(" ")[0] ?? name));
  return named.length === 1 ? named[0] : undefined;
}

/** The k best of a stream, by a heap whose root is the worst of them. */
class TopList {
  readonly #k: number;
  readonly #heap: RankedTurn[] = [];

  constructor(k: number) {
    this.#k = k;
  }

  offer(turn: RankedTurn): void {
    const heap = this.#heap;
    if (heap.length < this.#k) {
      heap.push(turn);
      for (let at = heap.length - 1; at > 0;) {
        const parent = (at - 1) >> 1;
        if (!worse(heap[at] as RankedTurn, heap[parent] as RankedTurn)) break;
        swap(heap, at, parent);
        at = parent;
      }
    } else if (this.#k > 0 && worse(heap[0] as RankedTurn, turn)) {
      heap[0] = turn;
      for (let at = 0; ;) {
        const left = 2 * at + 1;
        const right = left + 1;
        let worst = at;
        if (left < heap.length && worse(heap[left] as RankedTurn, heap[worst] as RankedTurn)) worst = left;
        if (right < heap.length && worse(heap[right] as RankedTurn, heap[worst] as RankedTurn)) worst = right;
        if (worst === at) break;
        swap(heap, at, worst);
        at = worst;
      }
    }
  }

  ranked(): readonly RankedTurn[] {
    return this.#heap.toSorted((a, b) => (worse(a, b) ? 1 : -1));
  }
}

/** Of equals the earlier one is better, so that the order is the same each time. */
function worse(a: RankedTurn, b: RankedTurn): boolean {
  return a.score < b.score || (a.score === b.score && a.number > b.number);
}

function swap(heap: RankedTurn[], a: number, b: number): void {
  const kept = heap[a] as RankedTurn;
  heap[a] = heap[b] as RankedTurn;
  heap[b] = kept;
}
