/** Any JSON value by key: the same tiers, apart from answers. */
import type { RunnableConfig } from "@langchain/core/runnables";
import { StrataConfigError, StrataError } from "../core/errors.ts";
import { digest, type Digest } from "../core/key.ts";
import { parseDuration, refuseUnknown, type Duration } from "../core/options.ts";
import { toPlain, type Json } from "../core/plain.ts";
import type { Scope } from "../core/scope.ts";
import type { AnswerCache } from "./answer-cache.ts";
import { controlResolver, currentConfig } from "./call-control.ts";
import { parseTags, scopeMark } from "./tags.ts";
import { noCache } from "./request-cache.ts";
import type { DistributedFlight } from "./distributed-flight.ts";
import type { TieredStore } from "./tiered-store.ts";

/** What `get` may be told. */
export interface GetOptions {
  /** Default: the cache's own. */
  readonly scope?: Scope | "global" | undefined;
}

/** What `set` may be told. */
export interface SetOptions {
  /** Default: the cache's own. */
  readonly ttl?: Duration | undefined;
  /** Labels to remove the value by. */
  readonly tags?: readonly string[] | undefined;
  /** Default: the cache's own. */
  readonly scope?: Scope | "global" | undefined;
}

export interface JsonValuesOptions {
  readonly store: TieredStore;
  readonly answers: AnswerCache;
  readonly maxValueBytes: number;
  /** For waiting for other processes, where some tier has it. */
  readonly flight: DistributedFlight | undefined;
  /** How long another process is waited for, ms; 0 = not at all. */
  readonly maxWaitMs: number;
}

/** Where a value lies: under a key, in a scope. */
export interface Place {
  readonly key: Digest;
  readonly scope: Digest;
  /** The wider scopes that this one lies within. */
  readonly within: () => readonly Digest[];
}

/** Nobody waits longer for a value that a process which still lives is making. */
const LONGEST_MAKING_MS = 600_000;

export class JsonValues {
  readonly #options: JsonValuesOptions;

  constructor(options: JsonValuesOptions) {
    this.#options = options;
  }

  /** A copy of what `set` stored. */
  async get(key: string, options: GetOptions): Promise<Json | undefined> {
    refuseUnknown("get", options, ["scope"]);
    return this.read(this.place(key, options.scope));
  }

  /** @throws {@link StrataError} `UNSTORABLE` when it would not come back equal, `CLOSED` when the cache is */
  async set(key: string, value: Json, options: SetOptions): Promise<void> {
    refuseUnknown("set", options, ["ttl", "tags", "scope"]);
    await this.write(this.place(key, options.scope), value, options);
  }

  /**
   * @param given default: the cache's own scope, for the runnable that is being run
   * @param config of that runnable, where the caller knows it; default what LangChain makes known
   * @throws {@link StrataConfigError} when neither gives a scope
   */
  place(key: string, given?: Scope | "global", config: RunnableConfig | undefined = currentConfig()): Place {
    if (typeof key !== "string") throw new StrataConfigError("key", key, "a text");
    const { scope, within } =
      given === undefined ? this.#options.answers.control(config) : controlResolver(given, undefined)(undefined);
    if (scope === undefined)
      throw new StrataConfigError("scope", undefined, "a scope, since the cache's scope function gives none here");
    return { key: digest("value", scope, key), scope, within };
  }

  async read({ key, scope }: Place): Promise<Json | undefined> {
    const found = await this.#options.store.get(key, scope, readJson);
    return found === undefined ? undefined : structuredClone(found.value);
  }

  async write({ key, scope, within }: Place, value: Json, options: Pick<SetOptions, "ttl" | "tags">): Promise<void> {
    const { store, answers, maxValueBytes } = this.#options;
    if (answers.isClosed) throw new StrataError("CLOSED", "The cache is closed.");
    const ttlMs = options.ttl === undefined ? answers.ttlMs : parseDuration("ttl", options.ttl);
    const tags = [...(options.tags === undefined ? [] : parseTags("tags", options.tags)), ...within().map(scopeMark)];
    const plain = toPlain(value);
    const payload = Buffer.from(JSON.stringify(plain));
    if (payload.byteLength > maxValueBytes) {
      throw new StrataError("UNSTORABLE", `The value has ${payload.byteLength} bytes; at most ${maxValueBytes} are stored.`);
    }
    const expiresAt = answers.expiry(ttlMs);
    await store.set({ key, scope, payload, value: plain, tags, expiresAt, cost: 1 });
  }

  /** After a miss: waits for another process that makes this value, and reads what it stored. Never rejects. */
  async findElsewhere(place: Place): Promise<Json | undefined> {
    const { answers, flight, maxWaitMs } = this.#options;
    if (flight === undefined || maxWaitMs === 0 || answers.isClosed) return undefined;
    const answerMs = flight.deadlineMs;
    const outcome = await flight.enter(place.key, { answerMs, waitMs: maxWaitMs, holdMs: LONGEST_MAKING_MS });
    return outcome === "landed" ? this.read(place) : undefined;
  }

  /** There is nothing to store after all: other processes need not wait. */
  giveUp({ key }: Place): void {
    this.#options.flight?.abandon(key);
  }
}

/** Kept beside the caches and not on them: it is no part of their public interface. */
const valuesOfCaches = new WeakMap<object, JsonValues>();

/** A cache that `cached` may be given makes itself known. */
export function offerValues(cache: object, values: JsonValues): void {
  valuesOfCaches.set(cache, values);
}

/** @throws {@link StrataConfigError} for what is no cache of this copy of the package */
export function valuesOf(cache: object): JsonValues {
  const values = valuesOfCaches.get(cache);
  if (values === undefined) throw noCache(cache);
  return values;
}

function readJson(payload: Buffer): Json {
  return JSON.parse(payload.toString("utf8")) as Json;
}
