/**
 * The tiered cache as LangChain sees it: `new ChatDeepSeek({ cache: new TieredCache() })`.
 *
 * A thin skin: requests are read from `(prompt, llmKey)` in `base-requests.ts`, calls are led and awaited in `base-calls.ts`,
 * values have `json-values.ts`, all of them over the tiered store. Nothing that fails in here reaches the model call: `lookup`
 * answers `null`, `update` resolves, and an event tells. Answers are stored behind the caller's back, so `update` costs the time
 * of encoding.
 */
import { BaseCache } from "@langchain/core/caches";
import type { Generation } from "@langchain/core/outputs";
import { isPromise } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import { StrataConfigError } from "../core/errors.ts";
import { guardObserver, type Emit } from "../core/events.ts";
import type { Digest } from "../core/key.ts";
import { parseEncryption, type KeyRing } from "../encryption/key-ring.ts";
import { parseByteSize, parseChoice, parseClock, parseDuration, parseFunction, refuseUnknown } from "../core/options.ts";
import type { Json } from "../core/plain.ts";
import { scopeDigest, type Scope } from "../core/scope.ts";
import { AnswerCache } from "./answer-cache.ts";
import { BaseCalls } from "./base/base-calls.ts";
import { BaseRequests } from "./base/base-requests.ts";
import {
  CACHE_OPTIONS,
  parseCoalesce,
  parseLimits,
  parseModelId,
  parseQuota,
  parseStale,
  parseStorePrompts,
  parseTiers,
  type CacheConfiguration,
  type TieredCacheOptions,
} from "./cache-options.ts";
import { CacheCounters, type CacheStats } from "./cache-stats.ts";
import { controlResolver, currentConfig } from "./call-control.ts";
import { cacheEntries, offerEntries } from "./cache-entries.ts";
import { createCompression } from "./compression.ts";
import { HitIds } from "./hit-ids.ts";
import { JsonValues, offerValues, type GetOptions, type SetOptions } from "./json-values.ts";
import { offerRequests } from "./request-cache.ts";
import { createRollout } from "./rollout.ts";
import type { Cluster, ClusterOptions } from "./semantic/clusters.ts";
import type { Selection } from "./semantic/questions.ts";
import { parseSemantic } from "./semantic/semantic-options.ts";
import type { SemanticStep } from "./semantic/semantic-step.ts";
import { semanticStep } from "./semantic/create-step.ts";
import type { SimilarEntry, SimilarOptions } from "./semantic/similar.ts";
import { offerPrompts } from "./stored-prompt.ts";
import { tagMatcher } from "./tags.ts";
import type { CacheTier } from "./tier.ts";
import { TieredStore } from "./tiered-store.ts";
import { diskTier } from "./tiers/disk.ts";
import { encryptTiers } from "./tiers/encrypted.ts";
import { memoryTier } from "./tiers/memory.ts";
import { AutoTuning, type CacheTuning } from "./tuning/cache-tuning.ts";
import { tuningControls } from "./tuning/controls.ts";
import { parseTuning, TUNING_MODES } from "./tuning/tuning-options.ts";
import { warmCache, type WarmOptions, type WarmReport } from "./warm.ts";

/** How the vectors are called in receipts. */
const VECTORS = "vectors";
const CONFIGURABLE = ["tier", "maxBytes", "maxEntries", "eviction", "compression", "similarity", "ttl", "autoTune"];
/** How the keys of encrypted values are, where they could not be dropped. */
const KEYS = "keys";
const MAX_QUEUED_BYTES = 64 * 1024 * 1024;

/** What was removed of a scope, and where it could not be. */
export interface ForgetReceipt {
  /** The digest of the scope; the scope itself is not written down. */
  readonly scope: Digest;
  /** When, ISO 8601. */
  readonly at: string;
  /** Entries removed, by tier. */
  readonly removed: Readonly<Record<string, number>>;
  /** Tiers that failed, with the reason: what they hold is not removed. */
  readonly failed: Readonly<Record<string, string>>;
  /** Whether every tier did it. When not, do it again once the tier is back. */
  readonly complete: boolean;
}

/** A tiered cache of model answers, for any LangChain.js model, chain or agent. */
export class TieredCache extends BaseCache {
  readonly #clock: Clock;
  readonly #emit: Emit;
  readonly #tiers: readonly CacheTier[];
  readonly #store: TieredStore;
  readonly #answers: AnswerCache;
  readonly #requests: BaseRequests;
  readonly #calls: BaseCalls;
  readonly #values: JsonValues;
  readonly #semantic: SemanticStep | undefined;
  readonly #counters = new CacheCounters();
  readonly #tuning: AutoTuning;
  readonly #keys: KeyRing | undefined;
  #closing: Promise<void> | undefined;

