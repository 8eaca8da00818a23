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
 * What people write to a model and what it answers is another kind of text than what they say to each other: a turn stands for
 * itself, a turn that asks is as likely meant as any, and its length tells (`lexical-index.ts`). So there are two sets of weights, and
 * the roles within a session say which holds for its turns.
 */
import type { DenseIndex } from "./dense-index.ts";
import type { LexicalIndex } from "./lexical-index.ts";
import { fold } from "../../text/terms.ts";
import { NO_TURN, type MemoryTurn, type TurnOrder } from "./turn-order.ts";

/** How much of its surroundings a turn takes over. */
export interface ContextWeights {
  readonly beside: number;
  readonly twoAway: number;
  readonly session: number;
}

/** For the turns of one kind of session. */
export interface TurnWeights {
  readonly lexical: ContextWeights;
  readonly dense: ContextWeights;
  /** Of the dense signal; the lexical one has 1. */
  readonly meaning: number;
  /** For the turns of the one speaker whom the query names. */
  readonly speaker: number;
  /** Taken from a turn that asks: between people it seldom holds the answer. */
  readonly asks: number;
  /**
   * What somebody told a model is what they ask for later; its long answers hold every word of the topic and would fill the list.
   * Turned round when the query asks what the model said.
   */
  readonly ownWords: number;
}

export interface RankingWeights {
  /** People talk with each other. */
  readonly people: TurnWeights;
  /** Somebody talks with a model. */
  readonly withModel: TurnWeights;
}

/**
 * `people` is chosen leaving one LoCoMo conversation out at a time, `withModel` one BEAM-100K chat: each fold chose these or a
 * neighbouring step, and the optima are flat.
 */
export const RANKING_WEIGHTS: RankingWeights = {
  people: {
    lexical: { beside: 0.5, twoAway: 0.3, session: 1 },
    dense: { beside: 0.5, twoAway: 0.2, session: 0.3 },
    meaning: 0.5,
    speaker: 0.4,
    asks: 1.2,
    ownWords: 0,
  },
  withModel: {
    lexical: { beside: 0.5, twoAway: 0, session: 0.7 },
    dense: { beside: 0.5, twoAway: 0, session: 0.3 },
    meaning: 0.8,
    speaker: 0.4,
    asks: 0,
    ownWords: 3,
  },
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
  /** In place of `vector`, where another index has compared them: cosines by turn, NaN where there is none. */
  readonly cosines?: Float32Array | undefined;
  /** Added to a turn's score, in standard deviations. */
  readonly favour?: ((turn: MemoryTurn, number: number) => number) | undefined;
  /** Default {@link RANKING_WEIGHTS}. */
  readonly weights?: RankingWeights | undefined;
}

export interface RankedMemory {
  readonly order: TurnOrder;
  readonly lexical: LexicalIndex;
  readonly dense?: DenseIndex | undefined;
}

type WeightsOf<T = TurnWeights> = (session: number) => T;

/** The best turns, best first. Turns without any word of the query or its surroundings, and without a vector, are not given. */
export function rankTurns(memory: RankedMemory, query: string, options: RankingOptions): readonly RankedTurn[] {
  const { order, lexical, dense } = memory;
  const { people, withModel } = options.weights ?? RANKING_WEIGHTS;
  const weightsOf: WeightsOf = (session) => (order.isWithModel(session) ? withModel : people);
  const words = lexical.search(query);
  const byWords = inContext(words.turns, words.sessions, order, (session) => weightsOf(session).lexical);
  const cosines = options.cosines ?? (options.vector === undefined ? undefined : dense?.search(options.vector));
  const byMeaning = cosines && denseScores(cosines, order, (session) => weightsOf(session).dense);
  const wordScale = scaleOf(byWords, order.size);
  const meaningScale = byMeaning && scaleOf(byMeaning, order.size);
  const prior = turnPrior(order, query, weightsOf);
  const best = new TopList(options.k);
  for (let number = 0; number < byWords.length; number++) {
    if (byWords[number] === 0 && !byMeaning?.[number]) continue;
    const turn = order.turn(number);
    if (turn === undefined || options.accept?.(turn, number) === false) continue;
    const word = standardised(byWords[number], wordScale);
    const { meaning: share } = weightsOf(order.sessionOf(number));
    const meaning = meaningScale ? share * standardised(byMeaning?.[number], meaningScale) : 0;
    const cosine = cosines?.[number];
    best.offer({
      number,
      score: word + meaning + prior(turn, number) + (options.favour?.(turn, number) ?? 0),
      ...(cosine !== undefined && !Number.isNaN(cosine) && { similarity: cosine }),
      source: meaning > word ? "semantic" : "lexical",
    });
  }
  return best.ranked();
}

