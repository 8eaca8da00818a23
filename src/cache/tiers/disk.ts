/**
 * The disk tier: LMDB, a copy-on-write B+ tree in one memory-mapped file. Reads are synchronous and cost a few microseconds;
 * writes are grouped into transactions on a thread of the engine; a process that dies at any point leaves the last committed
 * state; several processes may share one folder (`disk-transaction.ts`), and see within about a millisecond what others write.
 *
 * Two tables, both by key: `values` (`disk-value.ts`) and `uses` (`disk-record.ts`), so that noting a use never rewrites a value.
 * What goes first when the tier is full: `disk-eviction.ts`.
 *
 * LMDB trusts its disk and its file, and ends the process where they fail it. Hence the file is checked before it is opened
 * (`disk-check.ts`) and has its room before it is written to (`disk-room.ts`). A full disk is a bound like any other: what does
 * not fit is dropped, the host is told once, and reading goes on.
 *
 * Not guaranteed: power loss may take the last writes (never the file: LMDB flushes behind the commit and falls back to the
 * last flushed state). Uses are noted in memory and written once a second; a kill loses those of the last second.
 */
import { resolve } from "node:path";
import { systemClock, type Clock } from "../../core/clock.ts";
import { StrataConfigError, StrataError } from "../../core/errors.ts";
import type { Digest } from "../../core/key.ts";
import { parseByteSize, parseDuration, refuseUnknown, type ByteSize, type Duration } from "../../core/options.ts";
import type { CacheTier, TierEntry, TierHost } from "../tier.ts";
import { keyBytes, measure, type Engine } from "./disk-engine.ts";
import { openFolder } from "./disk-folder.ts";
import { readRecord } from "./disk-record.ts";
import { readStored } from "./disk-value.ts";
import { DiskWriter } from "./disk-writer.ts";

export interface DiskTierOptions {
  /** The folder; made, private to the user (0700) and ignored by git, when it is not there. */
  readonly path: string;
  /**
   * Bound on the pages in use; default 1 GiB. The file never shrinks, and is larger by 2 MiB and by free pages: measured at 1.3
   * times this bound where one process writes to it, at 2 times where three do.
   */
  readonly maxBytes?: ByteSize | undefined;
  /** Longest life of an entry in this tier; default: as long as the entry itself lives. */
  readonly ttl?: Duration | undefined;
}

interface Opened {
  readonly engine: Engine;
  readonly writer: DiskWriter;
}

const TOUCH_INTERVAL_MS = 1_000;
/** Uses noted in one interval, the first ones: what is used often is used again in the next. */
const MAX_TOUCHES = 1_000;
/** A reader that was killed pins old pages and lets the file grow until its slot is found dead. */
const READER_CHECK_MS = 60_000;
/** Longer values lie on pages of their own; below, what an entry takes of its leaf, which is about two thirds full (LMDB). */
const LONGEST_IN_LEAF = 2_000;
const PAGE_BYTES = 4_096;
const LEAF_FILL = 0.7;
/** Keys, headers and the record of uses, of both tables. */
const RECORD_BYTES = 220;
/** Records read in one go before the event loop gets its turn. */
const PAGE = 500;

/**
 * Keeps entries in a folder. The folder is opened at the first use: one that cannot be used turns the tier off, with an event,
 * and is tried again later; it never fails the construction of a chain.
 * @throws {@link StrataConfigError} naming the option
 */
