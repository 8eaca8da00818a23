/**
 * Whether LMDB may open a file. LMDB trusts its file: it maps it and follows the page numbers that it finds, so that a truncated
 * file ends the process with SIGBUS, and a flipped bit in the wrong place with SIGSEGV. So the file is read once before it is
 * mapped, as bytes, along the way that LMDB will go: the meta that it will pick, then the trees breadth first, branches before
 * leaves. The values themselves are not read; the envelopes' checksums are for them.
 *
 * At most `MAX_PAGES` pages are read, so that opening stays quick. That covers all of a tier of some tens of MB, more where values
 * are large, and the upper levels of every other. What lies beyond is trusted.
 *
 * The layout is that of lmdb-js 3: dependencies/lmdb/libraries/liblmdb/mdb.c, at MDB_page_header, MDB_node and MDB_ovpage.
 */
import { closeSync, fstatSync, openSync } from "node:fs";
import {
  Damage,
  expect,
  isFreeTree,
  pickMeta,
  readAt,
  readMetas,
  readTree,
  TREE_BYTES,
  type Meta,
  type Tree,
} from "./disk-meta.ts";

const MAX_PAGES = 8_192;

const PAGE_HEADER = 24;
const NODE_HEADER = 8;
const OVERFLOW_BYTES = 24;
/** Flags of a page. */
const [BRANCH, LEAF, OVERFLOW] = [1, 2, 4];
/** Flags of a node. */
const [IN_PLACE, BIG, SUBTREE] = [0, 1, 2];
/** Pages that a file may lack at its end because they are free. LMDB frees what it took for the same transaction: not many. */
const MOST_UNWRITTEN = 4_096;
/** A writer may commit while the file is read; then it is read again, and trusted if that goes on: it is in use and works. */
const TRIES = 5;

/** What was met in one tree. */
interface Tally {
  branches: number;
  leaves: number;
  overflows: number;
  entries: number;
}

/**
 * Says what is wrong with a data file of LMDB; `undefined` when nothing is.
 * @throws the system's error when the file cannot be read
 */
export function findDamage(file: string): string | undefined {
  const fd = openSync(file, "r");
  try {
    // An empty file is a new one to LMDB.
    if (fstatSync(fd).size === 0) return undefined;
    for (let attempt = 0; attempt < TRIES; attempt++) {
      let before: readonly Buffer[] = [];
      try {
        before = readMetas(fd);
        new Walk(fd, pickMeta(before)).run();
        return undefined;
      } catch (error) {
        if (!(error instanceof Damage)) throw error;
        if (isUnchanged(fd, before)) return error.message;
      }
    }
    return undefined;
  } finally {
    closeSync(fd);
  }
}

/** Pages of a transaction stay as they are until the next but one has begun, so an unchanged meta stands for unchanged trees. */
function isUnchanged(fd: number, before: readonly Buffer[]): boolean {
  try {
    return readMetas(fd).every((meta, index) => before[index] !== undefined && meta.equals(before[index]));
  } catch (error) {
    if (error instanceof Damage) return true;
    throw error;
  }
}

interface Visit {
  readonly tree: Tree;
  readonly tally: Tally;
  readonly page: number;
  /** Of the page, 1 = root. */
  readonly level: number;
}

/** Pages that lie side by side. */
interface Run {
  readonly first: number;
  readonly count: number;
}

class Walk {
  readonly #fd: number;
  readonly #meta: Meta;
  /** The page that is looked at. */
  readonly #page: Buffer;
  /** 1 for each page that something points to: a tree, a value, at last the lists of free pages. */
  #used = new Uint8Array(0);
  readonly #free: Run[] = [];
  readonly #overflows: Run[] = [];
  readonly #tallies: Array<readonly [Tree, Tally]> = [];
  #queue: Visit[] = [];

  constructor(fd: number, meta: Meta) {
    this.#fd = fd;
    this.#meta = meta;
    this.#page = Buffer.alloc(meta.pageSize);
  }

