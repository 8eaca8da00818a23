/**
 * BM25 over the turns of one owner, in memory, incremental (Robertson & Zaragoza, "The Probabilistic Relevance Framework: BM25
 * and Beyond", 2009). It scores turns and, in the same walk over the postings, their sessions, each session taken as one document:
 * a topic is named once in a conversation and then talked about.
 */
import { wordForms } from "../../text/terms.ts";
import type { MemoryTurn, TurnOrder } from "./turn-order.ts";

/** Scores of the turns and sessions that share a word with the query; every other one has 0. */
export interface LexicalScores {
  /** By the number of the turn. */
  readonly turns: Float32Array;
  /** By the number of the session. */
  readonly sessions: Float32Array;
}

/**
 * `k1` saturates repetition, `b` is the weight of length. Both are low for what people say to each other: how long a turn is says
 * little of it. Chosen leaving one LoCoMo conversation out at a time; the optimum is flat. What is written to a model, and what it
 * answers, runs from a line to pages and names every word of its topic: documents, for which the usual values hold.
 */
const TURN = { k1: 0.9, b: 0.3 };
const DOCUMENT = { k1: 0.9, b: 0.75 };
const SESSION = { k1: 1.2, b: 0.75 };

/** What is indexed of a text, UTF-16 units: the rest of a pasted book does not make a turn easier to find. */
const MAX_TEXT = 32_768;
/** Distinct words of a query that are looked up. */
const MAX_QUERY_WORDS = 64;

interface Postings {
  /** Number of the turn and count, alternating. */
  readonly rows: number[];
}

export class LexicalIndex {
  readonly #order: TurnOrder;
  readonly #postings = new Map<string, Postings>();
  /** By turn. */
  readonly #words: number[] = [];
  /** By session. */
  readonly #sessionWords: number[] = [];
  #allWords = 0;

  constructor(order: TurnOrder) {
    this.#order = order;
  }

  /** Indexes a turn that the order has just been given. */
  add(number: number, turn: MemoryTurn): void {
    const words = searchableWords(turn);
    const counts = new Map<string, number>();
    for (const forms of words) for (const form of forms) counts.set(form, (counts.get(form) ?? 0) + 1);
    for (const [form, count] of counts) {
      const postings = this.#postings.get(form);
      if (postings === undefined) this.#postings.set(form, { rows: [number, count] });
      else postings.rows.push(number, count);
    }
    this.#count(number, words.length);
  }

  /** Forgets a turn that the order still holds. */
  remove(number: number, turn: MemoryTurn): void {
    for (const form of new Set(searchableWords(turn).flat())) {
      const rows = this.#postings.get(form)?.rows ?? [];
      const at = rows.findIndex((value, index) => index % 2 === 0 && value === number);
      if (at >= 0) rows.splice(at, 2);
      if (rows.length === 0) this.#postings.delete(form);
    }
    this.#count(number, -(this.#words[number] ?? 0));
  }

  /** Whether some turn has a word of this form. */
  has(form: string): boolean {
    return this.#postings.has(form);
  }

  search(query: string): LexicalScores {
    const turns = new Float32Array(this.#order.numbers);
    const sessions = new Float32Array(this.#order.sessions);
    const word = { turns: new Float32Array(turns.length), sessions: new Float32Array(sessions.length) };
    for (const forms of queryWords(query)) {
      const touched = this.#scoreWord(forms, word);
      for (const number of touched.turns) move(word.turns, turns, number);
      for (const number of touched.sessions) move(word.sessions, sessions, number);
    }
    return { turns, sessions };
  }

  /** Of a word's forms, the one that fits best counts, so that a word counts once. Gives whom it scored, some of them twice. */
  #scoreWord(forms: readonly string[], into: LexicalScores): { turns: number[]; sessions: number[] } {
    const touched = { turns: [] as number[], sessions: [] as number[] };
    const averageTurn = this.#allWords / Math.max(1, this.#order.size);
    const averageSession = this.#allWords / Math.max(1, this.#order.sessions);
    for (const form of forms) {
      const rows = this.#postings.get(form)?.rows ?? [];
      const rarity = inverseFrequency(this.#order.size, rows.length / 2);
      const inSession = new Map<number, number>();
      for (let i = 0; i < rows.length; i += 2) {
        const number = rows[i] as number;
        const count = rows[i + 1] as number;
        const session = this.#order.sessionOf(number);
        const kind = this.#order.isWithModel(session) ? DOCUMENT : TURN;
        raise(into.turns, number, rarity * saturation(count, kind, (this.#words[number] as number) / averageTurn));
        touched.turns.push(number);
        inSession.set(session, (inSession.get(session) ?? 0) + count);
      }
      const sessionRarity = inverseFrequency(this.#order.sessions, inSession.size);
      for (const [session, count] of inSession) {
        const length = (this.#sessionWords[session] ?? 0) / averageSession;
        raise(into.sessions, session, sessionRarity * saturation(count, SESSION, length));
        touched.sessions.push(session);
      }
    }
    return touched;
  }

  #count(number: number, words: number): void {
    const session = this.#order.sessionOf(number);
    this.#words[number] = Math.max(0, words);
    this.#sessionWords[session] = (this.#sessionWords[session] ?? 0) + words;
    this.#allWords += words;
  }
}

function searchableWords(turn: MemoryTurn): ReturnType<typeof wordForms> {
  return wordForms(`${dateWords(turn.createdAt)} ${turn.name ?? ""} ${turn.text.slice(0, MAX_TEXT)}`);
}

/** The distinct words of a query, at most so many; each as its forms. */
function queryWords(query: string): (readonly string[])[] {
  const words = new Map<string, readonly string[]>();
  for (const forms of wordForms(query.slice(0, MAX_TEXT))) {
    if (words.size >= MAX_QUERY_WORDS) break;
    words.set(forms[0], forms);
  }
  return [...words.values()];
}

function raise(scores: Float32Array, at: number, score: number): void {
  if (score > (scores[at] as number)) scores[at] = score;
}

function move(from: Float32Array, to: Float32Array, at: number): void {
  to[at] = (to[at] as number) + (from[at] as number);
  from[at] = 0;
}

/** Never negative, also for a word that is in every turn. */
function inverseFrequency(all: number, having: number): number {
  return Math.log(1 + (all - having + 0.5) / (having + 0.5));
}

function saturation(count: number, { k1, b }: { k1: number; b: number }, relativeLength: number): number {
  return (count * (k1 + 1)) / (count + k1 * (1 - b + b * relativeLength));
}

const MONTHS = [
  "january janeiro",
  "february fevereiro",
  "march março",
  "april abril",
  "may maio",
  "june junho",
  "july julho",
  "august agosto",
  "september setembro",
  "october outubro",
  "november novembro",
  "december dezembro",
];

/** What people call the day in a question: "what did I say in May 2023?". In UTC: only the hours around midnight differ. */
function dateWords(createdAt: number): string {
  const date = new Date(createdAt);
  return Number.isNaN(date.getTime()) ? "" : `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
}
