/**
 * Which codec, at which level, for one value. The limits are measured (`benchmarks/micro/compression.ts` repeats what is shipped;
 * Node 20 and 24, two cores, microseconds at a 2 KB answer unless stated):
 *
 * - Deflate with the preset dictionary packs small answers about as well as brotli 11 does, at 35 against 2,400. The dictionary
 *   fades as values grow: brotli's thorough levels are ahead from about 4 KB, its quick ones from 32 KB, the reach of deflate.
 * - Brotli 1 takes 20, but leaves a quarter more bytes. Brotli 9 leaves more than 10 and is slower below 30 KB; 11 takes 2.5
 *   times as long as 10 for 3 % of the bytes.
 * - zstd is never chosen by itself. With the same dictionary it leaves more bytes than deflate at 2 KB and as many at 8 KB, large
 *   values come out larger than with brotli 5, and a process on an older Node that shares the tier could not read them.
 */
import { BROTLI, DEFLATE_DICTIONARY, GZIP, ZSTD, type Codec } from "./codecs.ts";

/** How hard a tier wants its values packed. */
export type Effort = "none" | "fast" | "best";

/** How one value is packed. */
export interface Plan {
  readonly codec: Codec;
  readonly level: number;
  /** In the thread pool, because it would hold the main thread too long. */
  readonly background: boolean;
}

/** Gives the plan for so many bytes; `undefined` = leave them as they are. */
export type Planner = (bytes: number, effort: Effort) => Plan | undefined;

/** Below this, what could be saved is less than the envelope around it. */
const LEAST = 128;
const SMALL = 4 * 1024;
/**
 * Up to here, quick levels run on the main thread: 450 µs at the limit, while the trip to the pool and back costs the main
 * thread about 60 µs and, when the pool is busy with files, milliseconds of waiting.
 */
const MEDIUM = 32 * 1024;
/** Above this, thorough levels would keep one of four pool threads for more than 0.1 s, and for minutes at 64 MiB. */
const LARGE = 256 * 1024;

/** Default levels; `large` replaces `best` above 256 KiB. Levels from `slow` on never run on the main thread. */
const LEVELS = {
  gzip: { fast: 4, best: 9, large: 6, slow: 10 },
  brotli: { fast: 5, best: 10, large: 5, slow: 9 },
  zstd: { fast: 3, best: 19, large: 9, slow: 13 },
} as const;

/** Plans with one algorithm, at `level` where it is given. */
export function planNamed(algorithm: keyof typeof LEVELS, codec: Codec, level?: number): Planner {
  const { fast, best, large, slow } = LEVELS[algorithm];
  return (bytes, effort) => {
    if (effort === "none" || bytes < LEAST) return undefined;
    const chosen = level ?? (effort === "fast" ? fast : bytes <= LARGE ? best : large);
    return { codec, level: chosen, background: bytes > MEDIUM || chosen >= slow };
  };
}

const planBrotli = planNamed("brotli", BROTLI);

/** Plans for values of any size: dictionary, brotli, or nothing. */
export const planAuto: Planner = (bytes, effort) => {
  if (effort === "none" || bytes < LEAST) return undefined;
  if (bytes <= SMALL) return { codec: DEFLATE_DICTIONARY, level: effort === "best" ? 9 : 3, background: false };
  if (effort === "fast" && bytes <= MEDIUM) return { codec: DEFLATE_DICTIONARY, level: 5, background: false };
  return planBrotli(bytes, effort);
};

/** The codec that an algorithm's name asks for; `undefined` where this Node has none. */
export const NAMED: Readonly<Record<keyof typeof LEVELS, Codec | undefined>> = { gzip: GZIP, brotli: BROTLI, zstd: ZSTD };
