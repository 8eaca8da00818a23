/**
 * The metas of a file of LMDB: where its trees begin. There are three: two are written by turns, at pages 0 and 1, and one in the
 * middle of page 0 whenever everything up to it has been flushed.
 *
 * The layout is that of lmdb-js 3 ("data version 2"): dependencies/lmdb/libraries/liblmdb/mdb.c, at MDB_meta and MDB_db.
 */
import { readFileSync, readSync } from "node:fs";

export interface Meta {
  readonly pageSize: number;
  readonly lastPage: number;
  readonly transaction: bigint;
  readonly free: Tree;
  readonly main: Tree;
}

export interface Tree {
  readonly kind: "free" | "main" | "table";
  readonly flags: number;
  readonly depth: number;
  readonly branches: number;
  readonly leaves: number;
  readonly overflows: number;
  readonly entries: number;
  /** `undefined` = empty. */
  readonly root: number | undefined;
}

/** Bytes that LMDB must not be given. */
export class Damage extends Error {}

export function expect(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Damage(otherwise);
}

const META_BYTES = 168;
/** Of a page that is a meta. */
const META = 8;
const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;
export const TREE_BYTES = 48;
/** More than can be written in a lifetime; from about 2^53 on, the binding cannot tell one from the next. */
const MOST_TRANSACTIONS = 2n ** 48n;
const NO_PAGE = 0xffff_ffff_ffff_ffffn;
/** Flags of the tree of free pages: its keys are integers, and the environment may flush behind the commit. */
const [INTEGER_KEYS, OVERLAPPING_SYNC] = [8, 0x1000];

/** Offsets in a meta. */
const AT = {
  flags: 18,
  magic: 24,
  version: 28,
  free: 48,
  pageSize: 48,
  freeFlags: 52,
  main: 96,
  lastPage: 144,
  transaction: 152,
  boot: 160,
};

/** The bytes of all three. A writer may be at work: the flushed one, which never is ahead of the others, is read first. */
export function readMetas(fd: number): readonly Buffer[] {
  const first = readAt(fd, 0, META_BYTES);
  const pageSize = first.readUInt32LE(AT.pageSize);
  if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0) return [first];
  const flushed = readAt(fd, pageSize / 2, META_BYTES);
  return [readAt(fd, 0, META_BYTES), readAt(fd, pageSize, META_BYTES), flushed];
}

/** The one that LMDB will begin with. */
export function pickMeta([zero, one, flushed]: readonly Buffer[]): Meta {
  expect(zero !== undefined && one !== undefined && flushed !== undefined, "The page size is none.");
  const pageSize = zero.readUInt32LE(AT.pageSize);
  for (const [number, meta] of [zero, one].entries()) {
    expect((meta.readUInt16LE(AT.flags) & META) !== 0, `Page ${number} is no meta page.`);
    expect(meta.readUInt32LE(AT.magic) === MAGIC, `Meta page ${number} has no magic number.`);
    expect((meta.readUInt32LE(AT.version) & 0xffff) === DATA_VERSION, `Meta page ${number} has another version.`);
    expect(meta.readUInt32LE(AT.pageSize) === pageSize, `Meta page ${number} has another page size.`);
    expect(isFreeTree(meta.readUInt16LE(AT.freeFlags)), `Meta page ${number} has flags that are not ours.`);
    expect(transactionOf(meta) < MOST_TRANSACTIONS, `Meta page ${number} has a number that nobody counts up to.`);
    expect(transactionOf(meta) === 0n || transactionOf(meta) % 2n === BigInt(number), `Meta page ${number} is out of turn.`);
  }
  let picked = zero;
  if (transactionOf(flushed) > 0n) {
    expect(flushed.readUInt32LE(AT.pageSize) === pageSize, "The flushed meta has another page size.");
    expect(isFreeTree(flushed.readUInt16LE(AT.freeFlags)), "The flushed meta has flags that are not ours.");
    const written = transactionOf(flushed) % 2n === 0n ? zero : one;
    expect(transactionOf(flushed) <= transactionOf(written), "The flushed meta is ahead of the file.");
    const same = transactionOf(flushed) < transactionOf(written) || contentOf(flushed).equals(contentOf(written));
    expect(same, "The flushed meta is not what was flushed.");
    picked = pick(picked, flushed);
  }
  picked = pick(picked, one);
  return {
    pageSize,
    lastPage: Number(picked.readBigUInt64LE(AT.lastPage)),
    transaction: transactionOf(picked),
    free: readTree(picked, AT.free, "free"),
    main: readTree(picked, AT.main, "main"),
  };
}

/** `mdb_pick_meta`: the newest, unless the machine was started anew since it was written, and it was not flushed. */
function pick(a: Buffer, b: Buffer): Buffer {
  if (transactionOf(b) === 0n) return a;
  const [newest, oldest] = transactionOf(a) >= transactionOf(b) ? [a, b] : [b, a];
  const isFlushed = (newest.readUInt16LE(AT.freeFlags) & OVERLAPPING_SYNC) === 0;
  const boot = bootId();
  return isFlushed || boot === undefined || newest.readBigInt64LE(AT.boot) === boot ? newest : oldest;
}

/** Changes when the machine starts; `undefined` where Node cannot tell. LMDB takes the first group of digits. */
function bootId(): bigint | undefined {
  try {
    const [digits] = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").split("-");
    return BigInt(`0x${digits}`);
  } catch {
    return undefined;
  }
}

function transactionOf(meta: Buffer): bigint {
  return meta.readBigUInt64LE(AT.transaction);
}

/** What two metas of one transaction have in common: all but the flags, and how much is mapped. */
function contentOf(meta: Buffer): Buffer {
  return Buffer.concat([meta.subarray(AT.free, AT.freeFlags), meta.subarray(AT.freeFlags + 2, AT.boot)]);
}

export function readTree(bytes: Buffer, at: number, kind: Tree["kind"]): Tree {
  const root = bytes.readBigUInt64LE(at + 40);
  return {
    kind,
    flags: bytes.readUInt16LE(at + 4),
    depth: bytes.readUInt16LE(at + 6),
    branches: Number(bytes.readBigUInt64LE(at + 8)),
    leaves: Number(bytes.readBigUInt64LE(at + 16)),
    overflows: Number(bytes.readBigUInt64LE(at + 24)),
    entries: Number(bytes.readBigUInt64LE(at + 32)),
    root: root === NO_PAGE ? undefined : Number(root),
  };
}

export function isFreeTree(flags: number): boolean {
  return (flags & ~OVERLAPPING_SYNC) === INTEGER_KEYS;
}

export function readAt(fd: number, position: number, length: number, bytes: Buffer = Buffer.alloc(length)): Buffer {
  expect(readSync(fd, bytes, 0, length, position) === length, "The file ends too early.");
  return bytes;
}
