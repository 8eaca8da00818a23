/**
 * The vectors of one owner's turns, searched exactly: every vector is compared. Below some 20,000 turns that is faster than an
 * approximate index that is filtered by owner, and it misses nothing (HNSW with a filter of 1 % found 4 to 82 % of the nearest).
 */
export class DenseIndex {
  readonly dimensions: number;
  #rows: Float32Array;
  /** By turn: 1 where there is a vector. */
  #present: Uint8Array;

  constructor(dimensions: number) {
    this.dimensions = dimensions;
    this.#rows = new Float32Array(dimensions * 256);
    this.#present = new Uint8Array(256);
  }

  /** Keeps a copy, normalised; a vector that is all zero or not finite is left out, and the turn found by its words alone. */
  set(number: number, vector: ArrayLike<number>): boolean {
    const length = vector.length === this.dimensions ? norm(vector) : 0;
    if (!(length > 0) || !Number.isFinite(length)) return false;
    this.#grow(number + 1);
    const at = number * this.dimensions;
    for (let i = 0; i < this.dimensions; i++) this.#rows[at + i] = (vector[i] as number) / length;
    this.#present[number] = 1;
    return true;
  }

  remove(number: number): void {
    if (number < this.#present.length) this.#present[number] = 0;
  }

  /** Of length 1; a view that the next `set` may leave behind. */
  vector(number: number): Float32Array | undefined {
    return this.has(number) ? this.#rows.subarray(number * this.dimensions, (number + 1) * this.dimensions) : undefined;
  }

  has(number: number): boolean {
    return this.#present[number] === 1;
  }

  /**
   * Cosines by turn, NaN where a turn has no vector; `undefined` for a query vector that is all zero, not finite, or of other
   * dimensions.
   */
  search(query: ArrayLike<number>): Float32Array | undefined {
    const length = query.length === this.dimensions ? norm(query) : 0;
    if (!(length > 0) || !Number.isFinite(length)) return undefined;
    const unit = Float32Array.from(query, (value) => value / length);
    const cosines = new Float32Array(this.#present.length);
    for (let number = 0; number < cosines.length; number++) {
      cosines[number] = this.#present[number] === 1 ? this.#dot(number, unit) : Number.NaN;
    }
    return cosines;
  }

  #dot(number: number, unit: Float32Array): number {
    const rows = this.#rows;
    let at = number * this.dimensions;
    // Four sums, so that one addition need not wait for the last.
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    let i = 0;
    for (; i + 3 < unit.length; i += 4, at += 4) {
      a += (rows[at] as number) * (unit[i] as number);
      b += (rows[at + 1] as number) * (unit[i + 1] as number);
      c += (rows[at + 2] as number) * (unit[i + 2] as number);
      d += (rows[at + 3] as number) * (unit[i + 3] as number);
    }
    for (; i < unit.length; i++, at++) a += (rows[at] as number) * (unit[i] as number);
    return a + b + c + d;
  }

  #grow(numbers: number): void {
    if (numbers <= this.#present.length) return;
    const room = Math.max(numbers, this.#present.length * 2);
    const rows = new Float32Array(room * this.dimensions);
    rows.set(this.#rows);
    this.#rows = rows;
    const present = new Uint8Array(room);
    present.set(this.#present);
    this.#present = present;
  }
}

function norm(vector: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += (vector[i] as number) ** 2;
  return Math.sqrt(sum);
}
