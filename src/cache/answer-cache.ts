/**
 * Answers over the tiered store: what is found and may be served, what is kept and for how long, and whose late answers are
 * refused. Both ways in, LangChain's `BaseCache` and `cacheModel`, go through here.
 */
import type { RunnableConfig } from "@langchain/core/runnables";
import { isPromise, type MaybePromise } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import type { BypassReason, Emit } from "../core/events.ts";
import { exactHitsOf, type CountExactHit } from "../core/exact-hits.ts";
import { digest, type Digest } from "../core/key.ts";
import { isSurelyLarger } from "../core/plain.ts";
import { admitAnswer, type Admit } from "./admission.ts";
import type { CacheCounters } from "./cache-stats.ts";
import type { ResolveControl, ResolvedControl } from "./call-control.ts";
import type { DistributedFlight } from "./distributed-flight.ts";
import type { CacheRequest, MadeAnswer, RequestCache } from "./request-cache.ts";
import { parseAnswer, prepareReplay, type HitMetadata, type Replay } from "./response-codec.ts";
import type { HitIds } from "./hit-ids.ts";
import type { Rollout } from "./rollout.ts";
import type { FoundAnswer } from "./semantic/match.ts";
import type { SemanticStep } from "./semantic/semantic-step.ts";
import type { ReadTurn, SemanticExtra } from "./semantic/turn.ts";
import { EVERY_TURN, withPrompt } from "./stored-prompt.ts";
import { scopeMark } from "./tags.ts";
import type { Asked, Found, TieredStore } from "./tiered-store.ts";

export interface AnswerCacheOptions {
  readonly store: TieredStore;
  readonly clock: Clock;
  readonly random: () => number;
  readonly emit: Emit;
  readonly counters: CacheCounters;
  readonly control: ResolveControl;
  readonly modelId: string | undefined;
  /** How long callers wait for each other; 0 = not at all. */
  readonly maxWaitMs: number;
  /** For waiting for other processes, where some tier has it. */
  readonly flight: DistributedFlight | undefined;
  readonly ttlMs: number | undefined;
  /** 0 = stale answers are not served. */
  readonly staleMs: number;
  readonly rollout: Rollout;
  /** What is asked between the tiers and the model; `undefined` = nothing. */
  readonly semantic: SemanticStep | undefined;
  /** Whether the user's last turn is kept with the answer. */
  readonly storePrompts: boolean;
  readonly hitIds: HitIds;
  readonly admit: Admit | undefined;
  readonly maxValueBytes: number;
}

/** Lives are shortened by up to this share, so that what was stored together does not expire together. */
const TTL_JITTER = 0.1;
/** A caller who was sent to refresh and has not come back for so long is no longer waited for. */
const REFRESH_LEASE_MS = 30_000;
/** An answer that was asked for longer ago than this is not expected any more. */
const LONGEST_CALL_MS = 600_000;
/** Models remembered. */
const MAX_MODELS = 1_000;

export class AnswerCache implements RequestCache {
  readonly clock: Clock;
  readonly modelId: string | undefined;
  readonly coalesces: boolean;
  readonly semanticExtras: ReadonlySet<SemanticExtra> | undefined;
  readonly control: (config: RunnableConfig | undefined) => ResolvedControl;
  /** How long what is stored lives, unless its call says so; `undefined` = for ever. */
  ttlMs: number | undefined;
  readonly #options: AnswerCacheOptions;
  /** Where nobody needs the event of an exact hit. */
  readonly #countExact: CountExactHit | undefined;
  /** Keys whose refresh is under way, with the time until which it is waited for: also when it fails, so that not everybody tries. */
  readonly #refreshing = new Map<Digest, number>();
  /** The requests that were sent to refresh. */
  readonly #refreshers = new WeakSet<CacheRequest>();
  /** Models whose calls in other processes were last waited for in vain: not again before one of them is seen to succeed. */
  readonly #inVain = new Set<Digest>();
  /** When a scope was forgotten: answers to what was asked before are refused. */
  readonly #forgotten = new Map<Digest, number>();
  #closed = false;
  #hasWarned = false;

