/**
 * The order of an owner's turns: which stand beside each other in a session. Turns are numbered in the order of arrival, so that
 * scores are plain arrays; a removed number is not given again.
 */
export interface MemoryTurn {
  /** Unique within the owner. */
  readonly id: string;
  /** The id that the message itself has, which another session's message may have too; default `id`. */
  readonly messageId?: string | undefined;
  readonly sessionId: string;
  /** Orders the turns of a session; unique within it. */
  readonly seq: number;
  readonly role: string;
  readonly name?: string | undefined;
  /** Unix ms. */
  readonly createdAt: number;
  readonly text: string;
}

/** Where a turn has no neighbour. */
export const NO_TURN = -1;

export class TurnOrder {
  readonly #turns: (MemoryTurn | undefined)[] = [];
  readonly #numbers = new Map<string, number>();
  readonly #sessions = new Map<string, number>();
  readonly #turnsOf: number[][] = [];
  readonly #sessionOf: number[] = [];
  readonly #previous: number[] = [];
  readonly #next: number[] = [];
  /** By turn: 1 where it ends with a question. */
  readonly #asks: boolean[] = [];
  /** By session: turns of people, and of models. */
  readonly #human: number[] = [];
  readonly #model: number[] = [];
  /** Turns by speaker. */
  readonly #speakers = new Map<string, number>();
  #live = 0;

  /** Turns that are there. */
  get size(): number {
    return this.#live;
  }

  /** Every number is below this. */
  get numbers(): number {
    return this.#turns.length;
  }

  /** Sessions are numbered too; every number is below this. */
  get sessions(): number {
    return this.#turnsOf.length;
  }

  /** `undefined` for a removed one. */
  turn(number: number): MemoryTurn | undefined {
    return this.#turns[number];
  }

  numberOf(id: string): number | undefined {
    return this.#numbers.get(id);
  }

  /** The number of a session that has or had turns. */
  session(sessionId: string): number | undefined {
    return this.#sessions.get(sessionId);
  }

  sessionOf(number: number): number {
    return this.#sessionOf[number] ?? NO_TURN;
  }

  /** Numbers of a session's turns in order of `seq`. */
  turnsOf(session: number): readonly number[] {
    return this.#turnsOf[session] ?? [];
  }

  /** Whether the turn ends with a question. */
  asks(number: number): boolean {
    return this.#asks[number] === true;
  }

  /** Whether a person talks with a model in this session, and not people with each other. */
  isWithModel(session: number): boolean {
    return (this.#human[session] ?? 0) > 0 && (this.#model[session] ?? 0) > 0;
  }

  /** The names of those who speak. */
  speakers(): Iterable<string> {
    return this.#speakers.keys();
  }

  previous(number: number): number {
    return this.#previous[number] ?? NO_TURN;
  }

  next(number: number): number {
    return this.#next[number] ?? NO_TURN;
  }

  /** Gives the number of the new turn; an id that is there must be removed first. */
  add(turn: MemoryTurn): number {
    const number = this.#turns.length;
    this.#turns.push(turn);
    this.#numbers.set(turn.id, number);
    this.#live++;
    let session = this.#sessions.get(turn.sessionId);
    if (session === undefined) {
      session = this.#turnsOf.length;
      this.#sessions.set(turn.sessionId, session);
      this.#turnsOf.push([]);
    }
    this.#sessionOf.push(session);
    this.#asks.push(/[?？]\s*$/.test(turn.text.slice(-16)));
    this.#speaks(turn, session, 1);
    const turns = this.#turnsOf[session] as number[];
    // From the end: turns mostly come in order.
    let at = turns.length;
    while (at > 0 && (this.#turns[turns[at - 1] as number] as MemoryTurn).seq > turn.seq) at--;
    const previous = turns[at - 1] ?? NO_TURN;
    const next = turns[at] ?? NO_TURN;
    turns.splice(at, 0, number);
    this.#previous.push(previous);
    this.#next.push(next);
    if (previous !== NO_TURN) this.#next[previous] = number;
    if (next !== NO_TURN) this.#previous[next] = number;
    return number;
  }

  /** Gives the turn that was removed. */
  remove(number: number): MemoryTurn | undefined {
    const turn = this.#turns[number];
    if (turn === undefined) return undefined;
    const turns = this.#turnsOf[this.sessionOf(number)] as number[];
    turns.splice(turns.indexOf(number), 1);
    const previous = this.previous(number);
    const next = this.next(number);
    if (previous !== NO_TURN) this.#next[previous] = next;
    if (next !== NO_TURN) this.#previous[next] = previous;
    this.#previous[number] = NO_TURN;
    this.#next[number] = NO_TURN;
    this.#turns[number] = undefined;
    this.#numbers.delete(turn.id);
    this.#live--;
    this.#speaks(turn, this.sessionOf(number), -1);
    return turn;
  }

  #speaks(turn: MemoryTurn, session: number, turns: number): void {
    const role = turn.role === "human" ? this.#human : turn.role === "ai" ? this.#model : [];
    role[session] = (role[session] ?? 0) + turns;
    if (turn.name === undefined || turn.name === "") return;
    const count = (this.#speakers.get(turn.name) ?? 0) + turns;
    if (count === 0) this.#speakers.delete(turn.name);
    else this.#speakers.set(turn.name, count);
  }
}
