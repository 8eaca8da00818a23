import { StrataConfigError } from "../core/errors.ts";
import type { Clock } from "../core/clock.ts";
import type { Observer } from "../core/events.ts";
import {
  parseByteSize,
  parseChoice,
  parseCount,
  parseDuration,
  refuseUnknown,
  type ByteSize,
  type Duration,
} from "../core/options.ts";
import type { EncryptionOptions } from "../encryption/key-ring.ts";
import type { Admit } from "./admission.ts";
import type { ScopeOption } from "./call-control.ts";
import type { CompressionAlgorithm } from "./compression.ts";
import { EVICTION_NAMES } from "./evictions/create-eviction.ts";
import type { EvictionName } from "./eviction.ts";
import type { RolloutOptions } from "./rollout.ts";
import type { StaticPolicyOptions } from "./semantic/policies/static.ts";
import type { SemanticOptions } from "./semantic/semantic-options.ts";
import type { CacheTier, TierLimits } from "./tier.ts";
import type { TuningMode, TuningOptions } from "./tuning/tuning-options.ts";

export interface TieredCacheOptions {
  /** Read in this order; default `[memoryTier(), diskTier({ path: ".strata/cache" })]`. The cache closes them. */
  readonly tiers?: readonly CacheTier[] | undefined;
  /** How long an answer lives; default: for ever. Shortened by up to 10 % at random, so that entries do not expire together. */
  readonly ttl?: Duration | undefined;
  /** For tiers that compress; default `"auto"`. */
  readonly compression?: CompressionAlgorithm | undefined;
  /** Whose entries these are; default `"global"`. A function that gives `undefined` turns caching off for that call. */
  readonly scope?: ScopeOption | undefined;
  /**
   * Names the model where LangChain does not (Ollama, Groq, Mistral, Google, Bedrock, Cohere, OpenRouter, Azure); without it their
   * calls are not cached. It stands for all that LangChain leaves out of its key: write the server, the model and its parameters
   * into it, as in `"ollama@gpu-1 llama3.1:8b t=0"`, and give each such model a cache or an id of its own. A model from
   * `cacheModel` names itself and needs none.
   */
  readonly modelId?: string | undefined;
  /** Answers are served for so long past their `ttl`, while one caller refreshes them; default: not at all. Needs `ttl`. */
  readonly stale?: Duration | undefined;
  /**
   * Encrypts what is stored in every tier but memory. With `scopedKeys()` a scope that is forgotten loses its key, and with it whatever
   * a backup or a tier that was away still holds. Vectors of the semantic step are not encrypted. Default: nothing is.
   */
  readonly encryption?: EncryptionOptions | undefined;
  /** Bounds what one scope may take of a tier that is full, so that one tenant cannot evict all others; default: no bound. */
  readonly quota?: { readonly bytesPerScope?: ByteSize | undefined } | undefined;
  /** Answers questions that were asked in other words; needs `scope`. */
  readonly semantic?: SemanticOptions | undefined;
  /**
   * Whether the user's last turn is kept, in the payload alone, beside the answer; default: only when `semantic` is on, which
   * compares questions word by word and cannot do without.
   */
  readonly storePrompts?: boolean | undefined;
  /** Serves a share of the calls, or none and only counts; default: all. */
  readonly rollout?: RolloutOptions | undefined;
  /** Whether identical calls wait for the first; default `true`, for at most 30 s. */
  readonly coalesce?: boolean | { readonly maxWait?: Duration } | undefined;
  /**
   * Stores an answer only where it gives `true`, at once: a promise is a no. Adds to the built-in rules (no empty, truncated, filtered
   * answers).
   */
  readonly admit?: Admit | undefined;
  /**
   * Whether settings follow the traffic: sizes within a budget, eviction, compression, movement, lives within bounds; a mode, or a mode with
   * bounds. Default `"off"`.
   */
  readonly tuning?: TuningMode | TuningOptions | undefined;
  /** Sees every event. */
  readonly observer?: Observer | undefined;
  /** Larger values are not stored; default 16 MiB. */
  readonly maxValueBytes?: ByteSize | undefined;
  /** For tests; default the machine's. */
  readonly clock?: Clock | undefined;
  /** From 0 to 1; for tests; default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** What `configure()` can change while the cache runs. */
export interface CacheConfiguration {
  /** The tier that the limits are for. */
  readonly tier?: string | undefined;
  readonly maxBytes?: ByteSize | undefined;
  readonly maxEntries?: number | undefined;
  readonly eviction?: EvictionName | undefined;
  /** For what is written from now on; what is stored stays readable. */
  readonly compression?: { readonly algorithm: CompressionAlgorithm; readonly level?: number | undefined } | undefined;
  /** For what is stored from now on without a life of its own. */
  readonly ttl?: Duration | undefined;
  /** Switches auto-tuning; what it changed stays (`tuning.revert()` takes it back). */
  readonly autoTune?: TuningMode | undefined;
  /** Other thresholds for `staticPolicy()`: the cosine from which answers are served, or all of its options. */
  readonly similarity?: number | StaticPolicyOptions | undefined;
}

export const CACHE_OPTIONS: readonly string[] = [
  ...["tiers", "ttl", "compression", "scope", "modelId", "stale", "quota", "rollout", "coalesce", "admit", "observer"],
  ...["semantic", "storePrompts", "tuning", "encryption"],
  ...["maxValueBytes", "clock", "random"],
];

const DEFAULT_MAX_WAIT_MS = 30_000;

export function parseModelId(modelId: unknown): string | undefined {
  if (modelId === undefined) return undefined;
  if (typeof modelId !== "string" || modelId === "") throw new StrataConfigError("modelId", modelId, "a text that is not empty");
  return modelId;
}

/** @returns how long a caller waits for another one's call, ms; 0 = not at all */
export function parseCoalesce(coalesce: TieredCacheOptions["coalesce"]): number {
  if (coalesce === false) return 0;
  if (coalesce === undefined || coalesce === true) return DEFAULT_MAX_WAIT_MS;
  if (typeof coalesce !== "object" || coalesce === null) {
    throw new StrataConfigError("coalesce", coalesce, "true, false or { maxWait }");
  }
  refuseUnknown("coalesce", coalesce, ["maxWait"]);
  return coalesce.maxWait === undefined ? DEFAULT_MAX_WAIT_MS : parseDuration("coalesce.maxWait", coalesce.maxWait);
}

/** @returns whether prompts are stored @throws {@link StrataConfigError} when the semantic step is to do without */
export function parseStorePrompts({ storePrompts, semantic }: TieredCacheOptions): boolean {
  if (storePrompts !== undefined && typeof storePrompts !== "boolean") {
    throw new StrataConfigError("storePrompts", storePrompts, "true or false");
  }
  if (semantic === undefined) return storePrompts ?? false;
  if (storePrompts === false)
    throw new StrataConfigError("storePrompts", false, "true beside `semantic`, which compares prompts");
  return true;
}

/** @returns ms; 0 = stale answers are not served */
export function parseStale({ stale, ttl }: TieredCacheOptions): number {
  if (stale === undefined) return 0;
  if (ttl === undefined)
    throw new StrataConfigError("stale", stale, "a duration beside `ttl`; without one nothing becomes stale");
  return parseDuration("stale", stale);
}

/** @returns bytes; `undefined` = no bound */
export function parseQuota(quota: TieredCacheOptions["quota"]): number | undefined {
  if (quota === undefined) return undefined;
  if (typeof quota !== "object" || quota === null) throw new StrataConfigError("quota", quota, "{ bytesPerScope }");
  refuseUnknown("quota", quota, ["bytesPerScope"]);
  return quota.bytesPerScope === undefined ? undefined : parseByteSize("quota.bytesPerScope", quota.bytesPerScope);
}

export function parseTiers(tiers: readonly CacheTier[]): readonly CacheTier[] {
  if (!Array.isArray(tiers) || tiers.length === 0) throw new StrataConfigError("tiers", tiers, "a list of at least one tier");
  const names = new Set<string>();
  for (const tier of tiers as readonly CacheTier[]) {
    if (!isTier(tier)) throw new StrataConfigError("tiers", tier, "tiers, such as memoryTier() and diskTier({ path })");
    if (tier.writes !== undefined) parseChoice(`${tier.name}.writes`, tier.writes, ["through", "behind", "on-demotion"]);
    if (names.has(tier.name)) throw new StrataConfigError("tiers", tier.name, "tiers whose names differ");
    names.add(tier.name);
  }
  return tiers;
}

function isTier(tier: Partial<CacheTier> | undefined): boolean {
  if (typeof tier !== "object" || tier === null || typeof tier.name !== "string" || tier.name === "") return false;
  const { get, set, delete: remove, clear, entries, stats, close } = tier;
  return [get, set, remove, clear, entries, stats, close].every((method) => typeof method === "function");
}

/** The limits in a configuration, checked against what the tier can change. */
export function parseLimits(configuration: CacheConfiguration, tiers: readonly CacheTier[]): [CacheTier, TierLimits] | undefined {
  const { tier: name, maxBytes, maxEntries, eviction } = configuration;
  const limits: TierLimits = {
    maxBytes: maxBytes === undefined ? undefined : parseByteSize("configure.maxBytes", maxBytes),
    maxEntries: maxEntries === undefined ? undefined : parseCount("configure.maxEntries", maxEntries),
    eviction: eviction === undefined ? undefined : parseChoice("configure.eviction", eviction, EVICTION_NAMES),
  };
  const asked = (Object.keys(limits) as (keyof TierLimits)[]).filter((limit) => limits[limit] !== undefined);
  if (asked.length === 0 && name === undefined) return undefined;
  const tier = tiers.find((known) => known.name === name);
  if (tier === undefined) {
    throw new StrataConfigError("configure.tier", name, `one of the tiers ${tiers.map((known) => `"${known.name}"`).join(", ")}`);
  }
  const { configurable = [] } = tier;
  for (const limit of asked) {
    if (!configurable.includes(limit)) {
      const accepted = configurable.length === 0 ? "nothing" : configurable.join(", ");
      throw new StrataConfigError(`configure.${limit}`, limits[limit], `for the ${tier.name} tier: ${accepted}`);
    }
  }
  return [tier, limits];
}