/** A cosine below the mean is no sign of anything; above it, it counts by how rare it is. */
function denseScores(cosines: Float32Array, order: TurnOrder, weightsOf: WeightsOf<ContextWeights>): Float32Array {
  const scale = scaleOf(cosines, order.size);
  const own = new Float32Array(order.numbers);
  const sessions = new Float32Array(order.sessions);
  for (let number = 0; number < Math.min(own.length, cosines.length); number++) {
    const score = standardised(cosines[number], scale);
    if (!(score > 0)) continue;
    own[number] = score;
    const session = order.sessionOf(number);
    if (score > (sessions[session] as number)) sessions[session] = score;
  }
  return inContext(own, sessions, order, weightsOf);
}

/** Only for turns with a score of their own or beside one: a session's score alone does not single out any of its turns. */
function inContext(
  own: Float32Array,
  sessions: Float32Array,
  order: TurnOrder,
  weightsOf: WeightsOf<ContextWeights>,
): Float32Array {
  const of = (number: number): number => (number === NO_TURN ? 0 : (own[number] as number));
  const scores = new Float32Array(own.length);
  for (let number = 0; number < own.length; number++) {
    const previous = order.previous(number);
    const next = order.next(number);
    const beside = Math.max(of(previous), of(next));
    const twoAway = Math.max(
      previous === NO_TURN ? 0 : of(order.previous(previous)),
      next === NO_TURN ? 0 : of(order.next(next)),
    );
    const mine = of(number);
    if (mine === 0 && beside === 0 && twoAway === 0) continue;
    const session = order.sessionOf(number);
    const weights = weightsOf(session);
    const ofSession = weights.session * (sessions[session] as number);
    scores[number] = mine + weights.beside * beside + weights.twoAway * twoAway + ofSession;
  }
  return scores;
}

interface Scale {
  readonly mean: number;
  readonly deviation: number;
}

/** Over so many turns; those without a score count as 0. */
function scaleOf(scores: Float32Array, turns: number): Scale {
  let sum = 0;
  let squares = 0;
  for (const score of scores) {
    if (Number.isNaN(score)) continue;
    sum += score;
    squares += score * score;
  }
  const mean = sum / Math.max(1, turns);
  return { mean, deviation: Math.sqrt(Math.max(0, squares / Math.max(1, turns) - mean * mean)) || 1 };
}

/** In standard deviations from the mean. */
function standardised(score: number | undefined, { mean, deviation }: Scale): number {
  return ((score ?? 0) - mean) / deviation;
}

/** What a query asks the other side's words with: "what did you recommend?", "o que você sugeriu?". */
const ASKS_THE_MODEL =
  /\byou (?:said|say|told|tell|mention|mentioned|recommend|recommended|suggest|suggested|explain|explained|gave|give|wrote|propose|proposed|answered|advise|advised)\b|\byour (?:answer|advice|suggestion|suggestions|recommendation|recommendations|explanation|reply)\b|\b(?:voce|tu) (?:me )?(?:disse|disseste|falou|recomendou|sugeriu|explicou|mencionou|escreveu|respondeu|deu|propos|indicou)\b|\bsua (?:resposta|sugestao|recomendacao|explicacao)\b/;

function turnPrior(order: TurnOrder, query: string, weightsOf: WeightsOf): (turn: MemoryTurn, number: number) => number {
  const folded = fold(query);
  const speaker = theSpeakerNamedIn(folded, order);
  const own = ASKS_THE_MODEL.test(folded) ? "ai" : "human";
  return (turn, number) => {
    const weights = weightsOf(order.sessionOf(number));
    return (
      (speaker !== undefined && turn.name === speaker ? weights.speaker : 0) -
      (order.asks(number) ? weights.asks : 0) +
      (turn.role === own ? weights.ownWords : 0)
    );
  };
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
