/** A policy that is here to be compared with: no values, no sizes, keys are dense numbers. */
export interface Simulation {
  /** Asks for a key, which is taken in when it is missed. @returns whether it was a hit */
  request(id: number): boolean;
}

/** Makes a simulation with room for `capacity` keys, out of `distinct` ones. */
export type Simulate = (capacity: number, distinct: number) => Simulation;

const NONE = -1;

/** A doubly linked list of keys, newest first. A key may be in one list only, of those made together. */
export class IdList {
  readonly #links: Links;
  #first = NONE;
  #last = NONE;
  length = 0;

  constructor(links: Links) {
    this.#links = links;
  }

  /** The oldest; -1 when the list is empty. */
  get last(): number {
    return this.#last;
  }

  has(id: number): boolean {
    return this.#links.list[id] === this;
  }

  push(id: number): void {
    const { list, newer, older } = this.#links;
    list[id] = this;
    newer[id] = NONE;
    older[id] = this.#first;
    if (this.#first === NONE) this.#last = id;
    else newer[this.#first] = id;
    this.#first = id;
    this.length++;
  }

  remove(id: number): void {
    const { list, newer, older } = this.#links;
    list[id] = undefined;
    const before = newer[id]!;
    const after = older[id]!;
    if (before === NONE) this.#first = after;
    else older[before] = after;
    if (after === NONE) this.#last = before;
    else newer[after] = before;
    this.length--;
  }

  pop(): number {
    const id = this.#last;
    this.remove(id);
    return id;
  }

  /** The one before `id`, towards the newest; -1 when there is none. */
  newerThan(id: number): number {
    return this.#links.newer[id]!;
  }
}

export class Links {
  readonly list: Array<IdList | undefined>;
  readonly newer: Int32Array;
  readonly older: Int32Array;

  constructor(distinct: number) {
    this.list = Array.from({ length: distinct }, () => undefined);
    this.newer = new Int32Array(distinct);
    this.older = new Int32Array(distinct);
  }
}
