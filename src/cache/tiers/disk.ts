/**
 * The disk tier: LMDB, a copy-on-write B+ tree in one memory-mapped file. Reads are synchronous and cost a few microseconds;
 * writes are grouped into transactions on a thread of the engine; a process that dies at any point leaves the last committed
 * state; several processes may share one folder.
 *
 * Two tables, both by key: `values` (8 bytes of expiry, then the sealed envelope) and `uses` (`disk-record.ts`), so that noting
 * a use never rewrites a value.
 *
 * What goes first when the file is full is decided by sampling, as Redis does (redis.io/docs/reference/eviction): keys are
 * digests, so the neighbours of a random key are a random sample, and among some tens of them the least recently used one is
 * close to the true one, with no list to keep, to load at start or to share between processes.
 *
 * Not guaranteed: power loss may take the last writes (never the file: LMDB flushes behind the commit and falls back to the
 * last flushed state). Uses are noted in memory and written once a second; a kill loses those of the last second.
 */
import { accessSync, constants, existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { open as openEnvironment, type Database, type RootDatabase } from "lmdb";
import { systemClock, type Clock } from "../../core/clock.ts";
import { StrataConfigError, StrataError } from "../../core/errors.ts";
import type { Digest } from "../../core/key.ts";
import { parseByteSize, parseDuration, refuseUnknown, type ByteSize, type Duration } from "../../core/options.ts";
import type { CacheTier, TierEntry, TierFilter, TierHost } from "../tier.ts";
import { readRecord, recordMatches, touchRecord, writeRecord, type DiskRecord } from "./disk-record.ts";

export interface DiskTierOptions {
  /** The folder; made, private to the user (0700) and ignored by git, when it is not there. */
  readonly path: string;
  /** Bound on the pages in use; default 1 GiB. The file itself may be up to half as large again. */
  readonly maxBytes?: ByteSize | undefined;
  /** Longest life of an entry in this tier; default: as long as the entry itself lives. */
  readonly ttl?: Duration | undefined;
}

type Bytes = Database<Buffer, Buffer>;

interface Engine {
  readonly environment: RootDatabase<Buffer, Buffer>;
  readonly values: Bytes;
  readonly uses: Bytes;
}

const EXPIRY_BYTES = 8;
/** Redis samples 5 by default and calls 10 close to true LRU; here a sample is one cursor walk, so a few more cost nothing. */
const SAMPLE = 24;
/** Evicted down to this share of the limit, so that eviction comes in batches. */
const LOW_WATER = 0.95;
/** Entries evicted in one transaction, which holds the event loop for about a millisecond. */
const EVICTION_BATCH = 100;
const TOUCH_INTERVAL_MS = 1_000;
/** A reader that was killed pins old pages and lets the file grow until its slot is found dead. */
const READER_CHECK_MS = 60_000;
/** Entries looked at in one go by clear and entries before the event loop gets its turn. */
const BATCH = 500;

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
  let engine: Engine | undefined;
  let closed = false;
  let evictedCount = 0;
  const touched = new Set<Digest>();
  let cancelReaderCheck: (() => void) | undefined;

  function use(): Engine {
    if (closed) throw new StrataError("CLOSED", "The disk tier is closed.");
    if (engine !== undefined) return engine;
    engine = openFolder(path, clock.now());
    checkReaders();
    return engine;
  }

  function checkReaders(): void {
    engine?.environment.readerCheck();
    cancelReaderCheck = clock.setTimer(READER_CHECK_MS, checkReaders, { background: true });
  }

  function find(key: Digest): TierEntry | undefined {
    const { values } = use();
    const stored = values.getBinary(keyBytes(key));
    if (stored === undefined) return undefined;
    const expiresAt = readExpiry(stored);
    if (expiresAt !== undefined && expiresAt <= clock.now()) return undefined;
    if (touched.size === 0) clock.setTimer(TOUCH_INTERVAL_MS, () => void flushTouches(), { background: true });
    touched.add(key);
    return { key, value: stored.subarray(EXPIRY_BYTES), expiresAt };
  }

  async function flushTouches(): Promise<void> {
    if (touched.size === 0 || engine === undefined) return;
    const { environment, uses } = engine;
    const keys = [...touched];
    touched.clear();
    const now = clock.now();
    try {
      await environment.transaction(() => {
        for (const key of keys) {
          const bytes = keyBytes(key);
          const record = uses.getBinary(bytes);
          if (record !== undefined) void uses.put(bytes, touchRecord(record, now));
        }
      });
    } catch (error) {
      host?.fault("set", error);
    }
  }

  function put(target: Engine, entry: TierEntry): Promise<boolean> {
    const now = clock.now();
    const expiresAt = Math.min(entry.expiresAt ?? Infinity, now + ttl);
    const key = keyBytes(entry.key);
    if (expiresAt <= now) {
      void target.uses.remove(key);
      return target.values.remove(key);
    }
    const value = Buffer.allocUnsafe(EXPIRY_BYTES + entry.value.byteLength);
    value.writeDoubleLE(expiresAt === Infinity ? 0 : expiresAt, 0);
    value.set(entry.value, EXPIRY_BYTES);
    void target.values.put(key, value);
    const { scope, tags = [], cost = 1 } = entry;
    return target.uses.put(key, writeRecord({ lastUsed: now, expiresAt, cost, bytes: value.byteLength, hits: 0, scope, tags }));
  }

  /** Removes expired and least recently used entries until the pages in use are well below the limit. */
  async function shrink(target: Engine): Promise<void> {
    if (usedBytes(target) <= maxBytes) return;
    for (let excess = 1; excess > 0; excess = closed ? 0 : usedBytes(target) - maxBytes * LOW_WATER) {
      const gone: TierEntry[] = [];
      const now = clock.now();
      await target.environment.transaction(() => {
        for (let count = 0, freed = 0; count < EVICTION_BATCH && freed < excess; count++) {
          const victim = sampleVictim(target, now, random);
          if (victim === undefined) break;
          freed += Math.max(victim.record.bytes, 1);
          const stored = target.values.getBinary(victim.key);
          void target.values.remove(victim.key);
          void target.uses.remove(victim.key);
          if (stored !== undefined && victim.record.expiresAt > now) gone.push(evictedEntry(victim, stored));
        }
      });
      if (gone.length === 0 && entryCount(target.values) === 0) return;
      evictedCount += gone.length;
      if (gone.length > 0) host?.evicted(gone);
    }
  }

  async function removeWhere(filter: TierFilter): Promise<number> {
    const { environment, values, uses } = use();
    let removed = 0;
    let from: Buffer | undefined;
    for (;;) {
      const page = [...uses.getRange({ ...(from !== undefined && { start: from, exclusiveStart: true }), limit: BATCH })];
      if (page.length === 0) return removed;
      await environment.transaction(() => {
        for (const { key, value } of page) {
          if (!recordMatches(value, filter)) continue;
          void values.remove(key);
          void uses.remove(key);
          removed++;
        }
      });
      from = page.at(-1)?.key;
    }
  }

  return {
    name: "disk",
    attach(given) {
      host = given;
      clock = given.clock;
      random = given.random;
    },
    get: (keys) => keys.map(find),
    async set(entries) {
      const target = use();
      // Un-awaited puts of one turn become one transaction of the engine; the last one resolves with it.
      const commits = entries.map((entry) => put(target, entry));
      await Promise.all(commits);
      await shrink(target);
    },
    async delete(keys) {
      const { values, uses } = use();
      let removed = 0;
      const commits: Promise<boolean>[] = [];
      for (const key of keys) {
        const bytes = keyBytes(key);
        if (values.getBinary(bytes) !== undefined) removed++;
        commits.push(values.remove(bytes), uses.remove(bytes));
      }
      await Promise.all(commits);
      return removed;
    },
    async clear(filter) {
      if (filter?.scope !== undefined || filter?.tag !== undefined) return removeWhere(filter);
      const { values, uses } = use();
      const count = entryCount(values);
      await Promise.all([values.clearAsync(), uses.clearAsync()]);
      return count;
    },
    async *entries(callOptions) {
      const { values } = use();
      let from: Buffer | undefined;
      for (;;) {
        callOptions?.signal?.throwIfAborted();
        const page = [...values.getRange({ ...(from !== undefined && { start: from, exclusiveStart: true }), limit: BATCH })];
        if (page.length === 0) return;
        for (const { key, value } of page) {
          const expiresAt = readExpiry(value);
          if (expiresAt !== undefined && expiresAt <= clock.now()) continue;
          yield { key: key.toString("latin1"), value: value.subarray(EXPIRY_BYTES), expiresAt };
        }
        from = page.at(-1)?.key;
      }
    },
    configure(limits) {
      if (limits.maxBytes === undefined) return;
      maxBytes = limits.maxBytes;
      if (engine !== undefined) shrink(engine).catch((error: unknown) => host?.fault("set", error));
    },
    stats() {
      if (engine === undefined) return { entries: undefined, bytes: undefined, evicted: evictedCount, maxBytes };
      return { entries: entryCount(engine.values), bytes: usedBytes(engine), evicted: evictedCount, maxBytes };
    },
    async close() {
      if (closed) return;
      await flushTouches();
      closed = true;
      cancelReaderCheck?.();
      await engine?.environment.close();
      engine = undefined;
    },
  };
}