  constructor(options: AnswerCacheOptions) {
    this.#options = options;
    this.#countExact = exactHitsOf(options.emit);
    this.clock = options.clock;
    this.ttlMs = options.ttlMs;
    this.modelId = options.modelId;
    this.coalesces = options.maxWaitMs > 0;
    this.semanticExtras = options.semantic?.extras ?? (options.storePrompts ? EVERY_TURN : undefined);
    this.control = (config) => resolveOrRefuse(options.control, config);
  }

  /** Whether answers are served past their life while one caller refreshes them. */
  get servesStale(): boolean {
    return this.#options.staleMs > 0;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** From now on every request is bypassed. */
  close(): void {
    this.#closed = true;
  }

  accept(model: Digest, text: string, control: ResolvedControl, turn?: () => ReadTurn): CacheRequest | undefined {
    return this.request(control, model, (scope) => digest("request", scope, model, text), turn);
  }

  /** The request that a call makes, or `undefined` when it must not be cached; says why. */
  request(
    control: ResolvedControl,
    model: Digest,
    makeKey: (scope: Digest) => Digest,
    turn: (() => ReadTurn) | undefined,
  ): CacheRequest | undefined {
    const { bypass, refresh, ttlMs, tags, scope, within, documents } = control;
    if (this.#closed) return this.bypass("closed");
    if (control.unreadable === true) return this.bypass("bad-control");
    if (bypass) return this.bypass("asked");
    if (scope === undefined) return this.bypass("no-scope");
    return { key: makeKey(scope), scope, within, model, refresh, ttlMs, tags, turn, documents };
  }

  /** Whether what is found, or awaited from another caller, may be served to this one. */
  mayServe(request: CacheRequest): boolean {
    return this.#options.rollout(request);
  }

  shares(request: CacheRequest): boolean {
    return this.coalesces && this.mayServe(request);
  }

  find(request: CacheRequest): MaybePromise<Found<Replay> | undefined> {
    return this.#find(request, request);
  }

  /** `find`, for a caller who goes on to `findElsewhere`: the shared tier may take the lead in the same step. */
  findOrLead(request: CacheRequest, patienceMs: number): MaybePromise<Found<Replay> | undefined> {
    const { flight, semantic } = this.#options;
    // Where meanings are searched, many who miss here find their answer there, and lead nobody.
    if (flight === undefined || semantic !== undefined || !this.shares(request)) return this.find(request);
    const found = this.#find(request, { question: request.question, leadMs: patienceMs });
    if (!isPromise(found)) return found;
    return found.then((late) => {
      // A tier below the shared one had it: nobody is to wait for us.
      if (late !== undefined) flight.abandon(request.key);
      return late;
    });
  }

  #find(request: CacheRequest, asked: Asked): MaybePromise<Found<Replay> | undefined> {
    const found = this.#options.store.get(request.key, request.scope, readAnswer, asked);
    if (found === undefined) return undefined;
    if (isPromise(found)) return found.then((late) => (late === undefined ? undefined : this.#servable(request, late)));
    return this.#servable(request, found);
  }

  /** After `find` gave nothing: whether there is an answer past its life, which this caller is to refresh. */
  isToRefresh(request: CacheRequest): boolean {
    return this.#refreshers.has(request);
  }

  async findElsewhere(request: CacheRequest, startedAt: number, patienceMs?: number): Promise<Found<Replay> | undefined> {
    const { flight, maxWaitMs, rollout, semantic } = this.#options;
    const { key, model } = request;
    // Who refreshes is not looking for what is there.
    if (request.refresh || this.isToRefresh(request) || this.#closed) return undefined;
    const askedAt = this.clock.monotonic();
    const near = semantic === undefined ? undefined : await semantic.find(request, rollout(request));
    if (near !== undefined) return near;
    if (flight === undefined || !this.shares(request)) return undefined;
    // All questions to the shared tier that one lookup asks have the time of one.
    const answerMs = flight.deadlineMs - (askedAt - startedAt);
    const holdMs = patienceMs ?? LONGEST_CALL_MS;
    const waitMs = this.#inVain.has(model) ? 0 : (patienceMs ?? maxWaitMs);
    const beganAt = this.clock.monotonic();
    const outcome = await flight.enter(key, { answerMs, waitMs, holdMs });
    if (outcome === "landed") {
      this.#inVain.delete(model);
      return this.find(request);
    }
    if (outcome === "alone" && waitMs > 0 && this.clock.monotonic() - beganAt >= waitMs) {
      if (this.#inVain.size >= MAX_MODELS) this.#inVain.clear();
      this.#inVain.add(model);
    }
    return undefined;
  }

  giveUp({ key }: CacheRequest): void {
    this.#options.flight?.abandon(key);
  }

  hitId(): string {
    return this.#options.hitIds.next();
  }

  hit(request: CacheRequest, found: FoundAnswer, startedAt: number, givenId?: string): Omit<HitMetadata, "savedUsage"> {
    const { emit, counters, semantic, hitIds } = this.#options;
    const hitId = givenId ?? hitIds.next();
    const ms = this.clock.monotonic() - startedAt;
    const { value, tier, match } = found;
    const coalesced = tier === "coalesced";
    const savedMs = found.cost > ms ? found.cost - ms : 0;
    counters.hit(ms, coalesced, savedMs, value.tokens);
    const count = this.#countExact;
    if (count !== undefined && match === undefined) count(tier, coalesced, ms, savedMs, value.usage);
    else if (emit !== undefined) {
      const key = request.key.slice(0, 12);
      const source = match?.source ?? "exact";
      emit({ type: "cache.lookup", outcome: "hit", tier, coalesced, hitId, source, ms, key, savedMs, saved: value.usage });
    }
    semantic?.noteHit(givenId === undefined ? hitIds.last : hitIds.numberOf(hitId), request, found);
    if (match === undefined) return { hit: true, hitId, source: "exact", tier, ms };
    const { source, similarity, confidence } = match;
    return { hit: true, hitId, source, tier, similarity, ...(confidence !== undefined && { confidence }), ms };
  }

  miss(request: CacheRequest, startedAt: number): void {
    const { emit, counters } = this.#options;
    const ms = this.clock.monotonic() - startedAt;
    counters.miss(ms);
    emit?.({ type: "cache.lookup", outcome: "miss", coalesced: false, ms, key: request.key.slice(0, 12) });
  }

  /** Whether an answer is worth keeping, by the built-in rules and the user's. */
  admits({ answer, generations }: Pick<MadeAnswer, "answer" | "generations">): boolean {
    return admitAnswer(answer, this.#options.admit, generations);
  }

  keep(request: CacheRequest, made: MadeAnswer): Promise<void> {
    if (!this.admits(made)) {
      this.giveUp(request);
      this.bypass("not-admitted");
      return Promise.resolve();
    }
    return this.store(request, made);
  }

  /** Stores an answer that is known to be worth it. */
  store(request: CacheRequest, made: MadeAnswer): Promise<void> {
    const { store, emit, counters, maxValueBytes, staleMs, semantic, storePrompts } = this.#options;
    const { value, ms, usualMs = 0 } = made;
    const answer = storePrompts ? withPrompt(made.answer, request) : made.answer;
    const { key, scope } = request;
    this.#refreshing.delete(key);
    const within = request.within();
    this.#inVain.delete(request.model);
    if (this.#wasForgotten([scope, ...within], ms ?? LONGEST_CALL_MS)) return this.#refuse(request, "forgotten");
    // A text of half a gigabyte would keep the loop for seconds before it was found to be one.
    if (isSurelyLarger(answer, maxValueBytes)) return this.#refuse(request, "too-large");
    const payload = Buffer.from(JSON.stringify(answer));
    if (payload.byteLength > maxValueBytes) return this.#refuse(request, "too-large");
    counters.written();
    emit?.({ type: "cache.update", bytes: payload.byteLength, key: key.slice(0, 12) });
    const expiresAt = this.expiry(request.ttlMs ?? this.ttlMs, staleMs);
    const tags = within.length === 0 ? request.tags : [...request.tags, ...within.map(scopeMark)];
    semantic?.remember(request, made, expiresAt);
    return store.set({ key, scope, payload, value, tags, expiresAt, cost: ms ?? usualMs });
  }

  /** @returns Unix ms at which what is stored now ends; `undefined` = never */
  expiry(ttlMs: number | undefined, graceMs = 0): number | undefined {
    if (ttlMs === undefined) return undefined;
    return this.clock.now() + ttlMs * (1 - TTL_JITTER * this.#options.random()) + graceMs;
  }

  bypass(reason: BypassReason): undefined {
    this.#options.counters.bypassed(reason);
    this.#options.emit?.({ type: "cache.bypass", reason });
    if (reason === "model-unidentified") this.#warnOfModel();
    return undefined;
  }

  /** Once: who put a cache before such a model would else see nothing but that nothing is ever found. */
  #warnOfModel(): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    process.emitWarning(
      "A model that LangChain does not name in its cache key is not cached, since its answers could not be told from another model's. " +
        'Name it: `new TieredCache({ modelId: "…" })`.',
      { code: "STRATA_MODEL" },
    );
  }

  /** From now on, answers to what was asked before in this scope, or in one within it, are refused. */
  forget(scope: Digest): void {
    const now = this.clock.monotonic();
    for (const [old, at] of this.#forgotten) if (now - at > LONGEST_CALL_MS) this.#forgotten.delete(old);
    this.#forgotten.set(scope, now);
  }

  #wasForgotten(scopes: readonly Digest[], askedMsAgo: number): boolean {
    if (this.#forgotten.size === 0) return false;
    const askedAt = this.clock.monotonic() - askedMsAgo;
    return scopes.some((scope) => (this.#forgotten.get(scope) ?? -Infinity) >= askedAt);
  }

  /** What was found, unless the rollout withholds it, or this caller is the one to refresh it. */
  #servable(request: CacheRequest, found: Found<Replay>): Found<Replay> | undefined {
    const { rollout, counters, staleMs } = this.#options;
    if (!rollout(request)) {
      counters.withheld();
      return undefined;
    }
    if (staleMs === 0 || found.expiresAt === undefined || found.expiresAt - staleMs > this.clock.now()) return found;
    const now = this.clock.monotonic();
    const waitedUntil = this.#refreshing.get(request.key);
    if (waitedUntil !== undefined && waitedUntil > now) return found;
    // In the order of their ends: all have the same lease. The one of this key, if there is one, is over too.
    for (const [key, until] of this.#refreshing) {
      if (until > now) break;
      this.#refreshing.delete(key);
    }
    this.#refreshing.set(request.key, now + REFRESH_LEASE_MS);
    this.#refreshers.add(request);
    return undefined;
  }

  #refuse(request: CacheRequest, reason: BypassReason): Promise<void> {
    this.giveUp(request);
    this.bypass(reason);
    return Promise.resolve();
  }
}

function readAnswer(payload: Buffer): Replay {
  return prepareReplay(parseAnswer(payload.toString("utf8")));
}

/** A control, or a scope, that is none turns caching off for the call. */
function resolveOrRefuse(resolve: ResolveControl, config: RunnableConfig | undefined): ResolvedControl {
  try {
    return resolve(config);
  } catch {
    return UNREADABLE;
  }
}

const UNREADABLE: ResolvedControl = {
  bypass: false,
  unreadable: true,
  refresh: false,
  ttlMs: undefined,
  tags: [],
  scope: undefined,
  within: () => [],
};