  run(): void {
    const { pageSize, lastPage } = this.#meta;
    const pages = fstatSync(this.#fd).size / pageSize;
    expect(lastPage < pages + MOST_UNWRITTEN, "The file is much shorter than its pages.");
    this.#used = new Uint8Array(lastPage + 1);
    if (!this.#readTrees()) {
      // The room behind the pages was made before a file could grow to this size.
      expect(lastPage < pages, "The file is shorter than its pages.");
      return;
    }
    expect(this.#used.lastIndexOf(1) < pages, "The file ends before its last page.");
    for (const [tree, tally] of this.#tallies) {
      const { branches, leaves, overflows, entries } = tree;
      const agree = tally.branches === branches && tally.leaves === leaves && tally.overflows === overflows;
      expect(agree && tally.entries === entries, `The ${tree.kind} tree does not have the pages that it states.`);
    }
    for (const { first, count } of this.#free) this.#use(first, count);
  }

  /** Whether all were read; else there were more than is allowed. */
  #readTrees(): boolean {
    const { pageSize, free, main } = this.#meta;
    let read = 0;
    this.#plant(free);
    this.#plant(main);
    while (this.#queue.length > 0) {
      const level = this.#queue.toSorted((a, b) => a.page - b.page);
      this.#queue = [];
      for (const visit of level) {
        if (++read > MAX_PAGES) return false;
        this.#visit(visit);
      }
    }
    for (const { first, count } of this.#overflows.toSorted((a, b) => a.first - b.first)) {
      if (++read > MAX_PAGES) return false;
      const header = readAt(this.#fd, first * pageSize, PAGE_HEADER, this.#page);
      this.#checkHeader(header, first, OVERFLOW);
      expect(header.readUInt32LE(20) === count, `Page ${first} begins another number of pages.`);
    }
    return true;
  }

  #plant(tree: Tree): void {
    const known = tree.kind === "free" ? isFreeTree(tree.flags) : tree.flags === 0;
    expect(known, `The ${tree.kind} tree has flags that are not ours.`);
    expect((tree.root === undefined) === (tree.depth === 0), `The ${tree.kind} tree has no root or no depth.`);
    const tally: Tally = { branches: 0, leaves: 0, overflows: 0, entries: 0 };
    this.#tallies.push([tree, tally]);
    if (tree.root !== undefined) this.#queue.push({ tree, tally, page: this.#use(tree.root, 1), level: 1 });
  }

  /** Notes that a run of pages is in use. */
  #use(first: number, count: number): number {
    expect(first >= 2 && count >= 1 && first + count - 1 <= this.#meta.lastPage, `Page ${first} is outside of the file.`);
    const run = this.#used.subarray(first, first + count);
    expect(!run.includes(1), `Page ${first} is used twice.`);
    run.fill(1);
    return first;
  }

  #checkHeader(header: Buffer, page: number, kind: number): void {
    expect(header.readBigUInt64LE(0) === BigInt(page), `Page ${page} has another number.`);
    expect(header.readBigUInt64LE(8) <= this.#meta.transaction, `Page ${page} is newer than the file.`);
    expect(header.readUInt16LE(18) === kind, `Page ${page} is of another kind.`);
  }

  #visit(visit: Visit): void {
    const { tree, tally, page, level } = visit;
    const { pageSize } = this.#meta;
    const bytes = readAt(this.#fd, page * pageSize, pageSize, this.#page);
    const kind = level < tree.depth ? BRANCH : LEAF;
    this.#checkHeader(bytes, page, kind);
    // Offsets within a page count from the end of its header.
    const lower = PAGE_HEADER + bytes.readUInt16LE(20);
    const upper = PAGE_HEADER + bytes.readUInt16LE(22);
    expect(lower > PAGE_HEADER && lower % 2 === 0 && lower <= upper && upper <= pageSize, `Page ${page} has wrong bounds.`);
    if (kind === BRANCH) tally.branches++;
    else tally.leaves++;
    for (let pointer = PAGE_HEADER; pointer < lower; pointer += 2) {
      const node = PAGE_HEADER + bytes.readUInt16LE(pointer);
      const fits = node >= upper && node % 2 === 0 && node + NODE_HEADER <= pageSize;
      expect(fits, `Page ${page} has a node outside of itself.`);
      const keyBytes = bytes.readUInt16LE(node + 6);
      const dataAt = node + NODE_HEADER + keyBytes;
      // The first key of a branch may be left out: it stands for everything that is smaller.
      expect(dataAt <= pageSize && (keyBytes > 0 || kind === BRANCH), `Page ${page} has a key outside of itself, or none.`);
      expect(
        tree.kind !== "free" || keyBytes === (kind === LEAF || keyBytes > 0 ? 8 : 0),
        `Page ${page} has a key of another length.`,
      );
      if (kind === BRANCH) {
        const child = bytes.readUInt32LE(node) + bytes.readUInt16LE(node + 4) * 2 ** 32;
        this.#queue.push({ tree, tally, page: this.#use(child, 1), level: level + 1 });
      } else {
        tally.entries++;
        this.#leafNode(visit, bytes, node, dataAt);
      }
    }
  }

  #leafNode({ tree, tally, page }: Visit, bytes: Buffer, node: number, dataAt: number): void {
    const { pageSize } = this.#meta;
    const size = bytes.readUInt32LE(node);
    const flags = bytes.readUInt16LE(node + 4);
    const here = flags === BIG ? OVERFLOW_BYTES : size;
    expect(dataAt + here <= pageSize, `Page ${page} has a value outside of itself.`);
    if (tree.kind === "main") {
      expect(flags === SUBTREE && size === TREE_BYTES, `Page ${page} has no table where one should be.`);
      this.#plant(readTree(bytes, dataAt, "table"));
      return;
    }
    expect(flags === IN_PLACE || flags === BIG, `Page ${page} has a value of an unknown kind.`);
    if (flags === BIG) {
      const first = Number(bytes.readBigUInt64LE(dataAt));
      const count = Number(bytes.readBigUInt64LE(dataAt + 16));
      expect(PAGE_HEADER + size <= count * pageSize, `Page ${page} has a value that is longer than its pages.`);
      this.#use(first, count);
      this.#overflows.push({ first, count });
      tally.overflows += count;
      if (tree.kind === "free") this.#freeList(readAt(this.#fd, first * pageSize + PAGE_HEADER, size));
    } else if (tree.kind === "free") {
      this.#freeList(bytes.subarray(dataAt, dataAt + size));
    }
  }

  /** A count, then so many words: a page, or minus the length of a run and its first page, or 0 for nothing. */
  #freeList(list: Buffer): void {
    const count = list.byteLength < 8 ? -1 : Number(list.readBigInt64LE(0));
    expect(count >= 0 && (count + 1) * 8 <= list.byteLength, "A list of free pages is longer than its place.");
    for (let index = 1; index <= count; index++) {
      const word = Number(list.readBigInt64LE(index * 8));
      if (word === 0) continue;
      const first = word > 0 ? word : index < count ? Number(list.readBigInt64LE(++index * 8)) : 0;
      const length = word > 0 ? 1 : -word;
      this.#free.push({ first, count: length });
    }
  }
}
