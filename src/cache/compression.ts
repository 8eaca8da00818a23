/**
 * Compression of what the cache stores, chosen value by value. What was written names its codec, so a cache reads everything that
 * any configuration ever wrote; only writing depends on the options.
 */
import type { MaybePromise } from "../core/abort.ts";
import { systemClock, type Clock } from "../core/clock.ts";
import { StrataConfigError, StrataError } from "../core/errors.ts";
import { parseChoice, parseCount } from "../core/options.ts";
import { codecOf, RAW, type Codec } from "./compressions/codecs.ts";
import { NAMED, planAuto, planNamed, type Effort, type Planner } from "./compressions/plan.ts";

/** How payloads are compressed; `"auto"` chooses per value among the codecs that every supported Node reads. */
export type CompressionAlgorithm = "auto" | "none" | "gzip" | "brotli" | "zstd";

export interface CompressionOptions {
  /** `"zstd"` needs Node 22.15 or 23.8, in every process that reads the tier. */
  readonly algorithm: CompressionAlgorithm;
  /**
   * Fixes the level of a named algorithm, for every effort but `"none"`: gzip 1 to 9, brotli 0 to 11, zstd 1 to 19.
   * Not accepted with `"auto"` and `"none"`. Default: by effort and size.
   */
  readonly level?: number | undefined;
  /** Bytes; longer payloads are stored as they are. Default 64 MiB, which is also what `decompress` accepts by default. */
  readonly maxRawLength?: number | undefined;
  /** Measures the time of `stats()`. Default: the machine's own. */
  readonly clock?: Clock | undefined;
}

/** A payload as it will lie in a tier. */
export interface Compressed {
  /** For the envelope's header; see the table in `compressions/codecs.ts`. */
  readonly codec: number;
  readonly bytes: Uint8Array;
}

/** What compression has done since it was made. Payloads of tiers that ask for none are not counted. */
export interface CompressionStats {
  readonly values: number;
  /** How many of them were worth compressing; the others were stored as they were. */
  readonly compressed: number;
  readonly rawBytes: number;
  readonly storedBytes: number;
  /** `rawBytes / storedBytes`; 1 before there was any. */
  readonly ratio: number;
  /** Time from call to result, of large values including the wait for a thread of the pool. */
  readonly nanoseconds: number;
}

export interface Compression {
  /**
   * Packs a payload as hard as its tier wants. Synchronous up to 32 KiB (under about 0.5 ms), except where a slow level is asked
   * for, which `"best"` does above 4 KiB; otherwise in the thread pool. The bytes may be the payload itself, and either way must
   * not be changed.
   */
  compress(payload: Uint8Array, hint: { readonly effort: Effort }): MaybePromise<Compressed>;
  stats(): CompressionStats;
}

const ALGORITHMS = ["auto", "none", "gzip", "brotli", "zstd"] as const;

/** 64 MiB: more than the longest answer of any model by two orders of magnitude. */
const MAX_RAW_LENGTH = 64 * 1024 * 1024;

/** Compressed bytes are kept when they save at least a tenth; less is not worth inflating on every read. */
const WORTH_KEEPING = 0.9;

/** Up to here, inflating runs on the main thread: 260 µs at the limit, against 60 µs for the trip to the pool and back. */
const SYNC_RAW_LENGTH = 128 * 1024;

/**
 * Makes the compression of one cache.
 * @throws {@link StrataConfigError} for an unknown algorithm, one that this Node does not have, or a level that it does not have
 */
export function createCompression(options: CompressionOptions): Compression {
  const plan = plannerFor(options);
  const maxRawLength = parseCount("compression.maxRawLength", options.maxRawLength ?? MAX_RAW_LENGTH);
  const clock = options.clock ?? systemClock;
  const totals = { values: 0, compressed: 0, rawBytes: 0, storedBytes: 0, nanoseconds: 0 };

  function count(payload: Uint8Array, result: Compressed, startedAt: number): Compressed {
    totals.values++;
    if (result.codec !== RAW) totals.compressed++;
    totals.rawBytes += payload.byteLength;
    totals.storedBytes += result.bytes.byteLength;
    totals.nanoseconds += Math.round((clock.monotonic() - startedAt) * 1e6);
    return result;
  }

  return {
    compress(payload, { effort }) {
      if (effort === "none") return { codec: RAW, bytes: payload };
      const startedAt = clock.monotonic();
      const chosen = payload.byteLength > maxRawLength ? undefined : plan(payload.byteLength, effort);
      if (chosen === undefined) return count(payload, { codec: RAW, bytes: payload }, startedAt);
      const { codec, level, background } = chosen;
      if (!background) return count(payload, better(payload, codec, codec.packSync(payload, level)), startedAt);
      return codec.pack(payload, level).then((packed) => count(payload, better(payload, codec, packed), startedAt));
    },
    stats() {
      return { ...totals, ratio: totals.storedBytes === 0 ? 1 : totals.rawBytes / totals.storedBytes };
    },
  };
}