/** Opens the environment; a file that is none of LMDB's is set aside under another name, so that nothing is destroyed. */
function openFolder(path: string, now: number): Engine {
  try {
    makePrivateFolder(path);
    accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw new StrataError("UNAVAILABLE", `The folder ${path} of the disk tier cannot be written.`, { cause });
  }
  try {
    return openEngine(path);
  } catch (cause) {
    const file = join(path, "data.mdb");
    if (!existsSync(file)) throw new StrataError("UNAVAILABLE", `The disk tier cannot open ${path}.`, { cause });
    renameSync(file, `${file}.unreadable-${now.toString(36)}`);
    try {
      return openEngine(path);
    } catch (again) {
      throw new StrataError("UNAVAILABLE", `The disk tier cannot open ${path}, nor start it anew.`, { cause: again });
    }
  }
}

function openEngine(path: string): Engine {
  const environment = openEnvironment<Buffer, Buffer>({ path, encoding: "binary", keyEncoding: "binary", maxDbs: 4 });
  const form = { encoding: "binary", keyEncoding: "binary" } as const;
  return {
    environment,
    values: environment.openDB<Buffer, Buffer>({ name: "values-1", ...form }),
    uses: environment.openDB<Buffer, Buffer>({ name: "uses-1", ...form }),
  };
}

