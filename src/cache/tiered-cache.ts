/**
 * The tiered cache as LangChain sees it: `new ChatDeepSeek({ cache: new TieredCache() })`.
 *
 * A thin skin: it turns `(prompt, llmKey)` into a key, generations into plain data, and leaves storing to the tiered store and
 * waiting for others to the coalescer. Nothing that fails in here reaches the model call: `lookup` answers `null`, `update`
 * resolves, and an event tells. Answers are stored behind the caller's back, so `update` costs the time of encoding.
 */
import { randomBytes } from "node:crypto";
import { BaseCache } from "@langchain/core/caches";
import type { Generation } from "@langchain/core/outputs";
import { LRUCache } from "lru-cache";
import { isPromise } from "../core/abort.ts";
import { systemClock, type Clock } from "../core/clock.ts";
import { StrataConfigError, StrataError } from "../core/errors.ts";
import { guardObserver, type BypassReason, type Emit, type Observer } from "../core/events.ts";
import { digest, digestAfter, keyPrefix, type Digest } from "../core/key.ts";
import { parseByteSize, parseChoice, parseDuration, refuseUnknown, type ByteSize, type Duration } from "../core/options.ts";
import { toPlain, type Json } from "../core/plain.ts";
import { GLOBAL_SCOPE, scopeDigest, type Scope } from "../core/scope.ts";
import { admitAnswer, type Admit } from "./admission.ts";
import { CacheCounters, type CacheStats } from "./cache-stats.ts";
import { controlResolver, currentConfig, type ResolveControl, type ResolvedControl, type ScopeOption } from "./call-control.ts";
import { Coalescer } from "./coalescer.ts";
import { createCompression } from "./compression.ts";
import { readLlmKey, type ModelIdentity } from "./llm-key.ts";
import { encodeAnswer, parseAnswer, prepareReplay, type HitMetadata, type Replay } from "./response-codec.ts";
import { REQUESTS, type CacheRequest, type MadeAnswer, type RequestCache } from "./request-cache.ts";
import type { CacheTier } from "./tier.ts";
import { TieredStore, type Found } from "./tiered-store.ts";
import { diskTier } from "./tiers/disk.ts";
import { memoryTier } from "./tiers/memory.ts";

