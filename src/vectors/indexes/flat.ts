/**
 * The flat index: vectors in the memory of this process, every one of a partition looked at in every search. No graph and no training,
 * so nothing is missed for want of a good graph, removal is immediate, and a filter costs nothing; 100,000 vectors of 384 dimensions
 * take about 2 ms. How: `flat-partition.ts`.
 */
import { systemClock, type Clock } from "../../core/clock.ts";
import { parseByteSize, parseCount, refuseUnknown, type ByteSize } from "../../core/options.ts";
import { acceptBatch, acceptDimensions, acceptFilter, acceptSearch, refuseClosed } from "../accepted.ts";
import type { VectorIndex } from "../vector-index.ts";
import { FlatMemory } from "./flat-memory.ts";

export interface FlatIndexOptions {
  /** How many vectors at most, of all partitions together; default: what `maxBytes` allows. */
  readonly maxVectors?: number | undefined;
  /**
   * Bound on the memory; default 512 MiB, which is about 240,000 vectors of 384 dimensions. When it is reached, what was added first
   * goes first.
   */
  readonly maxBytes?: ByteSize | undefined;
  /** Whose time ends a vector; default the machine's. */
  readonly clock?: Clock | undefined;
}

/** Expired vectors are never found, and leave memory at the latest when something is added after so long. */
const SWEEP_INTERVAL_MS = 60_000;

/**
 * An exact index in this process.
 * @throws {@link StrataConfigError} naming the option
 */
export function flatIndex(options: FlatIndexOptions = {}): VectorIndex {
  refuseUnknown("flatIndex", options, ["maxVectors", "maxBytes", "clock"]);
  const clock = options.clock ?? systemClock;
  const memory = new FlatMemory({
    maxVectors: options.maxVectors === undefined ? Infinity : parseCount("flatIndex.maxVectors", options.maxVectors),
    maxBytes: parseByteSize("flatIndex.maxBytes", options.maxBytes ?? "512mb"),
  });
  let sweptAt = clock.monotonic();
  let closed = false;

  return {
    name: "flat",
    async add(partition, records, { signal } = {}) {
      refuseClosed(closed);
      signal?.throwIfAborted();
      const accepted = acceptBatch(partition, records);
      memory.check(partition, accepted);
      if (clock.monotonic() - sweptAt >= SWEEP_INTERVAL_MS) {
        memory.sweep(clock.now());
        sweptAt = clock.monotonic();
      }
      for (const record of accepted) memory.put(partition, record);
    },
    async search(partition, vector, searchOptions) {
      refuseClosed(closed);
      const request = acceptSearch(partition, vector, searchOptions);
      const found = memory.partition(partition);
      if (found === undefined) return [];
      acceptDimensions("search.vector", request.vector, found.dimensions);
      return found.search(request, clock.now(), searchOptions);
    },
    async remove(filter, { signal } = {}) {
      refuseClosed(closed);
      signal?.throwIfAborted();
      const now = clock.now();
      const gone = memory.matching(acceptFilter(filter));
      const alive = gone.filter(({ expiresAt }) => expiresAt > now).length;
      for (const entry of gone) memory.drop(entry);
      return alive;
    },
    async stats() {
      if (!closed) memory.sweep(clock.now());
      return { vectors: memory.vectors, bytes: memory.bytes };
    },
    async close() {
      closed = true;
    },
  };
}
