import { NONE, type Column, type Slots } from "./slots.ts";

/** The links of lists that have no slot in common: each slot is in one of them at a time, so they share two columns. */
export class Links {
  readonly next: Column<Int32Array>;
  readonly previous: Column<Int32Array>;
  readonly size: Column<Float64Array>;

  constructor(slots: Slots) {
    this.next = slots.integers();
    this.previous = slots.integers();
    this.size = slots.size;
  }
}

/** A doubly linked list of slots that knows its length and the sum of the sizes. Every operation is O(1). */
export class SlotList {
  readonly #links: Links;
  #first: number = NONE;
  #last: number = NONE;
  count = 0;
  bytes = 0;

  constructor(links: Links) {
    this.#links = links;
  }

  /** `NONE` when the list is empty. */
  get last(): number {
    return this.#last;
  }

  pushFirst(slot: number): void {
    const { next, previous, size } = this.#links;
    const first = this.#first;
    previous.data[slot] = NONE;
    next.data[slot] = first;
    if (first === NONE) this.#last = slot;
    else previous.data[first] = slot;
    this.#first = slot;
    this.count++;
    this.bytes += size.data[slot]!;
  }

  /** Takes out a slot that is in the list. */
  remove(slot: number): void {
    const { next, previous, size } = this.#links;
    const before = previous.data[slot]!;
    const after = next.data[slot]!;
    if (before === NONE) this.#first = after;
    else next.data[before] = after;
    if (after === NONE) this.#last = before;
    else previous.data[after] = before;
    this.count--;
    this.bytes -= size.data[slot]!;
  }

  moveFirst(slot: number): void {
    if (slot === this.#first) return;
    const { next, previous } = this.#links;
    const before = previous.data[slot]!;
    const after = next.data[slot]!;
    next.data[before] = after;
    if (after === NONE) this.#last = before;
    else previous.data[after] = before;
    previous.data[this.#first] = slot;
    previous.data[slot] = NONE;
    next.data[slot] = this.#first;
    this.#first = slot;
  }

  /** Takes out the last slot; `NONE` when the list is empty. */
  takeLast(): number {
    const slot = this.#last;
    if (slot !== NONE) this.remove(slot);
    return slot;
  }

  /** The size of a slot in the list has changed by so much. */
  resized(delta: number): void {
    this.bytes += delta;
  }
}