export interface TieredCacheOptions {
  /** Read in this order; default `[memoryTier(), diskTier({ path: ".strata/cache" })]`. The cache closes them. */
  readonly tiers?: readonly CacheTier[] | undefined;
  /** How long an answer lives; default: for ever. Shortened by up to 10 % at random, so that entries do not expire together. */
  readonly ttl?: Duration | undefined;
  /** For tiers that compress; default `"auto"`. */
  readonly compression?: "auto" | "none" | "gzip" | "brotli" | "zstd" | undefined;
  /** Whose entries these are; default `"global"`. A function that gives `undefined` turns caching off for that call. */
  readonly scope?: ScopeOption | undefined;
  /** Names the model where LangChain does not, such as for Ollama and Groq; without it their calls are not cached. */
  readonly modelId?: string | undefined;
  /** Whether identical calls wait for the first; default `true`, for at most 30 s. */
  readonly coalesce?: boolean | { readonly maxWait?: Duration } | undefined;
  /** May refuse to store an answer; adds to the built-in rules (no empty, truncated, filtered answers). */
  readonly admit?: Admit | undefined;
  /** Sees every event. */
  readonly observer?: Observer | undefined;
  /** Larger values are not stored; default 16 MiB. */
  readonly maxValueBytes?: ByteSize | undefined;
  /** For tests; default the machine's. */
  readonly clock?: Clock | undefined;
  /** From 0 to 1; for tests; default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

const OPTIONS = [
  ...["tiers", "ttl", "compression", "scope", "modelId", "coalesce", "admit", "observer", "maxValueBytes", "clock", "random"],
] as const;

/**
 * Content blocks that LangChain flattens to a placeholder: two images are one text. `getBufferString` of core 1.2 prints
 * `[type]`; these are its own types and those of the providers.
 */
const PLACEHOLDER =
  /\[(?:image|audio|video|file|text-plain file|image_url|input_image|input_audio|input_file|document|media|inlineData|fileData|image_file|thinking|redacted_thinking|search_result|tool_result|container_upload)\]/;

const TTL_JITTER = 0.1;
const DEFAULT_MAX_WAIT_MS = 30_000;
const MAX_QUEUED_BYTES = 64 * 1024 * 1024;

/** A tiered cache of model answers, for any LangChain.js model, chain or agent. */
export class TieredCache extends BaseCache {
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #emit: Emit;
  readonly #store: TieredStore;
  readonly #coalescer: Coalescer<Found<Replay>>;
  readonly #coalesces: boolean;
  readonly #resolve: ResolveControl;
  readonly #modelId: string | undefined;
  readonly #ttlMs: number | undefined;
  readonly #admit: Admit | undefined;
  readonly #maxValueBytes: number;
  readonly #counters = new CacheCounters();
  /** Parsed model keys. A model's key is the same text on each call outside of agents, and its parts hold credentials: few. */
  readonly #identities = new LRUCache<string, ModelIdentity>({
    max: 200,
    maxSize: 2_000_000,
    sizeCalculation: (_identity, llmKey) => llmKey.length,
  });
  /** Most calls have the model and the scope of the call before. */
  #last: { readonly llmKey: string; readonly identity: ModelIdentity } = {
    llmKey: "",
    identity: { bypass: "model-unidentified" },
  };
  #prefix = { scope: "", model: "", text: "" };
  /** Makes hit ids unique: a random start for this cache, then a count. */
  readonly #hitSeries = randomBytes(9).toString("base64url");
  #hitCount = 0;
  #closing: Promise<void> | undefined;
  #requests: RequestCache | undefined;

  /** @throws {@link StrataConfigError} naming the option, the value and what is accepted */
  constructor(options: TieredCacheOptions = {}) {
    super();
    refuseUnknown("TieredCache", options, OPTIONS);
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#emit = guardObserver(options.observer);
    this.#modelId = parseModelId(options.modelId);
    this.#ttlMs = options.ttl === undefined ? undefined : parseDuration("ttl", options.ttl);
    this.#admit = options.admit;
    this.#maxValueBytes = parseByteSize("maxValueBytes", options.maxValueBytes ?? "16mb");
    this.#resolve = controlResolver(options.scope ?? "global", this.#modelId);
    const maxWaitMs = parseCoalesce(options.coalesce);
    this.#coalesces = maxWaitMs > 0;
    this.#coalescer = new Coalescer({ clock: this.#clock, maxWaitMs });
    const algorithm = parseChoice("compression", options.compression ?? "auto", ["auto", "none", "gzip", "brotli", "zstd"]);
    this.#store = new TieredStore({
      tiers: parseTiers(options.tiers),
      clock: this.#clock,
      random: this.#random,
      emit: this.#emit,
      maxQueuedBytes: MAX_QUEUED_BYTES,
      compression: createCompression({ algorithm }),
    });
  }

  /** The stored answer, fresh for this caller, or `null`. Never rejects. */
  override lookup(prompt: string, llmKey: string): Promise<Generation[] | null> {
    const start = this.#clock.monotonic();
    try {
      const request = this.#request(prompt, llmKey);
      if (request === undefined || request.refresh) return Promise.resolve(null);
      if (this.#coalescer.isUnderWay(request.key)) return this.#await(request, start).catch(this.#refused);
      const found = this.#store.get(request.key, request.scope, readAnswer);
      if (found === undefined || isPromise(found)) return this.#lead(found, request, start).catch(this.#refused);
      return Promise.resolve(this.#hit(found, request, start));
    } catch (error) {
      return Promise.resolve(this.#refused(error));
    }
  }

  /** Accepts an answer for storing. Resolves before slow tiers have it; never rejects. */
  override update(prompt: string, llmKey: string, generations: Generation[]): Promise<void> {
    try {
      const request = this.#request(prompt, llmKey);
      if (request === undefined) return Promise.resolve();
      return this.#put(request, generations).catch((error: unknown) => void this.#refused(error));
    } catch (error) {
      this.#refused(error);
      return Promise.resolve();
    }
  }

  /**
   * A value that `set` stored under this key and scope.
   * @param options.scope default: the empty scope
   */
  async get<T = Json>(key: string, options: { readonly scope?: Scope } = {}): Promise<T | undefined> {
    const scope = options.scope === undefined ? GLOBAL_SCOPE : scopeDigest(options.scope);
    const found = await this.#store.get(digest("value", scope, key), scope, readJson);
    return found === undefined ? undefined : (structuredClone(found.value) as T);
  }

  /**
   * Stores any JSON value, apart from model answers.
   * @throws {@link StrataError} `UNSTORABLE` when it would not come back equal
   */
  async set(
    key: string,
    value: Json,
    options: { readonly ttl?: Duration; readonly tags?: readonly string[]; readonly scope?: Scope } = {},
  ): Promise<void> {
    this.#refuseWhenClosed();
    const scope = options.scope === undefined ? GLOBAL_SCOPE : scopeDigest(options.scope);
    const ttlMs = options.ttl === undefined ? undefined : parseDuration("ttl", options.ttl);
    const plain = toPlain(value);
    const payload = Buffer.from(JSON.stringify(plain));
    if (payload.byteLength > this.#maxValueBytes) {
      throw new StrataError(
        "UNSTORABLE",
        `The value has ${payload.byteLength} bytes; at most ${this.#maxValueBytes} are stored.`,
      );
    }
    const { tags = [] } = options;
    const expiresAt = this.#expiry(ttlMs);
    await this.#store.set({ key: digest("value", scope, key), scope, payload, value: plain, tags, expiresAt, cost: 1 });
  }

  /** What happened so far, in total and per tier. */
  stats(): CacheStats {
    return this.#counters.snapshot(this.#store.stats());
  }

  /** Removes entries from every tier, queues included; gives how many there were in the fullest tier. */
  async clear(
    filter: { readonly tier?: string; readonly scope?: Scope | "global"; readonly tag?: string } = {},
  ): Promise<number> {
    const { tag } = filter;
    const scope = filter.scope === undefined ? undefined : scopeDigest(filter.scope);
    const removed = await this.#store.clear({ scope, tag }, filter.tier);
    this.#emit?.({ type: "cache.cleared", entries: removed });
    return removed;
  }

  /** Resolves when every accepted write is in its tiers. In serverless functions, hand it to `waitUntil`. */
  async flush(): Promise<void> {
    await this.#store.flush();
  }

  /** Writes what waits and closes the tiers. From then on every lookup is a miss. May be called twice. */
  close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#coalescer.close();
      this.#closing = this.#store.close();
    }
    return this.#closing;
  }

  /** For `cacheModel`; not part of the public interface. */
  [REQUESTS](): RequestCache {
    this.#requests ??= {
      clock: this.#clock,
      modelId: this.#modelId,
      coalesces: this.#coalesces,
      control: this.#resolve,
      accept: (model, text, control) => this.#accept(model, text, control),
      find: (request) => this.#store.get(request.key, request.scope, readAnswer),
      hit: (request, found, startedAt) => this.#countHit(found, request, startedAt),
      miss: (request, startedAt) => void this.#miss(request, startedAt),
      keep: (request, made) => this.#keep(request, made),
      bypass: (reason) => this.#bypass(reason),
    };
    return this.#requests;
  }

  /** The key of a call, or `undefined` when it must not be cached; says why, once for the pair of lookup and update. */
  #request(prompt: string, llmKey: string): CacheRequest | undefined {
    if (this.#closing !== undefined) return this.#bypass("closed");
    const identity = this.#identify(llmKey);
    if ("bypass" in identity) return this.#bypass(identity.bypass);
    if (prompt.includes("[") && PLACEHOLDER.test(prompt)) return this.#bypass("placeholder");
    const { bypass, refresh, ttlMs, tags, scope } = this.#resolve(currentConfig());
    if (bypass) return this.#bypass("asked");
    if (scope === undefined) return this.#bypass("no-scope");
    const model = identity.digest;
    return { key: digestAfter(this.#keyPrefix(scope, model), prompt), scope, model, refresh, ttlMs, tags };
  }

  #accept(model: Digest, text: string, control: ResolvedControl): CacheRequest | undefined {
    if (this.#closing !== undefined) return this.#bypass("closed");
    const { bypass, refresh, ttlMs, tags, scope } = control;
    if (bypass) return this.#bypass("asked");
    if (scope === undefined) return this.#bypass("no-scope");
    return { key: digest("request", scope, model, text), scope, model, refresh, ttlMs, tags };
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
    const { key, model } = request;
    this.#coalescer.join(key, model);
    if (reading !== undefined) {
      const found = await reading;
      if (found !== undefined) return this.#landed(found, request, start);
    }
    // One turn of the event loop before the leader learns of its miss: whoever asks in it is provably another caller. Also after
    // a read that took time, which may have been no more than a promise.
    if (this.#coalesces) await new Promise((resolve) => setImmediate(resolve));
    this.#coalescer.missed(key);
    return this.#miss(request, start);
  }

  /** Waits for the caller who leads; when nothing comes, another process may have stored it meanwhile. */
  async #await(request: CacheRequest, start: number): Promise<Generation[] | null> {
    const { key, scope, model } = request;
    const flight = this.#coalescer.join(key, model);
    const awaited = await flight;
    if (awaited !== undefined) return this.#hit(awaited, request, start);
    const found = await this.#store.get(key, scope, readAnswer);
    if (found !== undefined) return this.#landed(found, request, start);
    if (flight !== undefined) this.#coalescer.lead(key, model);
    this.#coalescer.missed(key);
    return this.#miss(request, start);
  }

  #landed(found: Found<Replay>, request: CacheRequest, start: number): Generation[] {
    this.#coalescer.landed(request.key, found, "tier");
    return this.#hit(found, request, start);
  }

  #hit(found: Found<Replay>, request: CacheRequest, start: number): Generation[] {
    return found.value.build(this.#countHit(found, request, start));
  }

  #countHit(found: Found<Replay>, request: CacheRequest, start: number): Omit<HitMetadata, "savedUsage"> {
    const ms = this.#clock.monotonic() - start;
    const { value, tier } = found;
    const coalesced = tier === "coalesced";
    this.#counters.hit(ms, coalesced, found.cost, value.tokens);
    this.#emit?.({ type: "cache.lookup", outcome: "hit", tier, coalesced, ms, key: request.key.slice(0, 12) });
    return { hit: true, hitId: `${this.#hitSeries}-${(this.#hitCount++).toString(36)}`, source: "exact", tier, ms };
  }

  #miss(request: CacheRequest, start: number): null {
    const ms = this.#clock.monotonic() - start;
    this.#counters.miss(ms);
    this.#emit?.({ type: "cache.lookup", outcome: "miss", coalesced: false, ms, key: request.key.slice(0, 12) });
    return null;
  }

  #put(request: CacheRequest, generations: Generation[]): Promise<void> {
    let shared: Found<Replay> | undefined;
    try {
      const answer = encodeAnswer(generations);
      const value = prepareReplay(answer);
      const admitted = admitAnswer(answer, this.#admit, generations);
      if (admitted) shared = { value, tier: "coalesced", expiresAt: undefined, cost: 0 };
      const ms = this.#coalescer.landed(request.key, shared, "model") ?? 0;
      return this.#keep(request, { answer, value, generations, ms }, admitted);
    } catch (error) {
      // Whoever waits for an answer that cannot be taken apart must not wait any longer.
      this.#coalescer.landed(request.key, undefined, "model");
      throw error;
    }
  }

  #keep(request: CacheRequest, made: MadeAnswer, admitted?: boolean): Promise<void> {
    const { key, scope, tags } = request;
    const { answer, value, generations, ms: cost } = made;
    if (!(admitted ?? admitAnswer(answer, this.#admit, generations))) {
      this.#bypass("not-admitted");
      return Promise.resolve();
    }
    const payload = Buffer.from(JSON.stringify(answer));
    if (payload.byteLength > this.#maxValueBytes) {
      this.#bypass("too-large");
      return Promise.resolve();
    }
    this.#counters.written();
    this.#emit?.({ type: "cache.update", bytes: payload.byteLength, key: key.slice(0, 12) });
    const expiresAt = this.#expiry(request.ttlMs ?? this.#ttlMs);
    return this.#store.set({ key, scope, payload, value, tags, expiresAt, cost });
  }

  #expiry(ttlMs: number | undefined): number | undefined {
    if (ttlMs === undefined) return undefined;
    return this.#clock.now() + ttlMs * (1 - TTL_JITTER * this.#random());
  }

  #bypass(reason: BypassReason): undefined {
    this.#counters.bypassed(reason);
    this.#emit?.({ type: "cache.bypass", reason });
    return undefined;
  }

  /** What went wrong on the way in is a bypass: the model call goes on as if there were no cache. */
  readonly #refused = (error: unknown): null => {
    this.#bypass(error instanceof StrataConfigError ? "no-scope" : "unstorable");
    return null;
  };

  #refuseWhenClosed(): void {
    if (this.#closing !== undefined) throw new StrataError("CLOSED", "The cache is closed.");
  }
}