  /** @throws {@link StrataConfigError} naming the option, the value and what is accepted */
  constructor(options: TieredCacheOptions = {}) {
    super();
    refuseUnknown("TieredCache", options, CACHE_OPTIONS);
    const clock = parseClock(options.clock);
    const random = parseFunction("random", options.random) ?? Math.random;
    const emit = guardObserver(parseFunction("observer", options.observer));
    this.#clock = clock;
    this.#emit = emit;
    const modelId = parseModelId(options.modelId);
    const ttlMs = options.ttl === undefined ? undefined : parseDuration("ttl", options.ttl);
    const tuning = parseTuning(options.tuning, ttlMs);
    const maxValueBytes = parseByteSize("maxValueBytes", options.maxValueBytes ?? "16mb");
    const maxWaitMs = parseCoalesce(options.coalesce);
    const algorithm = parseChoice("compression", options.compression ?? "auto", ["auto", "none", "gzip", "brotli", "zstd"]);
    const storePrompts = parseStorePrompts(options);
    const semantic = options.semantic === undefined ? undefined : parseSemantic(options.semantic);
    if (semantic !== undefined && options.scope === undefined) {
      throw new StrataConfigError("scope", undefined, 'a scope beside `semantic`: whose answers may meet, or "global"');
    }
    const staleMs = parseStale(options);
    const answerOptions = {
      ...{ clock, random, emit, counters: this.#counters, modelId, maxValueBytes, maxWaitMs, ttlMs },
      control: controlResolver(options.scope ?? "global", modelId),
      ...{ staleMs, storePrompts },
      rollout: createRollout(options.rollout),
      admit: parseFunction("admit", options.admit),
    };
    const quotaBytes = parseQuota(options.quota);
    const encryption = options.encryption && parseEncryption("encryption", options.encryption);
    const given = options.tiers === undefined ? [memoryTier(), diskTier({ path: ".strata/cache" })] : parseTiers(options.tiers);
    const tiers = encryption === undefined ? given : encryptTiers(given, encryption, emit);
    this.#keys = encryption?.keys;
    const store = new TieredStore({
      ...{ clock, random, emit, quotaBytes, tiers, maxQueuedBytes: Math.max(MAX_QUEUED_BYTES, 2 * maxValueBytes) },
      compression: createCompression({ algorithm }),
    });
    const { flight } = tiers.find((tier) => tier.flight !== undefined) ?? {};
    const hitIds = new HitIds();
    this.#semantic = semantic && semanticStep({ store, clock, random, emit, semantic, staleMs, tiers, hitIds });
    const answers = new AnswerCache({ ...answerOptions, store, flight, hitIds, semantic: this.#semantic });
    this.#tiers = tiers;
    this.#store = store;
    this.#answers = answers;
    this.#requests = new BaseRequests({
      answers,
      modelId,
      asksInClear: tiers.some(({ needsQuestion }) => needsQuestion === true),
    });
    this.#calls = new BaseCalls({ answers, clock, maxWaitMs });
    this.#values = new JsonValues({ store, answers, maxValueBytes, flight, maxWaitMs });
    this.#tuning = new AutoTuning({
      ...{ settings: tuning, tiers, clock, emit, staleMs, compression: () => store.compression },
      controls: tuningControls({ tiers, store, answers }),
      watch: (traffic) => store.watch(traffic),
    });
    offerRequests(this, this.#answers);
    offerValues(this, this.#values);
    if (storePrompts) offerPrompts(this);
    offerEntries(this, cacheEntries(tiers, store, emit));
  }

  /** The stored answer, fresh for this caller, or `null`. Never rejects. */
  override lookup(prompt: string, llmKey: string): Promise<Generation[] | null> {
    const start = this.#clock.monotonic();
    try {
      const request = this.#requests.read(prompt, llmKey);
      if (request === undefined) return Promise.resolve(null);
      const answer = this.#calls.lookup(request, start);
      return isPromise(answer) ? answer.catch(this.#refused) : Promise.resolve(answer);
    } catch {
      return Promise.resolve(this.#refused());
    }
  }

  /** Accepts an answer for storing. Resolves before slow tiers have it; never rejects. */
  override update(prompt: string, llmKey: string, generations: Generation[]): Promise<void> {
    try {
      const request = this.#requests.read(prompt, llmKey);
      if (request === undefined) return Promise.resolve();
      return this.#calls.update(request, generations).catch(() => void this.#refused());
    } catch {
      this.#refused();
      return Promise.resolve();
    }
  }

  /**
   * A value that `set` stored under this key and scope.
   * @param options.scope default: the cache's own
   * @throws {@link StrataConfigError} when neither gives a scope
   */
  async get<T = Json>(key: string, options: GetOptions = {}): Promise<T | undefined> {
    return (await this.#values.get(key, options)) as T | undefined;
  }

  /**
   * Stores any JSON value, apart from model answers.
   * @param options.ttl default: the cache's own
   * @param options.scope default: the cache's own
   * @throws {@link StrataError} `UNSTORABLE` when it would not come back equal, `CLOSED` after `close()`;
   * {@link StrataConfigError} when there is no scope
   */
  async set(key: string, value: Json, options: SetOptions = {}): Promise<void> {
    await this.#values.set(key, value, options);
  }

  /** What happened so far, in total and per tier. */
  stats(): CacheStats {
    const stats = this.#counters.snapshot(this.#store.stats());
    return this.#semantic === undefined ? stats : { ...stats, semantic: this.#semantic.stats() };
  }

  /** What auto-tuning decided and why, and the way back. */
  get tuning(): CacheTuning {
    return this.#tuning;
  }

  /**
   * Changes limits, eviction, compression, lives or thresholds of similarity while the cache runs.
   * @throws {@link StrataConfigError} when any part is not accepted; then nothing is changed
   */
  async configure(configuration: CacheConfiguration): Promise<void> {
    refuseUnknown("configure", configuration, CONFIGURABLE);
    const { similarity } = configuration;
    const ttlMs = configuration.ttl === undefined ? undefined : parseDuration("configure.ttl", configuration.ttl);
    const { autoTune } = configuration;
    if (autoTune !== undefined) parseChoice("configure.autoTune", autoTune, TUNING_MODES);
    const setThresholds = similarity === undefined ? undefined : this.#needSemantic("configure.similarity").prepare(similarity);
    const change = parseLimits(configuration, this.#tiers);
    const compression = configuration.compression === undefined ? undefined : createCompression(configuration.compression);
    if (change !== undefined) change[0].configure?.(change[1]);
    if (compression !== undefined) this.#store.compressWith(compression);
    if (ttlMs !== undefined) this.#answers.ttlMs = ttlMs;
    setThresholds?.();
    if (autoTune !== undefined) this.#tuning.setMode(autoTune);
  }

  /**
   * Removes entries from every tier, queues included; a scope includes the scopes within it.
   * @returns how many there were in the fullest tier
   * @throws {@link StrataConfigError} for a tier or a part of the filter that does not exist; then nothing is removed
   */
  async clear(
    filter: { readonly tier?: string; readonly scope?: Scope | "global"; readonly tag?: string } = {},
  ): Promise<number> {
    // A misspelt filter would match everything.
    refuseUnknown("clear", filter, ["tier", "scope", "tag"]);
    const { tag, tier } = filter;
    if (tag !== undefined && typeof tag !== "string") throw new StrataConfigError("clear.tag", tag, "a tag");
    const names = this.#tiers.map(({ name }) => name);
    if (tier !== undefined) parseChoice("clear.tier", tier, names);
    const scope = filter.scope === undefined ? undefined : scopeDigest(filter.scope);
    const clear = (): Promise<number> => this.#store.clear({ scope, tag }, tier);
    // What is gone from one tier is still in the others.
    const removed = tier === undefined ? await this.#removing({ scope, matches: hasTag(tag) }, clear) : await clear();
    this.#emit?.({ type: "cache.cleared", entries: removed });
    return removed;
  }

  /**
   * Removes every entry that has a tag which matches; `*` stands for any characters. Goes through all entries.
   * @returns how many there were in the fullest tier
   * @throws {@link StrataConfigError} when it is no text
   */
  async invalidate(pattern: string): Promise<number> {
    if (typeof pattern !== "string") throw new StrataConfigError("invalidate.pattern", pattern, 'a text such as "handbook/*"');
    const matches = tagMatcher(pattern);
    const isSelected = (tags: readonly string[]): boolean => tags.some(matches);
    const removed = await this.#removing({ matches: isSelected }, () => this.#store.removeWhere(isSelected));
    this.#emit?.({ type: "cache.cleared", entries: removed });
    return removed;
  }

  /**
   * Removes all that is stored for a scope and the scopes within it, in every tier and queue, and refuses the answers of calls
   * that are under way. What is asked afterwards is stored again: to stop that, give no scope for it.
   */
  async forget(scope: Scope): Promise<ForgetReceipt> {
    const owner = scopeDigest(scope);
    this.#answers.forget(owner);
    this.#requests.clear();
    const keys = await this.#dropKeys(owner);
    const { removed, failed: inTiers } = await this.#forget(owner);
    const entries = Math.max(0, ...Object.values(removed));
    const failed = keys === undefined ? inTiers : { ...inTiers, [KEYS]: keys };
    this.#emit?.({ type: "cache.cleared", entries });
    const at = new Date(this.#clock.now()).toISOString();
    return { scope: owner, at, removed, failed, complete: Object.keys(failed).length === 0 };
  }

  /**
   * Asks a model ahead of time what people are going to ask, so that they find the answers.
   * @throws {@link StrataConfigError} naming the option; a question that fails is in the report
   */
  async warm(queries: Iterable<string> | AsyncIterable<string>, options: WarmOptions): Promise<WarmReport> {
    return warmCache(this, queries, options, () => this.#clock.monotonic());
  }

  /**
   * What would be served for a question if it were asked now, and why, or why not. A question of several turns is given as LangChain
   * prints it; only its last turn counts here.
   * @param options.scope default: the cache's own
   * @throws {@link StrataConfigError} without `semantic`, and when there is no scope; else what the embedding model or the index throws
   */
  async similar(
    prompt: string,
    options: SimilarOptions & { readonly scope?: Scope | "global" | undefined } = {},
  ): Promise<SimilarEntry[]> {
    const step = this.#needSemantic("similar");
    refuseUnknown("similar", options, ["threshold", "k", "scope"]);
    const { scope } =
      options.scope === undefined ? this.#answers.control(currentConfig()) : { scope: scopeDigest(options.scope) };
    if (scope === undefined) throw new StrataConfigError("similar.scope", undefined, "a scope");
    return step.similar(prompt, scope, options);
  }

  /**
   * A verdict on a hit. `"wrong"` takes the answer away from the question that got it, and teaches the policy; for an exact hit it
   * removes the answer. `"right"` makes the question another one of the answer's.
   * @param hitId `response_metadata.strata.hitId` of one of the last hits of this process: some thousand exact ones, 2,000 others
   * @throws {@link StrataConfigError} without `semantic`, for an unknown id, and for a verdict that is none
   */
  async feedback(hitId: string, verdict: "right" | "wrong"): Promise<void> {
    await this.#needSemantic("feedback").feedback(hitId, verdict);
  }

  /**
   * What people ask, in groups of like questions, the most asked first. Goes through all questions.
   * @param options.scope with the scopes within it; default: all
   * @throws {@link StrataConfigError} without `semantic`, and naming the option
   */
  async clusters(options: ClusterOptions & { readonly scope?: Scope | "global" | undefined } = {}): Promise<Cluster[]> {
    const { scope } = options;
    return this.#needSemantic("clusters").clusters(scope === undefined ? undefined : scopeDigest(scope), options);
  }

  /** Resolves when every accepted write is in its tiers. In serverless functions, hand it to `waitUntil`. */
  async flush(): Promise<void> {
    await this.#semantic?.flush();
    await this.#store.flush();
  }

  /** Writes what waits and closes the tiers. From then on every lookup is a miss. May be called twice. */
  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#tuning.close();
      this.#answers.close();
      this.#calls.close();
      this.#requests.clear();
      this.#closing = this.#close();
    }
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#semantic?.close();
    await this.#store.close();
  }

  async #removing(selection: Selection, remove: () => Promise<number>): Promise<number> {
    return this.#semantic === undefined ? remove() : (await this.#semantic.removing(selection, remove)).result;
  }

  async #forget(scope: Digest): ReturnType<TieredStore["forget"]> {
    if (this.#semantic === undefined) return this.#store.forget(scope);
    const { result, vectors, failure } = await this.#semantic.removing({ scope }, () => this.#store.forget(scope));
    const { removed, failed } = result;
    return {
      removed: { ...removed, [VECTORS]: vectors },
      failed: failure === undefined ? failed : { ...failed, [VECTORS]: failure },
    };
  }

  /** Before anything is removed: a tier that is away cannot delete, but what it holds is noise from here on. @returns what went wrong */
  async #dropKeys(scope: Digest): Promise<string | undefined> {
    try {
      await this.#keys?.drop(scope);
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  }

  #needSemantic(what: string): SemanticStep {
    if (this.#semantic === undefined) throw new StrataConfigError(what, undefined, "a cache with `semantic`");
    return this.#semantic;
  }

  /** What went wrong on the way in is a bypass: the model call goes on as if there were no cache. */
  readonly #refused = (): null => {
    this.#answers.bypass("unstorable");
    return null;
  };
}

function hasTag(tag: string | undefined): ((tags: readonly string[]) => boolean) | undefined {
  return tag === undefined ? undefined : (tags) => tags.includes(tag);
}
