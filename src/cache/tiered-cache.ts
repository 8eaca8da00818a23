/**
 * The tiered cache as LangChain sees it: `new ChatDeepSeek({ cache: new TieredCache() })`.
 *
 * A thin skin: it turns `(prompt, llmKey)` into a key and generations into plain data, and leaves serving and keeping to the
 * answer cache, storing to the tiered store, and waiting for others to the coalescer. Nothing that fails in here reaches the
 * model call: `lookup` answers `null`, `update` resolves, and an event tells. Answers are stored behind the caller's back, so
 * `update` costs the time of encoding.
 */
import { BaseCache } from "@langchain/core/caches";
import type { Generation } from "@langchain/core/outputs";
import { LRUCache } from "lru-cache";
import { isPromise } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import { StrataConfigError, StrataError } from "../core/errors.ts";
import { guardObserver, type Emit } from "../core/events.ts";
import { DigestMemo } from "../core/digest-memo.ts";
import { digest, keyPrefix, type Digest } from "../core/key.ts";
import { parseByteSize, parseChoice, parseDuration, refuseUnknown, type Duration } from "../core/options.ts";
import { toPlain, type Json } from "../core/plain.ts";
import { scopeDigest, type Scope } from "../core/scope.ts";
import { AnswerCache } from "./answer-cache.ts";
import {
  CACHE_OPTIONS,
  parseClock,
  parseCoalesce,
  parseFunction,
  parseLimits,
  parseModelId,
  parseQuota,
  parseStale,
  parseTiers,
  type CacheConfiguration,
  type TieredCacheOptions,
} from "./cache-options.ts";
import { CacheCounters, type CacheStats } from "./cache-stats.ts";
import { controlResolver, currentConfig } from "./call-control.ts";
import { Coalescer } from "./coalescer.ts";
import { createCompression } from "./compression.ts";
import { readLlmKey, type ModelIdentity } from "./llm-key.ts";
import { encodeAnswer, prepareReplay, type Replay } from "./response-codec.ts";
import { offerRequests, type CacheRequest } from "./request-cache.ts";
import { createRollout } from "./rollout.ts";
import { parseTags, scopeMark, tagMatcher } from "./tags.ts";
import type { CacheTier } from "./tier.ts";
import { TieredStore, type Found } from "./tiered-store.ts";
import { diskTier } from "./tiers/disk.ts";
import { memoryTier } from "./tiers/memory.ts";
import { warmCache, type WarmOptions, type WarmReport } from "./warm.ts";

/**
 * Content blocks that LangChain flattens to a placeholder: two images are one text. `getBufferString` of core 1.2 prints
 * `[type]`; these are its own types and those of the providers.
 */
