/**
 * The cache as `cacheModel` asks it: with requests that were read from the model itself instead of from LangChain's two strings.
 * Everything else (scopes, admission, tiers, counts, events) is the same as for a `BaseCache` lookup.
 */
import type { RunnableConfig } from "@langchain/core/runnables";
import type { Generation } from "@langchain/core/outputs";
import type { MaybePromise } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import { StrataConfigError } from "../core/errors.ts";
import type { BypassReason } from "../core/events.ts";
import type { Digest } from "../core/key.ts";
import type { ResolvedControl } from "./call-control.ts";
import type { HitMetadata, Replay, StoredAnswer } from "./response-codec.ts";
import type { ReadTurn, SemanticExtra } from "./semantic/turn.ts";
import type { Question } from "./tier.ts";
import type { Found } from "./tiered-store.ts";

/** What a call is about, once it is known that it may be cached. */
export interface CacheRequest {
  readonly key: Digest;
  readonly scope: Digest;
  /** The wider scopes that it lies within. */
  readonly within: () => readonly Digest[];
  readonly model: Digest;
  readonly refresh: boolean;
  readonly ttlMs: number | undefined;
  readonly tags: readonly string[];
  /** As LangChain asked it; only there when some tier needs it. */
  readonly question?: Question | undefined;
  /** The user's turn apart from what is around it, for the semantic step; read after a miss at the earliest. */
  readonly turn?: (() => ReadTurn) | undefined;
  /** What was retrieved for this call, as the caller says. */
  readonly documents?: readonly string[] | undefined;
}

/** An answer that came from a model. */
export interface MadeAnswer {
  readonly answer: StoredAnswer;
  readonly value: Replay;
  readonly generations: readonly Generation[];
  /** How long the model took, ms; `undefined` when nobody saw it begin. */
  readonly ms: number | undefined;
  /** How long it took the last time, which is taken for what a hit saves when this time is not known. */
  readonly usualMs?: number | undefined;
}

export interface RequestCache {
  readonly clock: Clock;
  /** What the user says the model is. */
  readonly modelId: string | undefined;
  /** Whether this call shares one with identical calls, which the rollout must let be served. */
  shares(request: CacheRequest): boolean;
  /** Whether answers are served past their life while one caller refreshes them. */
  readonly servesStale: boolean;
  /** Whose turns are read besides those of plain questions; `undefined` where none is, for want of a semantic step. */
  readonly semanticExtras: ReadonlySet<SemanticExtra> | undefined;
  /** What the call asks of the cache, with the cache's own scope. */
  control(config: RunnableConfig | undefined): ResolvedControl;
  /** The request for a canonical text; `undefined` when it must not be cached, which is then counted. */
  accept(model: Digest, text: string, control: ResolvedControl, turn?: () => ReadTurn): CacheRequest | undefined;
  /** Never throws and never rejects. */
  find(request: CacheRequest): MaybePromise<Found<Replay> | undefined>;
  /**
   * Before the model is asked: whether the answer to another question will do, and whether another process asks the same. Waits
   * for that process, and finds what it stored; `undefined` sends this caller to the model. Never rejects.
   * @param patienceMs how long processes wait for each other, at most; default: as long as callers of one process do
   */
  findElsewhere(request: CacheRequest, startedAt: number, patienceMs?: number): Promise<Found<Replay> | undefined>;
  /** The model gave nothing that could be stored: other processes need not wait for it. */
  giveUp(request: CacheRequest): void;
  /** An id for a hit that is about to be given out. */
  hitId(): string;
  /** Counts a hit; gives what it says of itself. */
  hit(request: CacheRequest, found: Found<Replay>, startedAt: number, hitId?: string): Omit<HitMetadata, "savedUsage">;
  /** Counts a miss. */
  miss(request: CacheRequest, startedAt: number): void;
  /** Stores an answer if it is worth keeping. Resolves before slow tiers have it; never rejects. */
  keep(request: CacheRequest, made: MadeAnswer): Promise<void>;
  /** Stores an answer that is known to be worth keeping; otherwise as `keep`. */
  store(request: CacheRequest, made: MadeAnswer): Promise<void>;
  /** Counts a call that the cache stands aside for. */
  bypass(reason: BypassReason): void;
}

/** Kept beside the caches and not on them: it is no part of their public interface. */
const requestCaches = new WeakMap<object, RequestCache>();

/** A cache that `cacheModel` may be given makes itself known. */
export function offerRequests(cache: object, requests: RequestCache): void {
  requestCaches.set(cache, requests);
}

/** What is no cache of this copy of the package: `import` and `require` each load one of their own. */
export function noCache(given: unknown): StrataConfigError {
  return new StrataConfigError("cache", given, "a TieredCache of this copy of langchain-strata; `import` and `require` give two");
}

/** @throws {@link StrataConfigError} for what is no cache of this copy of the package */
export function requestsOf(cache: object): RequestCache {
  const requests = requestCaches.get(cache);
  if (requests === undefined) throw noCache(cache);
  return requests;
}