/**
 * Gives back the payload of what `compress` wrote, whatever the options were then. Synchronous up to 128 KiB of payload.
 *
 * Damage that leaves the length right is not noticed here: the envelope's checksum is verified before.
 * @param rawLength the payload's length as the envelope states it; inflating never goes beyond it
 * @param options.maxRawLength refuses longer payloads before anything is inflated; default 64 MiB
 * @throws {@link StrataError} `CORRUPT` (thrown, or rejected with, above 128 KiB) when the bytes are damaged, do not have that
 * length, or have a codec that this release or this Node does not read
 */
export function decompress(
  codec: number,
  bytes: Uint8Array,
  rawLength: number,
  options: { readonly maxRawLength?: number | undefined } = {},
): MaybePromise<Uint8Array> {
  if (codec === RAW) return exactly(bytes, rawLength);
  const reader = codecOf(codec);
  if (reader === undefined) throw corrupt(`codec ${codec} cannot be read by this release on Node ${process.versions.node}`);
  const limit = options.maxRawLength ?? MAX_RAW_LENGTH;
  if (!(rawLength <= limit)) throw corrupt(`it states ${rawLength} bytes; the limit is ${limit}`);
  // Only what shrinks is ever stored compressed; anything else would be work without an output to bound it by.
  if (bytes.byteLength >= rawLength) throw corrupt("it is not shorter than what it should inflate to");
  if (rawLength > SYNC_RAW_LENGTH) {
    return reader.unpack(bytes, rawLength).then((raw) => exactly(raw, rawLength), refuse);
  }
  let raw: Uint8Array;
  try {
    raw = reader.unpackSync(bytes, rawLength);
  } catch (cause) {
    return refuse(cause);
  }
  return exactly(raw, rawLength);
}

function plannerFor({ algorithm, level }: CompressionOptions): Planner {
  parseChoice("compression.algorithm", algorithm, ALGORITHMS);
  if (algorithm === "auto" || algorithm === "none") {
    if (level !== undefined) throw new StrataConfigError("compression.level", level, `no level with "${algorithm}"`);
    return algorithm === "auto" ? planAuto : () => undefined;
  }
  const codec = NAMED[algorithm];
  if (codec === undefined) {
    const others = '"auto", "none", "gzip", "brotli"; "zstd" needs Node 22.15 or 23.8 or later';
    throw new StrataConfigError("compression.algorithm", algorithm, others);
  }
  if (level !== undefined) requireLevel(level, algorithm, codec);
  return planNamed(algorithm, codec, level);
}

function requireLevel(level: number, algorithm: CompressionAlgorithm, { levels: [least, most] }: Codec): void {
  if (Number.isInteger(level) && level >= least && level <= most) return;
  throw new StrataConfigError("compression.level", level, `a whole number from ${least} to ${most} with "${algorithm}"`);
}

function better(payload: Uint8Array, codec: Codec, packed: Uint8Array): Compressed {
  if (packed.byteLength > payload.byteLength * WORTH_KEEPING) return { codec: RAW, bytes: payload };
  return { codec: codec.id, bytes: packed };
}

function exactly(raw: Uint8Array, rawLength: number): Uint8Array {
  if (raw.byteLength !== rawLength) throw corrupt(`it has ${raw.byteLength} bytes, not the ${rawLength} that it states`);
  return raw;
}

function refuse(cause: unknown): never {
  throw corrupt("it does not inflate to what it states", cause);
}

function corrupt(reason: string, cause?: unknown): StrataError {
  return new StrataError("CORRUPT", `A stored payload cannot be used: ${reason}.`, { cause });
}
