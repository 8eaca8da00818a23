/**
 * How well this traffic's values pack, and what that takes: a few values are packed in earnest, with every effort, and forgotten.
 * Sums fade, so that other values are noticed.
 */
import { isPromise, type MaybePromise } from "../../core/abort.ts";
import type { Clock } from "../../core/clock.ts";
import type { Compressed, Compression } from "../compression.ts";
import type { Effort } from "../compressions/plan.ts";

interface Sums {
  raw: number;
  stored: number;
  ms: number;
  values: number;
}

/** Values of one epoch that are packed. */
const VALUES_PER_EPOCH = 4;
/** Before so many were measured nothing is said. */
const LEAST_VALUES = 8;
/** What is left of the sums with each epoch. */
const FADE = 0.9;
/** Packing larger ones would take the pool for long. */
const LARGEST_VALUE = 256 * 1024;

export class ValueSamples {
  readonly #clock: Clock;
  readonly #compression: () => Compression;
  readonly #sums: Record<"fast" | "best", Sums> = {
    fast: { raw: 0, stored: 0, ms: 0, values: 0 },
    best: { raw: 0, stored: 0, ms: 0, values: 0 },
  };
  #left = VALUES_PER_EPOCH;

  constructor(clock: Clock, compression: () => Compression) {
    this.#clock = clock;
    this.#compression = compression;
  }

  /** Whether enough was measured to compare efforts. */
  get isKnown(): boolean {
    return this.#sums.best.values >= LEAST_VALUES * FADE;
  }

  /** What is left of a value, 0 to 1. */
  ratio(effort: Effort): number {
    const sums = effort === "none" ? undefined : this.#sums[effort];
    return sums === undefined || sums.raw === 0 ? 1 : sums.stored / sums.raw;
  }

  /** Processor time of packing one value, ms; an upper bound where a thread of the pool was waited for. */
  msPerValue(effort: Effort): number {
    const sums = effort === "none" ? undefined : this.#sums[effort];
    return sums === undefined || sums.values === 0 ? 0 : sums.ms / sums.values;
  }

  nextEpoch(): void {
    this.#left = VALUES_PER_EPOCH;
    for (const sums of Object.values(this.#sums)) {
      for (const part of ["raw", "stored", "ms", "values"] as const) sums[part] *= FADE;
    }
  }

  measure(payload: Uint8Array): void {
    if (this.#left === 0 || payload.byteLength > LARGEST_VALUE) return;
    this.#left--;
    for (const effort of ["fast", "best"] as const) {
      const start = this.#clock.monotonic();
      const note = ({ bytes }: Compressed): void => {
        const sums = this.#sums[effort];
        sums.raw += payload.byteLength;
        sums.stored += bytes.byteLength;
        sums.ms += this.#clock.monotonic() - start;
        sums.values++;
      };
      let packed: MaybePromise<Compressed>;
      try {
        packed = this.#compression().compress(payload, { effort });
      } catch {
        continue; // What cannot be packed is not measured; storing it tells of that.
      }
      if (isPromise(packed)) void packed.then(note, () => undefined);
      else note(packed);
    }
  }
}
