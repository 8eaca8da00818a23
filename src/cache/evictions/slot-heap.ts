import { NONE, type Column, type Slots } from "./slots.ts";

/**
 * A binary heap of slots, the lowest priority on top, made for priorities that nearly always rise: a rise is only noted,
 * and settled when the slot comes to the top, so that a use costs O(1) and many uses of one slot cost one settlement.
 */
export class SlotHeap {
  readonly #heap: number[] = [];
  /** Place in the heap plus 1; 0 = not in it. */
  readonly #place: Column<Int32Array>;
  readonly #priority: Column<Float64Array>;
  /** The priority by which the slot stands where it stands: never above `#priority`. */
  readonly #settled: Column<Float64Array>;

  constructor(slots: Slots) {
    this.#place = slots.integers();
    this.#priority = slots.floats();
    this.#settled = slots.floats();
  }

  has(slot: number): boolean {
    return this.#place.data[slot] !== 0;
  }

  priority(slot: number): number {
    return this.#priority.data[slot]!;
  }

  /** Puts a slot in, or changes its priority. */
  set(slot: number, priority: number): void {
    this.#priority.data[slot] = priority;
    const place = this.#place.data[slot]!;
    if (place !== 0 && priority >= this.#settled.data[slot]!) return;
    this.#settled.data[slot] = priority;
    this.#rise(slot, place === 0 ? this.#heap.length : place - 1);
  }

  /** The slot with the lowest priority, left where it is; `NONE` when the heap is empty. */
  lowest(): number {
    for (;;) {
      const slot = this.#heap[0];
      if (slot === undefined) return NONE;
      const priority = this.#priority.data[slot]!;
      if (priority === this.#settled.data[slot]) return slot;
      this.#settled.data[slot] = priority;
      this.#sink(slot, 0);
    }
  }

  remove(slot: number): void {
    const at = this.#place.data[slot]! - 1;
    this.#place.data[slot] = 0;
    const last = this.#heap.pop()!;
    if (last === slot) return;
    this.#rise(last, at);
    this.#sink(last, this.#place.data[last]! - 1);
  }

  /** Stands a slot at a place that is free, or above it where it belongs. */
  #rise(slot: number, from: number): void {
    const settled = this.#settled.data;
    let at = from;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = this.#heap[parent]!;
      if (settled[above]! <= settled[slot]!) break;
      this.#stand(above, at);
      at = parent;
    }
    this.#stand(slot, at);
  }

  /** Stands a slot at a place that is free, or below it where it belongs. */
  #sink(slot: number, from: number): void {
    const settled = this.#settled.data;
    const heap = this.#heap;
    let at = from;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && settled[heap[child + 1]!]! < settled[heap[child]!]!) child++;
      if (settled[slot]! <= settled[heap[child]!]!) break;
      this.#stand(heap[child]!, at);
      at = child;
    }
    this.#stand(slot, at);
  }

  #stand(slot: number, at: number): void {
    this.#heap[at] = slot;
    this.#place.data[slot] = at + 1;
  }
}
