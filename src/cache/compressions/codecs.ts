/**
 * The codecs: every way in which payload bytes have ever been packed. The id is one byte of each stored envelope, so this table
 * only grows; an id is never given a second meaning, and a codec is never removed.
 *
 * | id | bytes | readable by |
 * | --- | --- | --- |
 * | 0 | as they are | every Node |
 * | 1 | gzip (RFC 1952) | every Node |
 * | 2 | brotli (RFC 7932), windows up to 16 MiB | every Node |
 * | 3 | zstd (RFC 8878), windows up to 8 MiB, no dictionary | Node 22.15 and later, 23.8 and later |
 * | 4 | raw deflate (RFC 1951) with preset dictionary version 1 | every Node |
 *
 * Inflating is bounded by the length that the envelope states: `maxOutputLength` stops at the first byte beyond it, and the
 * windows are bounded above, so that a few hundred bytes cannot ask for gigabytes (200 MB of zeros are 317 bytes of brotli).
 */
import * as zlib from "node:zlib";
import { DICTIONARY_1 } from "./dictionary.ts";

/** The id of bytes that are stored as they are. */
export const RAW = 0;

/** One way of packing bytes. */
export interface Codec {
  /** The byte in the envelope. */
  readonly id: number;
  /** The lowest and the highest level, inclusive. */
  readonly levels: readonly [least: number, most: number];
  packSync(bytes: Uint8Array, level: number): Uint8Array;
  /** The same bytes as `packSync`, made in the thread pool. */
  pack(bytes: Uint8Array, level: number): Promise<Uint8Array>;
  /** Throws on damage, and as soon as there is more than `rawLength`; may give fewer bytes than that. */
  unpackSync(bytes: Uint8Array, rawLength: number): Uint8Array;
  unpack(bytes: Uint8Array, rawLength: number): Promise<Uint8Array>;
}

type Done = (error: Error | null, result: Uint8Array) => void;

/** The four functions that `node:zlib` has for each format, and how they are called. */
interface Engine<Options extends object> {
  readonly packSync: (bytes: Uint8Array, options: Options) => Uint8Array;
  readonly pack: (bytes: Uint8Array, options: Options, done: Done) => void;
  readonly unpackSync: (bytes: Uint8Array, options: Options) => Uint8Array;
  readonly unpack: (bytes: Uint8Array, options: Options, done: Done) => void;
  readonly packOptions: (level: number, rawLength: number) => Options;
  readonly unpackOptions: Options;
}

/** zlib refuses smaller output chunks. */
const LEAST_CHUNK = 64;
/** Above this, memory is taken as the output arrives, so that a false length costs no more than what it is true of. */
const MOST_CHUNK = 1024 * 1024;

function codec<Options extends object>(id: number, levels: readonly [number, number], engine: Engine<Options>): Codec {
  // One chunk for all of the output: in the thread pool each chunk is a trip of its own, and several are joined by a copy.
  const packing = (bytes: Uint8Array, level: number): Options => ({
    ...engine.packOptions(level, bytes.byteLength),
    chunkSize: chunkFor(bytes.byteLength >> 1),
  });
  // One byte more than expected shows the end of the stream, or that there is too much, without a second chunk.
  const unpacking = (rawLength: number): Options => ({
    ...engine.unpackOptions,
    maxOutputLength: Math.max(1, rawLength),
    chunkSize: chunkFor(rawLength + 1),
  });
  return {
    id,
    levels,
    packSync: (bytes, level) => engine.packSync(bytes, packing(bytes, level)),
    pack: (bytes, level) => promised((done) => engine.pack(bytes, packing(bytes, level), done)),
    unpackSync: (bytes, rawLength) => engine.unpackSync(bytes, unpacking(rawLength)),
    unpack: (bytes, rawLength) => promised((done) => engine.unpack(bytes, unpacking(rawLength), done)),
  };
}

function chunkFor(bytes: number): number {
  return Math.min(Math.max(bytes, LEAST_CHUNK), MOST_CHUNK);
}

function promised(start: (done: Done) => void): Promise<Uint8Array> {
  return new Promise((resolve, reject) => start((error, result) => (error === null ? resolve(result) : reject(error))));
}

export const GZIP: Codec = codec<zlib.ZlibOptions>(1, [1, 9], {
  packSync: zlib.gzipSync,
  pack: zlib.gzip,
  unpackSync: zlib.gunzipSync,
  unpack: zlib.gunzip,
  packOptions: (level) => ({ level }),
  unpackOptions: {},
});

export const BROTLI: Codec = codec<zlib.BrotliOptions>(2, [0, 11], {
  packSync: zlib.brotliCompressSync,
  pack: zlib.brotliCompress,
  unpackSync: zlib.brotliDecompressSync,
  unpack: zlib.brotliDecompress,
  packOptions: (level) => ({ params: { [zlib.constants.BROTLI_PARAM_QUALITY]: level } }),
  unpackOptions: {},
});

export const DEFLATE_DICTIONARY: Codec = codec<zlib.ZlibOptions>(4, [1, 9], {
  packSync: zlib.deflateRawSync,
  pack: zlib.deflateRaw,
  unpackSync: zlib.inflateRawSync,
  unpack: zlib.inflateRaw,
  packOptions: (level) => ({ level, dictionary: DICTIONARY_1 }),
  unpackOptions: { dictionary: DICTIONARY_1 },
});

interface ZstdOptions {
  /** Lets the pool choose the window that a synchronous call chooses, which knows the length by itself. */
  readonly pledgedSrcSize?: number;
  readonly params?: Readonly<Record<number, number>>;
}

/** What `node:zlib` has besides, in the versions of Node that know zstd; the types of Node 20 do not. */
interface Zstd {
  readonly zstdCompressSync: (bytes: Uint8Array, options: ZstdOptions) => Uint8Array;
  readonly zstdCompress: (bytes: Uint8Array, options: ZstdOptions, done: Done) => void;
  readonly zstdDecompressSync: (bytes: Uint8Array, options: ZstdOptions) => Uint8Array;
  readonly zstdDecompress: (bytes: Uint8Array, options: ZstdOptions, done: Done) => void;
}

/** `ZSTD_c_compressionLevel` and `ZSTD_d_windowLogMax` of zstd.h, stable since zstd 1.4. */
const ZSTD_COMPRESSION_LEVEL = 100;
const ZSTD_WINDOW_LOG_MAX = 100;

/** `undefined` where this Node has no zstd. Levels above 19 need windows, and so memory, that no reader here allows. */
export const ZSTD: Codec | undefined = hasZstd(zlib)
  ? codec<ZstdOptions>(3, [1, 19], {
      packSync: zlib.zstdCompressSync,
      pack: zlib.zstdCompress,
      unpackSync: zlib.zstdDecompressSync,
      unpack: zlib.zstdDecompress,
      packOptions: (level, pledgedSrcSize) => ({ pledgedSrcSize, params: { [ZSTD_COMPRESSION_LEVEL]: level } }),
      unpackOptions: { params: { [ZSTD_WINDOW_LOG_MAX]: 23 } },
    })
  : undefined;

function hasZstd(module: object): module is Zstd {
  return "zstdCompressSync" in module && "zstdDecompressSync" in module;
}

/** All codecs of this release that this Node can run. */
export const CODECS: readonly Codec[] = [GZIP, BROTLI, ...(ZSTD === undefined ? [] : [ZSTD]), DEFLATE_DICTIONARY];

/** By id; `undefined` for raw bytes and for what this release or this Node does not know. */
export function codecOf(id: number): Codec | undefined {
  return CODECS.find((known) => known.id === id);
}
