/** Keeps the k greatest of many scores: a binary heap with the least of them on top, so that most scores cost one comparison. */
export class Nearest {
  readonly #k: number;
  readonly #scores: Float64Array;
  readonly #slots: Int32Array;
  #count = 0;
  /** What a score must be above to be kept. */
  bar: number = -Infinity;

  constructor(k: number) {
    this.#k = k;
    this.#scores = new Float64Array(k);
    this.#slots = new Int32Array(k);
  }

  /** Takes a score that is above the bar. */
  offer(slot: number, score: number): void {
    if (this.#count < this.#k) {
      this.#rise(this.#count++, slot, score);
    } else {
      this.#sink(slot, score);
    }
    if (this.#count === this.#k) this.bar = this.#scores[0] as number;
  }

  /** In no order. */
  slots(): Int32Array {
    return this.#slots.subarray(0, this.#count);
  }

  #rise(from: number, slot: number, score: number): void {
    let at = from;
    for (let parent = (at - 1) >> 1; at > 0 && (this.#scores[parent] as number) > score; parent = (at - 1) >> 1) {
      this.#put(at, this.#slots[parent] as number, this.#scores[parent] as number);
      at = parent;
    }
    this.#put(at, slot, score);
  }

  #sink(slot: number, score: number): void {
    let at = 0;
    for (let child = 1; child < this.#k; child = 2 * at + 1) {
      if (child + 1 < this.#k && (this.#scores[child + 1] as number) < (this.#scores[child] as number)) child++;
      if ((this.#scores[child] as number) >= score) break;
      this.#put(at, this.#slots[child] as number, this.#scores[child] as number);
      at = child;
    }
    this.#put(at, slot, score);
  }

  #put(at: number, slot: number, score: number): void {
    this.#slots[at] = slot;
    this.#scores[at] = score;
  }
}
