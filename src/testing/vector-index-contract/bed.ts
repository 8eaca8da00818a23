/** Where the contract's tests get their indexes and vectors from. */
import { randomUUID } from "node:crypto";
import { onTestFinished } from "vitest";
import type { MaybePromise } from "../../core/abort.ts";
import { manualClock, type Clock, type ManualClock } from "../../core/clock.ts";
import type { VectorIndex, VectorRecord } from "../../vectors/vector-index.ts";

/** What an index is made from. */
export interface VectorIndexContext {
  /** The clock of the test: it ends the lives of vectors. */
  readonly clock: Clock;
  /**
   * Names a store, with letters, digits and hyphens: a folder, a table, a key prefix. The suite asks for the same place again to open
   * what was closed there (`persistent`) or to open it a second time (`shared`); different places must never meet.
   */
  readonly place: string;
}

/** Builds an index. A place that was not named before must be empty. */
export type MakeVectorIndex = (context: VectorIndexContext) => MaybePromise<VectorIndex>;

/** What an index can do beyond the minimum; each adds the tests that prove it. */
export interface VectorIndexCapabilities {
  /** Whether vectors outlive `close()`; default `false`. */
  readonly persistent?: boolean;
  /** Whether a place can be open more than once at a time; default `false`. */
  readonly shared?: boolean;
  /** Whether all partitions have the same number of dimensions, for good, and that is 3; default `false`. */
  readonly oneDimension?: boolean;
  /** Whether `stats()` counts the vectors; default `true`. */
  readonly counts?: boolean;
}

export interface VectorIndexBed {
  readonly capabilities: Required<VectorIndexCapabilities>;
  /** Opens an index for the running test; it is closed when the test ends. @param place default a new, empty one */
  open(place?: string): Promise<VectorIndex>;
  readonly clock: ManualClock;
}

export function vectorIndexBed(make: MakeVectorIndex, capabilities: VectorIndexCapabilities): VectorIndexBed {
  const clock = manualClock();
  return {
    capabilities: { persistent: false, shared: false, oneDimension: false, counts: true, ...capabilities },
    clock,
    async open(place = newPlace()) {
      const index = await make({ clock, place });
      onTestFinished(() => index.close());
      return index;
    },
  };
}

export function newPlace(): string {
  return `place-${randomUUID()}`;
}

/** The vector of length 1 that lies at so many degrees in a plane: cosines can be read off. */
export function at(degrees: number): Float32Array {
  const radians = (degrees / 180) * Math.PI;
  return Float32Array.of(Math.cos(radians), Math.sin(radians), 0);
}

/** A record whose vector lies at so many degrees, and which is called so unless the rest says otherwise. */
export function record(degrees: number, rest: Partial<VectorRecord> = {}): VectorRecord {
  return { id: `at-${degrees}`.replace(".", "_"), vector: at(degrees), ...rest };
}

export async function idsNear(index: VectorIndex, partition: string, degrees: number, k = 100, tag?: string): Promise<string[]> {
  const matches = await index.search(partition, at(degrees), { k, tag });
  return matches.map(({ id }) => id);
}
