/**
 * Counts durations in buckets that grow by a fixed ratio, so that any quantile is known within that ratio in constant memory,
 * and recording costs some nanoseconds.
 *
 * Idea: HdrHistogram (G. Tene), reduced to one geometric scale. Eight buckets an octave: a quantile is at most 9 % off.
 */
const PER_OCTAVE = 8;
/** 2^-6 µs = 16 ns, the shortest duration told apart. */
const OFFSET = 6 * PER_OCTAVE;
/** Up to 2^33 µs = 2.4 hours. */
const BUCKETS = OFFSET + 33 * PER_OCTAVE;

/*
 * A logarithm costs more than all the rest of a recording. A double holds its own: the exponent is the octave, and the first eight bits
 * of the fraction are looked up for the bucket within it, which moves the edges of buckets by at most 0.4 %.
 */
const DOUBLE = new Float64Array(1);
const WORDS = new Uint32Array(DOUBLE.buffer);
const HIGH_WORD = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;
const WITHIN_OCTAVE = Uint8Array.from({ length: 256 }, (_, bits) => Math.floor(Math.log2(1 + bits / 256) * PER_OCTAVE));
const EXPONENT_OF_ONE = 1023;

function bucketOf(ms: number): number {
  if (!(ms > 0)) return 0;
  DOUBLE[0] = ms * 1000;
  const high = WORDS[HIGH_WORD] ?? 0;
  const bucket = ((high >>> 20) - EXPONENT_OF_ONE) * PER_OCTAVE + (WITHIN_OCTAVE[(high >>> 12) & 255] ?? 0) + OFFSET;
  return bucket > 0 ? Math.min(bucket, BUCKETS - 1) : 0;
}

/** The buckets that hold something. */
export interface HistogramParts {
  readonly perOctave: number;
  /** Of all durations, ms. */
  readonly sum: number;
  readonly counts: readonly (readonly [bucket: number, count: number])[];
}

export class Histogram {
  readonly #counts = new Uint32Array(BUCKETS);
  #total = 0;
  #sum = 0;

  get count(): number {
    return this.#total;
  }

  /** Of all durations, ms. */
  get sum(): number {
    return this.#sum;
  }

  /** @param ms a duration in milliseconds */
  record(ms: number): void {
    const index = bucketOf(ms);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#total++;
    this.#sum += ms;
  }

  /**
   * @param q from 0 to 1: 0.5 is the median
   * @returns milliseconds; `undefined` when nothing was recorded
   */
  quantile(q: number): number | undefined {
    if (this.#total === 0) return undefined;
    const rank = Math.max(1, Math.ceil(q * this.#total));
    let seen = 0;
    for (let index = 0; index < BUCKETS; index++) {
      seen += this.#counts[index] ?? 0;
      if (seen >= rank) return 2 ** ((index + 0.5 - OFFSET) / PER_OCTAVE) / 1000;
    }
    return undefined;
  }

  /** How many took less than 2^`octave` microseconds: exact, since every power of two is the edge of a bucket. */
  countBelow(octave: number): number {
    const end = Math.min(BUCKETS, octave * PER_OCTAVE + OFFSET);
    let seen = 0;
    for (let index = 0; index < end; index++) seen += this.#counts[index] ?? 0;
    return seen;
  }

  /** Counts what the other has counted too. */
  add(other: Histogram): void {
    for (let index = 0; index < BUCKETS; index++) {
      const more = other.#counts[index] ?? 0;
      if (more > 0) this.#counts[index] = (this.#counts[index] ?? 0) + more;
    }
    this.#total += other.#total;
    this.#sum += other.#sum;
  }

  /** As plain data, for another process to add up. */
  toParts(): HistogramParts {
    const counts: [number, number][] = [];
    for (let index = 0; index < BUCKETS; index++) {
      const count = this.#counts[index] ?? 0;
      if (count > 0) counts.push([index, count]);
    }
    return { perOctave: PER_OCTAVE, sum: this.#sum, counts };
  }

  /** Counts what the parts say; what does not fit these buckets, as another release may have it, is left out. */
  addParts({ perOctave, sum, counts }: HistogramParts): void {
    if (perOctave !== PER_OCTAVE) return;
    for (const [index, count] of counts) {
      if (!(index >= 0 && index < BUCKETS && count > 0)) continue;
      this.#counts[index] = (this.#counts[index] ?? 0) + count;
      this.#total += count;
    }
    this.#sum += sum;
  }

  copy(): Histogram {
    const copy = new Histogram();
    copy.add(this);
    return copy;
  }

  /** What was recorded after `earlier` was copied from this one. */
  since(earlier: Histogram): Histogram {
    const rest = new Histogram();
    for (let index = 0; index < BUCKETS; index++) {
      rest.#counts[index] = (this.#counts[index] ?? 0) - (earlier.#counts[index] ?? 0);
    }
    rest.#total = this.#total - earlier.#total;
    rest.#sum = this.#sum - earlier.#sum;
    return rest;
  }
}
