/**
 * Slots: each key that a policy knows, resident or remembered, is a small number, and what is known of it lies in typed arrays
 * under that number ("columns"). A hit then costs one lookup by key and a few array writes, several policies share that lookup,
 * and no object is made for an entry.
 *
 * A slot is held by all who know something of it, and is free again when the last of them lets go.
 */

/** Stands for "no slot". */
export const NONE = -1;

/** One number for each slot. `data` is replaced when the slots grow in number: read it anew in every call. */
export interface Column<A> {
  data: A;
}

type Numbers = Uint8Array | Int32Array | Float64Array;

const FIRST_LENGTH = 64;

export class Slots {
  readonly #grow: Array<(length: number) => void> = [];
  #length = FIRST_LENGTH;
  #unused = 0;
  readonly #free: number[] = [];
  readonly #onFree: (slot: number) => void;
  readonly #holds: Column<Uint8Array> = this.bytes();
  /** Bytes of the entry, as it was when it was last resident. */
  readonly size: Column<Float64Array> = this.floats();

  /** @param onFree told of each slot that nobody holds any more, before it is used again */
  constructor(onFree: (slot: number) => void) {
    this.#onFree = onFree;
  }

  /** Slots that somebody holds. */
  get used(): number {
    return this.#unused - this.#free.length;
  }

  /** A slot for a key that is not known yet, held once, for the caller. */
  take(): number {
    const slot = this.#free.pop() ?? this.#unused++;
    if (slot === this.#length) {
      this.#length += this.#length >> 1;
      for (const grow of this.#grow) grow(this.#length);
    }
    this.#holds.data[slot] = 1;
    return slot;
  }

  hold(slot: number): void {
    this.#holds.data[slot]! += 1;
  }

  /** @returns whether somebody else still holds it */
  release(slot: number): boolean {
    const left = this.#holds.data[slot]! - 1;
    this.#holds.data[slot] = left;
    if (left > 0) return true;
    this.#onFree(slot);
    this.#free.push(slot);
    return false;
  }

  bytes(): Column<Uint8Array> {
    return this.#column((length) => new Uint8Array(length));
  }

  integers(): Column<Int32Array> {
    return this.#column((length) => new Int32Array(length));
  }

  floats(): Column<Float64Array> {
    return this.#column((length) => new Float64Array(length));
  }

  #column<A extends Numbers>(make: (length: number) => A): Column<A> {
    const column: Column<A> = { data: make(this.#length) };
    this.#grow.push((length) => {
      const grown = make(length);
      grown.set(column.data);
      column.data = grown;
    });
    return column;
  }
}
