/** LMDB as the disk tier uses it: two tables, and their size. */
import { join } from "node:path";
import { open as openEnvironment, type Database } from "lmdb";
import type { Digest } from "../../core/key.ts";
import { roomIn, type Extent, type Room } from "./disk-room.ts";
import { mendAfterOpening, type Environment } from "./disk-transaction.ts";

export type Table = Database<Buffer, Buffer>;

export interface Engine extends Environment {
  readonly values: Table;
  readonly uses: Table;
  readonly room: Room;
}

/** Bytes in the file, as every process that shares it sees them. */
export interface Measure extends Extent {
  readonly entries: number;
  /** Of the pages of both tables. */
  readonly used: number;
  /** Of those, the pages that hold keys, which any write may have to copy. */
  readonly trees: number;
  readonly pageSize: number;
}

/** Of `getStats()`, what is used here; its types are `{}`. */
interface Statistics extends TreeStatistics {
  readonly pageSize: number;
  readonly entryCount: number;
  readonly lastPageNumber: number;
  readonly root: TreeStatistics;
  readonly free: TreeStatistics;
}

interface TreeStatistics {
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

/** The two pages that begin every file. */
const META_PAGES = 2;
const BASE_BYTES = 128 * 1024;

/** @throws what LMDB throws, with its code */
export function openEngine(path: string): Engine {
  const form = { encoding: "binary", keyEncoding: "binary" } as const;
  // `permissionsMode` is known to the engine, not to its types. Batches by event turn begin with a promise of the engine's own that nobody
  // listens to: a commit that fails would end the process. Without them the writes of a turn are committed together all the same.
  //
  // With overlapping synchronisation a process that dies while it waits for the disk leaves a third lock, and LMDB (as in lmdb 3.5.6)
  // takes the next writer, in another process, for the dead one: its environment is refused to it from then on (MDB_PANIC). Without, the
  // disk is waited for under the lock of the writers, which is taken over as it should be.
  //
  // A path whose last name has a dot in it is taken for a file, if nothing else is said.
  const options = {
    path,
    noSubdir: false,
    maxDbs: 4,
    permissionsMode: 0o600,
    eventTurnBatching: false,
    overlappingSync: false,
    ...form,
  };
  const environment = openEnvironment<Buffer, Buffer>(options);
  try {
    mendAfterOpening({ path, environment });
    return {
      path,
      environment,
      values: environment.openDB<Buffer, Buffer>({ name: "values-1", ...form }),
      uses: environment.openDB<Buffer, Buffer>({ name: "uses-1", ...form }),
      room: roomIn(join(path, "data.mdb")),
    };
  } catch (error) {
    void environment.close();
    throw error;
  }
}

/** Known to the engine without a scan; some microseconds. */
export function measure({ values, uses }: Engine): Measure {
  const first = values.getStats() as Statistics;
  const second = uses.getStats() as Statistics;
  const { pageSize, entryCount, lastPageNumber } = first;
  const trees = treePages(first) + treePages(second);
  const used = trees + first.overflowPages + second.overflowPages;
  const own = META_PAGES + treePages(first.root) + treePages(first.free) + first.free.overflowPages;
  return {
    pageSize,
    entries: entryCount,
    used: used * pageSize,
    trees: trees * pageSize,
    end: (lastPageNumber + 1) * pageSize,
    free: (lastPageNumber + 1 - used - own) * pageSize,
  };
}

/**
 * What a transaction that changes so many keys may write, besides new values: each change copies one page in each table, and the
 * upper levels and the lists of free pages are copied once.
 */
export function copiedBytes({ trees, pageSize }: Measure, keys: number): number {
  return Math.min(2 * keys * pageSize, trees) + BASE_BYTES;
}

export function keyBytes(key: Digest): Buffer {
  return Buffer.from(key, "latin1");
}

function treePages({ treeBranchPageCount, treeLeafPageCount }: TreeStatistics): number {
  return treeBranchPageCount + treeLeafPageCount;
}