const PLACEHOLDER =
  /\[(?:image|audio|video|file|text-plain file|image_url|input_image|input_audio|input_file|document|media|inlineData|fileData|image_file|thinking|redacted_thinking|search_result|tool_result|container_upload)\]/;

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
  /** Whether some tier can only be asked as LangChain asks. */
  readonly #asksInClear: boolean;
  readonly #store: TieredStore;
  readonly #answers: AnswerCache;
  readonly #coalescer: Coalescer<Found<Replay>>;
  readonly #modelId: string | undefined;
  readonly #maxValueBytes: number;
  readonly #ttlMs: number | undefined;
  readonly #counters = new CacheCounters();
  /** Parsed model keys. A model's key is the same text on each call outside of agents, and its parts hold credentials: few. */
  readonly #identities = new LRUCache<string, ModelIdentity>({
    max: 200,
    maxSize: 2_000_000,
    sizeCalculation: (_identity, llmKey) => llmKey.length + 1,
  });
  /** Most calls have the model and the scope of the call before. */
  #last: { readonly llmKey: string | undefined; readonly identity: ModelIdentity } = {
    llmKey: undefined,
    identity: { bypass: "model-unidentified" },
  };
  #prefix = { scope: "", model: "", text: "" };
  readonly #digests = new DigestMemo();
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
    this.#modelId = parseModelId(options.modelId);
    this.#ttlMs = options.ttl === undefined ? undefined : parseDuration("ttl", options.ttl);
    this.#maxValueBytes = parseByteSize("maxValueBytes", options.maxValueBytes ?? "16mb");
    const maxWaitMs = parseCoalesce(options.coalesce);
    const algorithm = parseChoice("compression", options.compression ?? "auto", ["auto", "none", "gzip", "brotli", "zstd"]);
    const answerOptions = {
      ...{ clock, random, emit, counters: this.#counters, modelId: this.#modelId, maxValueBytes: this.#maxValueBytes },
      control: controlResolver(options.scope ?? "global", this.#modelId),
      maxWaitMs,
      ttlMs: this.#ttlMs,
      staleMs: parseStale(options),
      rollout: createRollout(options.rollout),
      admit: parseFunction("admit", options.admit),
    };
    const quotaBytes = parseQuota(options.quota);
    this.#coalescer = new Coalescer({ clock, maxWaitMs });
    this.#tiers = options.tiers === undefined ? [memoryTier(), diskTier({ path: ".strata/cache" })] : parseTiers(options.tiers);
    this.#asksInClear = this.#tiers.some(({ needsQuestion }) => needsQuestion === true);
    this.#store = new TieredStore({
      ...{
        clock,
        random,
        emit,
        quotaBytes,
        tiers: this.#tiers,
        maxQueuedBytes: Math.max(MAX_QUEUED_BYTES, 2 * this.#maxValueBytes),
      },
      compression: createCompression({ algorithm }),
    });
    const { flight } = this.#tiers.find((tier) => tier.flight !== undefined) ?? {};
    this.#answers = new AnswerCache({ ...answerOptions, store: this.#store, flight });
    offerRequests(this, this.#answers);
  }

  /** The stored answer, fresh for this caller, or `null`. Never rejects. */
  override lookup(prompt: string, llmKey: string): Promise<Generation[] | null> {
    const start = this.#clock.monotonic();
    try {
      const request = this.#request(prompt, llmKey);
      if (request === undefined) return Promise.resolve(null);
      if (request.refresh) return Promise.resolve(this.#refresh(request));
      if (this.#answers.servesStale) return this.#lookupStale(request, start).catch(this.#refused);
      if (this.#coalescer.isUnderWay(request.key) && this.#answers.mayServe(request)) {
        return this.#await(request, start).catch(this.#refused);
      }
      const found = this.#answers.find(request);
      if (found === undefined || isPromise(found)) return this.#lead(found, request, start).catch(this.#refused);
      return Promise.resolve(this.#hit(found, request, start));
    } catch {
      return Promise.resolve(this.#refused());
    }
  }

  /** Accepts an answer for storing. Resolves before slow tiers have it; never rejects. */
  override update(prompt: string, llmKey: string, generations: Generation[]): Promise<void> {
    try {
      const request = this.#request(prompt, llmKey);
      if (request === undefined) return Promise.resolve();
      return this.#put(request, generations).catch(() => void this.#refused());
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
  async get<T = Json>(key: string, options: { readonly scope?: Scope | "global" } = {}): Promise<T | undefined> {
    refuseUnknown("get", options, ["scope"]);
    const { scope } = this.#valueScope(options.scope);
    const found = await this.#store.get(digest("value", scope, key), scope, readJson);
    return found === undefined ? undefined : (structuredClone(found.value) as T);
  }

  /**
   * Stores any JSON value, apart from model answers.
   * @param options.ttl default: the cache's own
   * @param options.scope default: the cache's own
   * @throws {@link StrataError} `UNSTORABLE` when it would not come back equal, `CLOSED` after `close()`;
   * {@link StrataConfigError} when there is no scope
   */
  async set(
    key: string,
    value: Json,
    options: { readonly ttl?: Duration; readonly tags?: readonly string[]; readonly scope?: Scope | "global" } = {},
  ): Promise<void> {
    if (this.#closing !== undefined) throw new StrataError("CLOSED", "The cache is closed.");
    refuseUnknown("set", options, ["ttl", "tags", "scope"]);
    const { scope, within } = this.#valueScope(options.scope);
    const ttlMs = options.ttl === undefined ? this.#ttlMs : parseDuration("ttl", options.ttl);
    const tags = [...(options.tags === undefined ? [] : parseTags("tags", options.tags)), ...within().map(scopeMark)];
    const plain = toPlain(value);
    const payload = Buffer.from(JSON.stringify(plain));
    if (payload.byteLength > this.#maxValueBytes) {
      throw new StrataError(
        "UNSTORABLE",
        `The value has ${payload.byteLength} bytes; at most ${this.#maxValueBytes} are stored.`,
      );
    }
    const expiresAt = this.#answers.expiry(ttlMs);
    await this.#store.set({ key: digest("value", scope, key), scope, payload, value: plain, tags, expiresAt, cost: 1 });
  }

  /** The scope of a value: as given, else the cache's own for the runnable that is being run. */
  #valueScope(given: Scope | "global" | undefined): { readonly scope: Digest; readonly within: () => readonly Digest[] } {
    const { scope, within } =
      given === undefined ? this.#answers.control(currentConfig()) : controlResolver(given, undefined)(undefined);
    if (scope === undefined)
      throw new StrataConfigError("scope", undefined, "a scope, since the cache's scope function gives none here");
    return { scope, within };
  }

  /** What happened so far, in total and per tier. */
  stats(): CacheStats {
    return this.#counters.snapshot(this.#store.stats());
  }

  /**
   * Changes limits, eviction or compression while the cache runs.
   * @throws {@link StrataConfigError} when any part is not accepted; then nothing is changed
   */
  async configure(configuration: CacheConfiguration): Promise<void> {
    refuseUnknown("configure", configuration, ["tier", "maxBytes", "maxEntries", "eviction", "compression"]);
    const change = parseLimits(configuration, this.#tiers);
    const compression = configuration.compression === undefined ? undefined : createCompression(configuration.compression);
    if (change !== undefined) change[0].configure?.(change[1]);
    if (compression !== undefined) this.#store.compressWith(compression);
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
    const names = this.#tiers.map(({ name }) => name);
    if (tier !== undefined) parseChoice("clear.tier", tier, names);
    const scope = filter.scope === undefined ? undefined : scopeDigest(filter.scope);
    const removed = await this.#store.clear({ scope, tag }, tier);
    this.#emit?.({ type: "cache.cleared", entries: removed });
    return removed;
  }

  /**
   * Removes every entry that has a tag which matches; `*` stands for any characters. Goes through all entries.
   * @returns how many there were in the fullest tier
   */
  async invalidate(pattern: string): Promise<number> {
    const matches = tagMatcher(pattern);
    const removed = await this.#store.removeWhere((tags) => tags.some(matches));
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
    this.#digests.clear();
    const { removed, failed } = await this.#store.forget(owner);
    const entries = Math.max(0, ...Object.values(removed));
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

  /** Resolves when every accepted write is in its tiers. In serverless functions, hand it to `waitUntil`. */
  async flush(): Promise<void> {
    await this.#store.flush();
  }

  /** Writes what waits and closes the tiers. From then on every lookup is a miss. May be called twice. */
  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#answers.close();
      this.#coalescer.close();
      this.#digests.clear();
      this.#closing = this.#store.close();
    }
    return this.#closing;
  }

  #request(prompt: string, llmKey: string): CacheRequest | undefined {
    const identity = this.#identify(llmKey);
    if ("bypass" in identity) return this.#answers.bypass(identity.bypass);
    if (prompt.includes("[") && PLACEHOLDER.test(prompt)) return this.#answers.bypass("placeholder");
    const model = identity.digest;
    const control = this.#answers.control(currentConfig());
    const request = this.#answers.request(control, model, (scope) =>
      this.#digests.digestAfter(this.#keyPrefix(scope, model), prompt),
    );
    if (request === undefined || !this.#asksInClear) return request;
    return { ...request, question: { prompt, llmKey, scope: request.scope } };
  }

  #keyPrefix(scope: Digest, model: Digest): string {
    if (this.#prefix.scope !== scope || this.#prefix.model !== model) {
      this.#prefix = { scope, model, text: keyPrefix("answer", scope, model) };
    }
    return this.#prefix.text;
  }

  #identify(llmKey: string): ModelIdentity {
    if (llmKey === this.#last.llmKey) return this.#last.identity;
    const identity = this.#identities.get(llmKey) ?? readLlmKey(llmKey, this.#modelId);
    this.#identities.set(llmKey, identity);
    this.#last = { llmKey, identity };
    return identity;
  }

  /** Opens a flight, which others who ask for the same join. */
  async #lead(
    reading: Promise<Found<Replay> | undefined> | undefined,
    request: CacheRequest,
    start: number,
  ): Promise<Generation[] | null> {
    this.#coalescer.lead(request.key, request.model);
    const found = (await reading) ?? (await this.#findElsewhere(request, start));
    if (found !== undefined) return this.#landed(found, request, start);
    // One turn of the event loop before the leader learns of its miss: whoever asks in it is provably another caller. Also after
    // a read that took time, which may have been no more than a promise.
    if (this.#answers.coalesces) await new Promise((resolve) => setImmediate(resolve));
    this.#coalescer.missed(request.key);
    return this.#miss(request, start);
  }

  /** Waits for the caller who leads; when nothing comes, another process may have stored it meanwhile. */
  async #await(request: CacheRequest, start: number): Promise<Generation[] | null> {
    const { key, model } = request;
    const flight = this.#coalescer.join(key, model);
    const awaited = await flight;
    if (awaited !== undefined) return this.#hit(awaited, request, start);
    const found = await this.#answers.find(request);
    if (found !== undefined) return this.#landed(found, request, start);
    if (flight !== undefined) this.#coalescer.lead(key, model);
    this.#coalescer.missed(key);
    return this.#miss(request, start);
  }

  #findElsewhere(request: CacheRequest, start: number): Promise<Found<Replay> | undefined> {
    return this.#answers.findElsewhere(request, start, this.#coalescer.patience(request.model));
  }

  #landed(found: Found<Replay>, request: CacheRequest, start: number): Generation[] {
    this.#coalescer.landed(request.key, found, "tier");
    return this.#hit(found, request, start);
  }

  /** With stale answers the tiers are asked first: while one caller refreshes, the others are served and need not wait. */
  async #lookupStale(request: CacheRequest, start: number): Promise<Generation[] | null> {
    const found = await this.#answers.find(request);
    if (found !== undefined) return this.#hit(found, request, start);
    const { key } = request;
    const waits = this.#coalescer.isUnderWay(key) && this.#answers.mayServe(request) && !this.#answers.isToRefresh(request);
    return waits ? this.#await(request, start) : this.#lead(undefined, request, start);
  }

  /** Sends a caller to the model, in a flight of its own that nobody joins: the others are served what there is. */
  #refresh({ key, model }: CacheRequest): null {
    this.#coalescer.lead(refreshOf(key), model);
    return null;
  }

  #hit(found: Found<Replay>, request: CacheRequest, start: number): Generation[] {
    return found.value.build(this.#answers.hit(request, found, start));
  }

  #miss(request: CacheRequest, start: number): null {
    this.#answers.miss(request, start);
    return null;
  }

  #put(request: CacheRequest, generations: Generation[]): Promise<void> {
    let shared: Found<Replay> | undefined;
    try {
      const answer = encodeAnswer(generations);
      const value = prepareReplay(answer);
      if (this.#answers.admits({ answer, generations })) shared = { value, tier: "coalesced", expiresAt: undefined, cost: 0 };
      const ms = this.#land(request, shared);
      const usualMs = this.#coalescer.last(request.model);
      if (shared !== undefined) return this.#answers.store(request, { answer, value, generations, ms, usualMs });
      this.#answers.giveUp(request);
      this.#answers.bypass("not-admitted");
      return Promise.resolve();
    } catch (error) {
      this.#answers.giveUp(request);
      // Whoever waits for an answer that cannot be taken apart must not wait any longer.
      this.#land(request, undefined);
      throw error;
    }
  }

  /** Ends the flight that an answer ends; gives how long the model took, if anybody saw it begin. */
  #land({ key, refresh }: CacheRequest, shared: Found<Replay> | undefined): number | undefined {
    if (!refresh) return this.#coalescer.landed(key, shared, "model");
    if (shared !== undefined) this.#coalescer.landed(key, shared, "tier");
    return this.#coalescer.landed(refreshOf(key), undefined, "model");
  }

  /** What went wrong on the way in is a bypass: the model call goes on as if there were no cache. */
  readonly #refused = (): null => {
    this.#answers.bypass("unstorable");
    return null;
  };
}

function refreshOf(key: Digest): string {
  return `refresh ${key}`;
}

function readJson(payload: Buffer): Json {
  return JSON.parse(payload.toString("utf8")) as Json;
}
