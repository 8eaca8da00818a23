/** What is remembered of one owner, indexed in memory: the order of the turns, their words, their vectors. */
import type { OwnerTurn } from "../../history/tables/conversation-catalog.ts";
import { DenseIndex } from "./dense-index.ts";
import { LexicalIndex } from "./lexical-index.ts";
import { wordForms } from "../../text/terms.ts";
import { sittingsOf, type Sitting } from "../time/sittings.ts";
import { TurnOrder, type MemoryTurn } from "./turn-order.ts";

/** Of a turn beside its text: postings, places, the object. Measured on LoCoMo; the text itself counts two bytes a unit, and again in postings. */
const BYTES_PER_TURN = 700;
const BYTES_PER_UNIT = 6;

export class OwnerMemory {
  readonly order: TurnOrder = new TurnOrder();
  readonly lexical: LexicalIndex = new LexicalIndex(this.order);
  /** Made with the first vector, which says how many dimensions there are. */
  #dense: DenseIndex | undefined;
  #bytes = 0;
  /** Grows with every change of a turn. */
  #version = 0;
  #sittings: { readonly version: number; readonly gapMs: number; readonly list: readonly Sitting[] } | undefined;

  get dense(): DenseIndex | undefined {
    return this.#dense;
  }

  get version(): number {
    return this.#version;
  }

  /** About what this takes of the heap. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Of the turns that were added, so many are gone; their places are kept. */
  get holes(): number {
    return this.order.numbers - this.order.size;
  }

  /** Takes a turn in, in place of the one that it replaces; one that is there already stays as it is, with its vector. */
  put(turn: OwnerTurn): void {
    const id = placeOf(turn);
    const known = this.order.numberOf(id);
    const old = known === undefined ? undefined : this.order.turn(known);
    if (known !== undefined && old !== undefined) {
      if (old.text === turn.text && old.messageId === turn.id && old.createdAt === turn.createdAt && old.name === turn.name)
        return;
      this.#drop(known, old);
    }
    const { sessionId, seq, role, name, createdAt, text } = turn;
    const added: MemoryTurn = { id, messageId: turn.id, sessionId, seq, role, name, createdAt, text };
    this.lexical.add(this.order.add(added), added);
    this.#bytes += BYTES_PER_TURN + text.length * BYTES_PER_UNIT;
    this.#version++;
  }

  /** Makes the turns of a session these, and no others. */
  replaceSession(sessionId: string, turns: readonly OwnerTurn[]): void {
    const kept = new Set(turns.map(placeOf));
    const session = this.order.session(sessionId);
    for (const number of session === undefined ? [] : [...this.order.turnsOf(session)]) {
      const turn = this.order.turn(number);
      if (turn !== undefined && !kept.has(turn.id)) this.#drop(number, turn);
    }
    for (const turn of turns) this.put(turn);
  }

  /** Keeps the vector of a turn, unless it changed since `text` was embedded. */
  setVector(number: number, text: string, vector: ArrayLike<number>): void {
    if (this.order.turn(number)?.text !== text) return;
    this.#dense ??= new DenseIndex(vector.length);
    if (this.#dense.set(number, vector)) this.#bytes += vector.length * 4;
  }

  /** Whether some turn holds the word. */
  knows(word: string): boolean {
    return wordForms(word).some((forms) => forms.some((form) => this.lexical.has(form)));
  }

  /** The owner's sittings, oldest first. */
  sittings(gapMs: number): readonly Sitting[] {
    const kept = this.#sittings;
    if (kept?.version === this.#version && kept.gapMs === gapMs) return kept.list;
    const list = sittingsOf(this.inOrderOfTime(), gapMs);
    this.#sittings = { version: this.#version, gapMs, list };
    return list;
  }

  /** Every turn, oldest first. */
  inOrderOfTime(): MemoryTurn[] {
    return [...this.turns()].toSorted((a, b) => a.createdAt - b.createdAt || a.seq - b.seq);
  }

  *turns(): Generator<MemoryTurn> {
    for (let number = 0; number < this.order.numbers; number++) {
      const turn = this.order.turn(number);
      if (turn !== undefined) yield turn;
    }
  }

  #drop(number: number, turn: MemoryTurn): void {
    this.lexical.remove(number, turn);
    this.order.remove(number);
    if (this.#dense?.has(number)) this.#bytes -= this.#dense.dimensions * 4;
    this.#dense?.remove(number);
    this.#bytes -= BYTES_PER_TURN + turn.text.length * BYTES_PER_UNIT;
    this.#version++;
  }
}

/** A session's numbers are its own, and message ids are unique within a session only. */
export function placeOf({ sessionId, seq }: Pick<OwnerTurn, "sessionId" | "seq">): string {
  return `${seq}:${sessionId}`;
}
