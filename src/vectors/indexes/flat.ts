/**
 * The flat index: vectors in the memory of this process, every one of a partition looked at in every search. No graph and no training,
 * so nothing is missed for want of a good graph, removal is immediate, and a filter costs nothing; 100,000 vectors of 384 dimensions
 * take about 2 ms. How: `flat-partition.ts`.
 */
import { resolve } from "node:path";
import { systemClock, type Clock } from "../../core/clock.ts";
import { StrataConfigError, type StrataError } from "../../core/errors.ts";
import { parseByteSize, parseCount, refuseUnknown, type ByteSize } from "../../core/options.ts";
import { acceptBatch, acceptDimensions, acceptFilter, acceptSearch, refuseClosed } from "../accepted.ts";
import type { VectorIndex } from "../vector-index.ts";
import { FlatLog } from "./flat-log.ts";
import { FlatMemory } from "./flat-memory.ts";

export interface FlatIndexOptions {
  /**
   * A folder to keep the vectors in, so that nothing is embedded again after a restart; made, private to the user (0700, files 0600)
   * and ignored by git, when it is not there. Several processes may share one; they are to have the same limits. Default: memory only.
   */
  readonly path?: string | undefined;
  /** How many vectors at most, of all partitions together; default: what `maxBytes` allows. */
  readonly maxVectors?: number | undefined;
  /**
   * Bound on the memory; default 512 MiB, which is about 230,000 vectors of 384 dimensions. When it is reached, what was added first
   * goes first.
   */
  readonly maxBytes?: ByteSize | undefined;
  /** Whose time ends a vector; default the machine's. */
  readonly clock?: Clock | undefined;
  /** From 0 to 1; names this process among those that share a folder. */
  readonly random?: (() => number) | undefined;
  /** Told of bytes in the folder that are no records (`CORRUPT`); they are stepped over. */
  readonly onDamage?: ((error: StrataError) => void) | undefined;
}

/** Expired vectors are never found, and leave memory at the latest when something is added after so long. */
const SWEEP_INTERVAL_MS = 60_000;

/**
 * An exact index in this process. Its folder is opened at the first use.
 * @throws {@link StrataConfigError} naming the option
 */
export function flatIndex(options: FlatIndexOptions = {}): VectorIndex {
  refuseUnknown("flatIndex", options, ["path", "maxVectors", "maxBytes", "clock", "random", "onDamage"]);
  const clock = options.clock ?? systemClock;
  const memory = new FlatMemory({
    maxVectors: options.maxVectors === undefined ? Infinity : parseCount("flatIndex.maxVectors", options.maxVectors),
    maxBytes: parseByteSize("flatIndex.maxBytes", options.maxBytes ?? "512mb"),
  });
  const log = options.path === undefined ? undefined : openLog(options, options.path, memory, clock);
  let sweptAt = clock.monotonic();
  let closing: Promise<void> | undefined;

  return {
    name: "flat",
    async add(partition, records, { signal } = {}) {
      refuseClosed(closing !== undefined);
      signal?.throwIfAborted();
      const accepted = acceptBatch(partition, records);
      await log?.catchUp();
      memory.check(partition, accepted);
      if (clock.monotonic() - sweptAt >= SWEEP_INTERVAL_MS) {
        memory.sweep(clock.now());
        sweptAt = clock.monotonic();
      }
      if (accepted.length === 0) return;
      if (log !== undefined) return log.add(partition, accepted);
      for (const record of accepted) memory.put(partition, record);
    },
    async search(partition, vector, searchOptions) {
      refuseClosed(closing !== undefined);
      const request = acceptSearch(partition, vector, searchOptions);
      await log?.catchUp();
      const found = memory.partition(partition);
      if (found === undefined) return [];
      acceptDimensions("search.vector", request.vector, found.dimensions);
      return found.search(request, clock.now(), searchOptions);
    },
    async remove(given, { signal } = {}) {
      refuseClosed(closing !== undefined);
      signal?.throwIfAborted();
      const filter = acceptFilter(given);
      await log?.catchUp();
      const gone = memory.matching(filter);
      const alive = gone.filter(({ expiresAt }) => expiresAt > clock.now()).length;
      // Also what this process does not hold may be in the log, and in others.
      if (log !== undefined) await log.remove(filter);
      else for (const entry of gone) memory.drop(entry);
      return alive;
    },
    async stats() {
      if (closing === undefined) {
        await log?.catchUp();
        memory.sweep(clock.now());
      }
      return { vectors: memory.vectors, bytes: memory.bytes };
    },
    close() {
      closing ??= log?.close() ?? Promise.resolve();
      return closing;
    },
  };
}

function openLog(options: FlatIndexOptions, path: string, memory: FlatMemory, clock: Clock): FlatLog {
  if (typeof path !== "string" || path === "") throw new StrataConfigError("flatIndex.path", path, "the path of a folder");
  return new FlatLog({
    path: resolve(path),
    memory,
    now: () => clock.now(),
    random: options.random ?? Math.random,
    onDamage: options.onDamage ?? (() => undefined),
  });
}
