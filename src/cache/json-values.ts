/** Any JSON value by key: the same tiers, apart from answers. */
import { StrataConfigError, StrataError } from "../core/errors.ts";
import { digest, type Digest } from "../core/key.ts";
import { parseDuration, refuseUnknown, type Duration } from "../core/options.ts";
import { toPlain, type Json } from "../core/plain.ts";
import type { Scope } from "../core/scope.ts";
import type { AnswerCache } from "./answer-cache.ts";
import { controlResolver, currentConfig } from "./call-control.ts";
import { parseTags, scopeMark } from "./tags.ts";
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
  readonly ttlMs: number | undefined;
}

export class JsonValues {
  readonly #options: JsonValuesOptions;

  constructor(options: JsonValuesOptions) {
    this.#options = options;
  }

  /** A copy of what `set` stored. */
  async get(key: string, options: GetOptions): Promise<Json | undefined> {
    refuseUnknown("get", options, ["scope"]);
    const { scope } = this.#scope(options.scope);
    const found = await this.#options.store.get(digest("value", scope, key), scope, readJson);
    return found === undefined ? undefined : structuredClone(found.value);
  }

  /** @throws {@link StrataError} `UNSTORABLE` when it would not come back equal */
  async set(key: string, value: Json, options: SetOptions): Promise<void> {
    refuseUnknown("set", options, ["ttl", "tags", "scope"]);
    const { store, answers, maxValueBytes } = this.#options;
    const { scope, within } = this.#scope(options.scope);
    const ttlMs = options.ttl === undefined ? this.#options.ttlMs : parseDuration("ttl", options.ttl);
    const tags = [...(options.tags === undefined ? [] : parseTags("tags", options.tags)), ...within().map(scopeMark)];
    const plain = toPlain(value);
    const payload = Buffer.from(JSON.stringify(plain));
    if (payload.byteLength > maxValueBytes) {
      throw new StrataError("UNSTORABLE", `The value has ${payload.byteLength} bytes; at most ${maxValueBytes} are stored.`);
    }
    const expiresAt = answers.expiry(ttlMs);
    await store.set({ key: digest("value", scope, key), scope, payload, value: plain, tags, expiresAt, cost: 1 });
  }

  /** As given, else the cache's own for the runnable that is being run. */
  #scope(given: Scope | "global" | undefined): { readonly scope: Digest; readonly within: () => readonly Digest[] } {
    const { scope, within } =
      given === undefined ? this.#options.answers.control(currentConfig()) : controlResolver(given, undefined)(undefined);
    if (scope === undefined)
      throw new StrataConfigError("scope", undefined, "a scope, since the cache's scope function gives none here");
    return { scope, within };
  }
}

function readJson(payload: Buffer): Json {
  return JSON.parse(payload.toString("utf8")) as Json;
}