function readAnswer(payload: Buffer): Replay {
  return prepareReplay(parseAnswer(payload.toString("utf8")));
}

function readJson(payload: Buffer): Json {
  return JSON.parse(payload.toString("utf8")) as Json;
}

function parseModelId(modelId: unknown): string | undefined {
  if (modelId === undefined) return undefined;
  if (typeof modelId !== "string" || modelId === "") throw new StrataConfigError("modelId", modelId, "a text that is not empty");
  return modelId;
}

function parseCoalesce(coalesce: TieredCacheOptions["coalesce"]): number {
  if (coalesce === false) return 0;
  if (coalesce === undefined || coalesce === true) return DEFAULT_MAX_WAIT_MS;
  if (typeof coalesce !== "object" || coalesce === null) {
    throw new StrataConfigError("coalesce", coalesce, "true, false or { maxWait }");
  }
  refuseUnknown("coalesce", coalesce, ["maxWait"]);
  return coalesce.maxWait === undefined ? DEFAULT_MAX_WAIT_MS : parseDuration("coalesce.maxWait", coalesce.maxWait);
}

function parseTiers(tiers: readonly CacheTier[] | undefined): readonly CacheTier[] {
  if (tiers === undefined) return [memoryTier(), diskTier({ path: ".strata/cache" })];
  if (!Array.isArray(tiers) || tiers.length === 0) throw new StrataConfigError("tiers", tiers, "a list of at least one tier");
  const names = new Set<string>();
  for (const tier of tiers as readonly CacheTier[]) {
    if (typeof tier?.get !== "function" || typeof tier.set !== "function") {
      throw new StrataConfigError("tiers", tier, "tiers, such as memoryTier() and diskTier({ path })");
    }
    if (names.has(tier.name)) throw new StrataConfigError("tiers", tier.name, "tiers whose names differ");
    names.add(tier.name);
  }
  return tiers;
}
