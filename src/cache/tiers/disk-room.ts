/**
 * Room in the file, made before the engine needs it.
 *
 * A commit of LMDB that finds the disk full must not happen: the binding (lmdb 3.5.6) then writes its error message past the end
 * of a 100-byte buffer, and the process aborts. So the file is made longer first, with zeros, by a write that fails in a way that
 * can be caught, whatever sets the bound: the disk, a quota, `ulimit -f`. LMDB does not mind: it knows where its pages end.
 *
 * Zeros are appended (`O_APPEND`), never written at an offset, so that they cannot fall on pages that another process has just
 * written. A file system that copies on write (btrfs, ZFS) may still run out later; there the room is only likely.
 */
import { closeSync, fstatSync, openSync, writeSync } from "node:fs";

/** Left behind the pages by everything that stores, so that entries can still be removed when the disk is full. */
const RESERVE = 1024 * 1024;
/** Appended at least, so that not every small write costs a call. */
const STEP = 512 * 1024;
const ZEROS = Buffer.alloc(STEP);

/** What a file consists of, in bytes. */
export interface Extent {
  /** Where the pages end. */
  readonly end: number;
  /** Of the pages, those that no tree uses. Some of them may still be visible to a reader. */
  readonly free: number;
}

export interface Room {
  /**
   * Makes sure that so many bytes can be written behind the pages, and that the reserve is left.
   * @throws the system's error, such as ENOSPC
   */
  toStore(extent: Extent, bytes: number): void;
  /**
   * The same for what only rewrites single pages: it may use the reserve, and the free pages when there are plenty.
   * @throws the system's error, such as ENOSPC
   */
  toRewrite(extent: Extent, bytes: number): void;
  close(): void;
}

/** @param file the data file; it exists */
export function roomIn(file: string): Room {
  const fd = openSync(file, "a");

  function make(until: number): void {
    const missing = until - fstatSync(fd).size;
    if (missing <= 0) return;
    try {
      for (let left = Math.max(missing, STEP); left > 0;) left -= writeSync(fd, ZEROS, 0, Math.min(left, STEP));
    } catch (error) {
      // A part may have been written, and that part may do.
      if (fstatSync(fd).size < until) throw error;
    }
  }

  return {
    toStore: ({ end }, bytes) => make(end + bytes + RESERVE),
    toRewrite({ end, free }, bytes) {
      if (free < 4 * bytes + RESERVE) make(end + bytes);
    },
    close: () => closeSync(fd),
  };
}