function makePrivateFolder(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 });
  if (first !== undefined) writeFileSync(join(first, ".gitignore"), "*\n");
}

function keyBytes(key: Digest): Buffer {
  return Buffer.from(key, "latin1");
}

function readExpiry(stored: Buffer): number | undefined {
  const expiresAt = stored.readDoubleLE(0);
  return expiresAt === 0 ? undefined : expiresAt;
}

interface Statistics {
  readonly entryCount: number;
  readonly pageSize: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

function entryCount(table: Bytes): number {
  return (table.getStats() as Statistics).entryCount;
}

/** Bytes of the pages in use by both tables: known to the engine without a scan, and true for every process that shares it. */
function usedBytes({ values, uses }: Engine): number {
  let bytes = 0;
  for (const table of [values, uses]) {
    const pages = table.getStats() as Statistics;
    bytes += (pages.treeBranchPageCount + pages.treeLeafPageCount + pages.overflowPages) * pages.pageSize;
  }
  return bytes;
}

interface Victim {
  readonly key: Buffer;
  readonly record: DiskRecord;
}

/** The first expired, else the least recently used of a sample: the keys that follow a random one, round the end. */
function sampleVictim({ uses }: Engine, now: number, random: () => number): Victim | undefined {
  const start = Buffer.alloc(6);
  for (let index = 0; index < start.length; index++) start[index] = 32 + Math.floor(random() * 95);
  const sample = [...uses.getRange({ start, limit: SAMPLE })];
  if (sample.length < SAMPLE) sample.push(...uses.getRange({ limit: SAMPLE - sample.length, end: start }));
  let victim: Victim | undefined;
  for (const { key, value } of sample) {
    const record = readRecord(value);
    if (record.expiresAt <= now) return { key, record };
    if (victim === undefined || record.lastUsed < victim.record.lastUsed) victim = { key, record };
  }
  return victim;
}

function evictedEntry({ key, record }: Victim, stored: Buffer): TierEntry {
  const { scope, tags, cost } = record;
  const value = stored.subarray(EXPIRY_BYTES);
  return { key: key.toString("latin1"), value, expiresAt: readExpiry(stored), scope, tags, cost };
}
