import { StrataConfigError } from "../../core/errors.ts";
import {
  parseByteSize,
  parseChoice,
  parseCount,
  parseDuration,
  parseNumber,
  refuseUnknown,
  type ByteSize,
  type Duration,
} from "../../core/options.ts";
import type { TuningSetting } from "./tunable.ts";

export type TuningMode = "off" | "advise" | "apply";

/** Bounds of one tier. */
export interface TierBounds {
  /** Default: a quarter of what the tier begins with. */
  readonly minBytes?: ByteSize | undefined;
  /** Default: the whole budget. */
  readonly maxBytes?: ByteSize | undefined;
}

export interface TuningOptions {
  /** `"advise"` explains what would be better, and changes nothing; `"apply"` changes it, in steps, on trial. Default `"off"`. */
  readonly mode?: TuningMode | undefined;
  /**
   * Bytes that tiers with a bound may share; at no time do they take more together. Default: sizes stay as they are.
   */
  readonly budget?: ByteSize | undefined;
  /** Bounds of sizes by the names of tiers; with `budget` only. */
  readonly tiers?: Readonly<Record<string, TierBounds>> | undefined;
  /** How long or how short lives may become; default: they stay as they are. Needs the cache's `ttl`, which lies between the two. */
  readonly ttl?: { readonly min?: Duration | undefined; readonly max?: Duration | undefined } | undefined;
  /** Only these are changed; default: all that can be. */
  readonly settings?: readonly TuningSetting[] | undefined;
  /** How often decisions are made, at most; default `"1m"`. */
  readonly every?: Duration | undefined;
  /** Lookups of the sample that a decision rests on, at least; default 1,000. With fewer, it waits. */
  readonly minSamples?: number | undefined;
  /** Points of hit rate that a step has to promise; default 0.5. */
  readonly minGain?: number | undefined;
  /** Points of hit rate that may be lost to the settings that were given before everything goes back; default 1. */
  readonly maxLoss?: number | undefined;
}

export interface TuningSettings {
  readonly mode: TuningMode;
  readonly budgetBytes: number | undefined;
  readonly tiers: ReadonlyMap<string, { readonly minBytes: number | undefined; readonly maxBytes: number | undefined }>;
  readonly ttl: { readonly minMs: number; readonly maxMs: number } | undefined;
  readonly settings: readonly TuningSetting[];
  readonly everyMs: number;
  readonly minSamples: number;
  /** A share. */
  readonly minGain: number;
  /** A share. */
  readonly maxLoss: number;
}

export const TUNING_MODES: readonly TuningMode[] = ["off", "advise", "apply"];
export const TUNING_SETTINGS: readonly TuningSetting[] = ["size", "eviction", "compression", "movement", "ttl"];
const KNOWN = ["mode", "budget", "tiers", "ttl", "settings", "every", "minSamples", "minGain", "maxLoss"];

/**
 * @param ttlMs the cache's own
 * @param path how the option is called where it was given
 * @throws {@link StrataConfigError} naming the option
 */
export function parseTuning(
  given: TuningMode | TuningOptions | undefined,
  ttlMs: number | undefined,
  path = "tuning",
): TuningSettings {
  const options = typeof given === "string" ? { mode: given } : (given ?? {});
  refuseUnknown(path, options, KNOWN);
  const mode = parseChoice(`${path}.mode`, options.mode ?? "off", TUNING_MODES);
  if (options.settings !== undefined && !Array.isArray(options.settings)) {
    throw new StrataConfigError(`${path}.settings`, options.settings, `a list of ${TUNING_SETTINGS.join(", ")}`);
  }
  const settings = (options.settings ?? TUNING_SETTINGS).map((name) => parseChoice(`${path}.settings`, name, TUNING_SETTINGS));
  const budgetBytes = options.budget === undefined ? undefined : parseByteSize(`${path}.budget`, options.budget);
  return {
    mode,
    budgetBytes,
    tiers: parseTierBounds(options, budgetBytes, path),
    ttl: parseTtl(options.ttl, ttlMs, path),
    settings,
    everyMs: parseDuration(`${path}.every`, options.every ?? "1m"),
    minSamples: parseCount(`${path}.minSamples`, options.minSamples ?? 1_000),
    minGain: parseNumber(`${path}.minGain`, options.minGain ?? 0.5, 0.1, 100) / 100,
    maxLoss: parseNumber(`${path}.maxLoss`, options.maxLoss ?? 1, 0.1, 100) / 100,
  };
}

function parseTierBounds({ tiers }: TuningOptions, budgetBytes: number | undefined, path: string): TuningSettings["tiers"] {
  if (tiers === undefined) return new Map();
  const isObject = typeof tiers === "object" && tiers !== null && !Array.isArray(tiers);
  if (!isObject) throw new StrataConfigError(`${path}.tiers`, tiers, "bounds by the names of tiers");
  if (budgetBytes === undefined) throw new StrataConfigError(`${path}.tiers`, tiers, "bounds beside `budget`");
  return new Map(
    Object.entries(tiers).map(([name, bounds]) => {
      const at = `${path}.tiers.${name}`;
      refuseUnknown(at, bounds, ["minBytes", "maxBytes"]);
      const minBytes = bounds.minBytes === undefined ? undefined : parseByteSize(`${at}.minBytes`, bounds.minBytes);
      const maxBytes = bounds.maxBytes === undefined ? undefined : parseByteSize(`${at}.maxBytes`, bounds.maxBytes);
      if ((minBytes ?? 0) > (maxBytes ?? Infinity)) {
        throw new StrataConfigError(`${at}.minBytes`, bounds.minBytes, `at most \`${path}.maxBytes\``);
      }
      return [name, { minBytes, maxBytes }];
    }),
  );
}

function parseTtl(ttl: TuningOptions["ttl"], ttlMs: number | undefined, path: string): TuningSettings["ttl"] {
  if (ttl === undefined) return undefined;
  refuseUnknown(`${path}.ttl`, ttl, ["min", "max"]);
  if (ttlMs === undefined) throw new StrataConfigError(`${path}.ttl`, ttl, "bounds beside the cache's `ttl`");
  const minMs = ttl.min === undefined ? ttlMs : parseDuration(`${path}.ttl.min`, ttl.min);
  const maxMs = ttl.max === undefined ? ttlMs : parseDuration(`${path}.ttl.max`, ttl.max);
  if (minMs > ttlMs) throw new StrataConfigError(`${path}.ttl.min`, ttl.min, "at most the cache's `ttl`");
  if (maxMs < ttlMs) throw new StrataConfigError(`${path}.ttl.max`, ttl.max, "at least the cache's `ttl`");
  return { minMs, maxMs };
}
