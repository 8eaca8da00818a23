/**
 * The vectors of a large partition at 8 bits a dimension, in the memory of a kernel: a quarter of the bytes to go through, sixteen of
 * them an instruction. Each vector has a scale of its own (its greatest number becomes 127), so that the error of a cosine is about
 * 0.001; what is found is weighed again exactly.
 */
import { DOT_STRIDE, makeDotKernel, type DotKernel } from "./dot-kernel.ts";

const GREATEST_CODE = 127;
/** The query may be finer than the codes, as long as no sum passes 2^31. */
const GREATEST_QUERY = 2_047;
const PAGE = 65_536;
/** Vectors for each call of the kernel: their scores stay in the processor's cache. */
export const SCORED_AT_ONCE = 4_096;

export class FlatCodes {
  readonly #kernel: DotKernel;
  readonly #dimensions: number;
  readonly #stride: number;
  readonly #outAt: number;
  readonly #codesAt: number;
  readonly #greatestQuery: number;
  #scales = new Float32Array(SCORED_AT_ONCE);
  #codes: Int8Array;

  /** @returns `undefined` where there is no kernel */
  static make(dimensions: number): FlatCodes | undefined {
    const kernel = makeDotKernel();
    return kernel === undefined ? undefined : new FlatCodes(kernel, dimensions);
  }

  private constructor(kernel: DotKernel, dimensions: number) {
    this.#kernel = kernel;
    this.#dimensions = dimensions;
    this.#stride = Math.ceil(dimensions / DOT_STRIDE) * DOT_STRIDE;
    this.#greatestQuery = Math.min(GREATEST_QUERY, Math.floor(2 ** 31 / (GREATEST_CODE * this.#stride)) - 1);
    this.#outAt = 2 * this.#stride;
    this.#codesAt = this.#outAt + 4 * SCORED_AT_ONCE;
    this.#codes = new Int8Array(kernel.memory.buffer);
  }

  /** Bytes that one vector takes. */
  get stride(): number {
    return this.#stride;
  }

  /** @returns whether there was room: 32-bit memory ends at 4 GiB */
  put(slot: number, vector: Float32Array): boolean {
    const at = this.#codesAt + slot * this.#stride;
    if (!this.#reserve(slot, at + this.#stride)) return false;
    let greatest = 0;
    for (const x of vector) greatest = Math.max(greatest, Math.abs(x));
    const scale = GREATEST_CODE / greatest;
    for (let index = 0; index < vector.length; index++) this.#codes[at + index] = Math.round((vector[index] as number) * scale);
    this.#scales[slot] = 1 / scale;
    return true;
  }

  move(from: number, to: number): void {
    const at = this.#codesAt + from * this.#stride;
    this.#codes.copyWithin(this.#codesAt + to * this.#stride, at, at + this.#stride);
    this.#scales[to] = this.#scales[from] as number;
  }

  /** Makes the query ready; another one may be under way, so this comes before every stretch of {@link FlatCodes.score}. */
  ask(vector: Float32Array): void {
    let greatest = 0;
    for (const x of vector) greatest = Math.max(greatest, Math.abs(x));
    const scale = this.#greatestQuery / greatest;
    const query = new Int16Array(this.#kernel.memory.buffer, 0, this.#stride);
    for (let index = 0; index < this.#dimensions; index++) query[index] = Math.round((vector[index] as number) * scale);
  }

  /**
   * Scores `count` slots, at most {@link SCORED_AT_ONCE}, against the query: proportional to the cosine, by the same factor for all.
   * @param into as long as `count` at least
   */
  score(from: number, count: number, into: Float32Array): void {
    this.#kernel.dot(0, this.#codesAt + from * this.#stride, count, this.#stride, this.#outAt);
    const products = new Int32Array(this.#kernel.memory.buffer, this.#outAt, count);
    for (let index = 0; index < count; index++) {
      into[index] = (products[index] as number) * (this.#scales[from + index] as number);
    }
  }

  /** The memory grows in place, and by a quarter, so that its bytes are hardly ever copied. */
  #reserve(slot: number, bytes: number): boolean {
    if (slot >= this.#scales.length) {
      const scales = new Float32Array(Math.ceil(slot * 1.25) + SCORED_AT_ONCE);
      scales.set(this.#scales);
      this.#scales = scales;
    }
    if (bytes <= this.#codes.length) return true;
    try {
      const pages = Math.ceil((Math.max(bytes, this.#codes.length * 1.25) - this.#codes.length) / PAGE);
      this.#kernel.memory.grow(pages);
    } catch {
      return false;
    }
    this.#codes = new Int8Array(this.#kernel.memory.buffer);
    return true;
  }
}