export function diskTier(options: DiskTierOptions): CacheTier {
  refuseUnknown("diskTier", options, ["path", "maxBytes", "ttl"]);
  if (typeof options.path !== "string" || options.path === "") {
    throw new StrataConfigError("diskTier.path", options.path, "the path of a folder");
  }
  const path = resolve(options.path);
  let maxBytes = parseByteSize("diskTier.maxBytes", options.maxBytes ?? "1gb");
  const ttl = options.ttl === undefined ? Infinity : parseDuration("diskTier.ttl", options.ttl);

  let clock: Clock = systemClock;
  let random: () => number = Math.random;
  let host: TierHost | undefined;
  let opened: Opened | undefined;
  let closing: Promise<void> | undefined;
  let evictedCount = 0;
  let touched = new Set<Digest>();
  let cancelReaderCheck: (() => void) | undefined;
  let cancelTouch: (() => void) | undefined;
  /** Once the environment begins to close nothing may read from it, so closing waits for these. */
  const underWay = new Set<Promise<unknown>>();

  function use(): Opened {
    if (closing !== undefined) throw new StrataError("CLOSED", "The disk tier is closed.");
    return (opened ??= openNow());
  }

  function openNow(): Opened {
    const engine = openFolder(path, (damage) => host?.fault("get", damage));
    const onDiskFull = (cause: unknown): void =>
      host?.fault("set", new Error(`The disk has no room for more in ${path}: ${String(cause)}`, { cause }));
    const onEvicted = (entries: readonly TierEntry[]): void => {
      evictedCount += entries.length;
      host?.evicted(entries);
    };
    checkReaders(engine);
    return { engine, writer: new DiskWriter({ engine, clock, random, maxBytes, ttl, onEvicted, onDiskFull }) };
  }

  function checkReaders({ environment }: Pick<Engine, "environment">): void {
    environment.readerCheck();
    cancelReaderCheck = clock.setTimer(READER_CHECK_MS, () => checkReaders({ environment }), { background: true });
  }

  function track<T>(work: Promise<T>): Promise<T> {
    const ended: Promise<unknown> = work.then(
      () => underWay.delete(ended),
      () => underWay.delete(ended),
    );
    underWay.add(ended);
    return work;
  }

  function find(key: Digest): TierEntry | undefined {
    const stored = use().engine.values.getBinary(keyBytes(key));
    if (stored === undefined) return undefined;
    const { value, expiresAt } = readStored(stored);
    if (expiresAt !== undefined && expiresAt <= clock.now()) return undefined;
    if (touched.size < MAX_TOUCHES) touched.add(key);
    cancelTouch ??= clock.setTimer(TOUCH_INTERVAL_MS, noteUses, { background: true });
    return { key, value, expiresAt };
  }

  function noteUses(): void {
    cancelTouch?.();
    cancelTouch = undefined;
    if (opened === undefined) return;
    const keys = touched;
    touched = new Set();
    track(opened.writer.touch(keys)).catch((error: unknown) => host?.fault("set", error));
  }

  async function* list(options: { readonly signal?: AbortSignal | undefined } = {}): AsyncIterable<TierEntry> {
    let from: Buffer | undefined;
    for (;;) {
      options.signal?.throwIfAborted();
      const { uses } = use().engine;
      const page = [...uses.getRange({ ...(from !== undefined && { start: from, exclusiveStart: true }), limit: PAGE })];
      if (page.length === 0) return;
      for (const { key, value: record } of page) {
        const stored = use().engine.values.getBinary(key);
        if (stored === undefined) continue;
        const { value, expiresAt } = readStored(stored);
        if (expiresAt !== undefined && expiresAt <= clock.now()) continue;
        const { scope, tags, cost, hits, lastUsed } = readRecord(record) ?? {};
        yield { key: key.toString("latin1"), value, expiresAt, scope, tags, cost, hits, usedAt: lastUsed };
      }
      from = page.at(-1)?.key;
    }
  }

  async function shutDown(): Promise<void> {
    cancelReaderCheck?.();
    noteUses();
    while (underWay.size > 0) await Promise.all(underWay);
    const engine = opened?.engine;
    opened = undefined;
    engine?.room.close();
    await engine?.environment.close();
  }

  return {
    name: "disk",
    folder: path,
    reportsEvictions: true,
    attach(given) {
      host = given;
      clock = given.clock;
      random = given.random;
    },
    get: (keys) => keys.map(find),
    set: (entries) => track(use().writer.store(entries)),
    delete: (keys) => track(use().writer.remove(new Set(keys))),
    clear(filter) {
      const { writer } = use();
      const all = filter?.scope === undefined && filter?.tag === undefined;
      return track(all ? writer.removeAll() : writer.removeWhere(filter));
    },
    entries: list,
    expired: (options) => track(use().writer.expired(options)),
    charge(valueBytes) {
      if (valueBytes <= LONGEST_IN_LEAF) return (valueBytes + RECORD_BYTES) / LEAF_FILL;
      return Math.ceil((valueBytes + 16) / PAGE_BYTES) * PAGE_BYTES + RECORD_BYTES / LEAF_FILL;
    },
    configurable: ["maxBytes"],
    configure(limits) {
      if (limits.maxBytes === undefined) return;
      maxBytes = limits.maxBytes;
      if (opened === undefined || closing !== undefined) return;
      track(opened.writer.setLimit(maxBytes)).catch((error: unknown) => host?.fault("set", error));
    },
    stats() {
      const size = opened === undefined ? undefined : measure(opened.engine);
      return { entries: size?.entries, bytes: size?.used, evicted: evictedCount, maxBytes };
    },
    close() {
      return (closing ??= shutDown());
    },
  };
}
