/**
 * LangGraph's cache of nodes and tasks over the tiers of this package.
 *
 * LangGraph leaves the promise of `set` unobserved, and a `get` that rejects ends the run; so neither ever rejects here: what fails is
 * a miss, and an event.
 */
import { BaseCache, type CacheFullKey, type CacheNamespace } from "@langchain/langgraph-checkpoint";
import { parseTiers } from "../cache/cache-options.ts";
import { createCompression } from "../cache/compression.ts";
import type { LevelStats } from "../cache/level.ts";
import { scopeMark } from "../cache/tags.ts";
import type { CacheTier } from "../cache/tier.ts";
import { TieredStore } from "../cache/tiered-store.ts";
import { diskTier } from "../cache/tiers/disk.ts";
import { memoryTier } from "../cache/tiers/memory.ts";
import type { Clock } from "../core/clock.ts";
import { guardObserver, type BypassReason, type Emit, type Observer } from "../core/events.ts";
import { digest, type Digest } from "../core/key.ts";
import { parseByteSize, parseClock, parseDuration, parseFunction, refuseUnknown } from "../core/options.ts";
import type { ByteSize, Duration } from "../core/options.ts";
import { isSurelyLarger, type Json } from "../core/plain.ts";
import { scopeDigest, widerScopes, type Scope } from "../core/scope.ts";
import { decodeNodeValue, encodeNodeValue } from "./node-values.ts";

export interface NodeCacheOptions {
  /** Read in this order; default `[memoryTier(), diskTier({ path: ".strata/nodes" })]`. Closed by `close()`. */
  readonly tiers?: readonly CacheTier[] | undefined;
  /** How long a result lives whose cache policy has no `ttl`; default: for ever. */
  readonly ttl?: Duration | undefined;
  /**
   * Whose results these are; default `"global"`. LangGraph's key of a result is its node and its input, nothing of the user: give
   * each tenant a cache of its own, or put the tenant into the `keyFunc` of the cache policy.
   */
  readonly scope?: Scope | "global" | undefined;
  /** Larger results are not kept; default 16 MiB. */
  readonly maxValueBytes?: ByteSize | undefined;
  /** Sees every event. */
  readonly observer?: Observer | undefined;
  /** For tests; default the machine's. */
  readonly clock?: Clock | undefined;
  /** From 0 to 1; for tests; default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

const OPTIONS = ["tiers", "ttl", "scope", "maxValueBytes", "observer", "clock", "random"];
/** What tells these entries from others in a tier that is shared. */
const TAG = "strata:node";
const MAX_QUEUED_BYTES = 64 * 1024 * 1024;

/** What `nodeCache` gives: LangGraph's `BaseCache`, with what a cache that holds something needs besides. */
export interface NodeCache extends BaseCache {
  /** What each tier holds and did. */
  stats(): { readonly tiers: readonly LevelStats[] };
  /** Resolves when every accepted write is in its tiers. */
  flush(): Promise<void>;
  /** Writes what waits and closes the tiers. From then on every lookup is a miss. May be called twice. */
  close(): Promise<void>;
}

/**
 * A cache for the nodes of a LangGraph graph and the tasks of its functional API: what `InMemoryCache` does, over tiers that survive a
 * restart and are shared by processes. Needs the package `@langchain/langgraph-checkpoint`, which LangGraph brings along.
 *
 * Stored bytes are data: messages, documents, maps, sets, dates, bytes and plain values come back equal; a result with anything else
 * in it, such as an instance of a class of yours, is not kept (event `cache.bypass`, reason `unstorable`).
 * @throws {@link StrataConfigError} naming the option, the value and what is accepted
 * @example
 * ```ts
 * const graph = new StateGraph(State).addNode("search", search, { cachePolicy: { ttl: 600 } }).compile({ cache: nodeCache({ tiers }) });
 * ```
 */
export function nodeCache(options: NodeCacheOptions = {}): NodeCache {
  return new TieredNodeCache(options);
}

class TieredNodeCache extends BaseCache implements NodeCache {
  readonly #clock: Clock;
  readonly #emit: Emit;
  readonly #store: TieredStore;
  readonly #ttlMs: number | undefined;
  readonly #maxValueBytes: number;
  /** Whose results these are, and the tags by which they are found under wider scopes. */
  readonly #owner: Digest;
  readonly #tags: readonly string[];
  #closing: Promise<void> | undefined;

  constructor(options: NodeCacheOptions) {
    super();
    refuseUnknown("nodeCache", options, OPTIONS);
    const { ttl, scope = "global" } = options;
    this.#clock = parseClock(options.clock);
    const random = parseFunction("random", options.random) ?? Math.random;
    this.#emit = guardObserver(parseFunction("observer", options.observer));
    this.#ttlMs = ttl === undefined ? undefined : parseDuration("ttl", ttl);
    this.#maxValueBytes = parseByteSize("maxValueBytes", options.maxValueBytes ?? "16mb");
    this.#owner = scopeDigest(scope);
    this.#tags = [TAG, ...[this.#owner, ...widerScopes(scope)].map(scopeMark)];
    const tiers = options.tiers === undefined ? [memoryTier(), diskTier({ path: ".strata/nodes" })] : parseTiers(options.tiers);
    this.#store = new TieredStore({
      ...{ tiers, random, clock: this.#clock, emit: this.#emit },
      maxQueuedBytes: Math.max(MAX_QUEUED_BYTES, 2 * this.#maxValueBytes),
      compression: createCompression({ algorithm: "auto" }),
    });
  }

  override async get(keys: CacheFullKey[]): Promise<{ key: CacheFullKey; value: unknown }[]> {
    if (this.#closing !== undefined) return [];
    const found = await Promise.all(keys.map((key) => this.#find(key)));
    return found.flatMap((one) => one ?? []);
  }

  override async set(pairs: { key: CacheFullKey; value: unknown; ttl?: number }[]): Promise<void> {
    await Promise.all(pairs.map((pair) => this.#keep(pair)));
  }

  override async clear(namespaces: CacheNamespace[]): Promise<void> {
    const places = namespaces.map((namespace) => ({ scope: this.#place(namespace) }));
    const removed = await Promise.all(
      (places.length === 0 ? [{ scope: this.#owner, tag: TAG }] : places).map((filter) => this.#store.clear(filter)),
    );
    this.#emit?.({ type: "cache.cleared", entries: removed.reduce((sum, entries) => sum + entries, 0) });
  }

  stats(): { readonly tiers: readonly LevelStats[] } {
    return { tiers: this.#store.stats().tiers };
  }

  flush(): Promise<void> {
    return this.#store.flush();
  }

  close(): Promise<void> {
    this.#closing ??= this.#store.close();
    return this.#closing;
  }

  /** A namespace is a scope of its own: it is cleared as one. */
  #place(namespace: CacheNamespace): Digest {
    return digest("nodes", this.#owner, ...namespace);
  }

  async #find(key: CacheFullKey): Promise<{ key: CacheFullKey; value: unknown } | undefined> {
    const [namespace, name] = key;
    const start = this.#clock.monotonic();
    const scope = this.#place(namespace);
    const place = digest("node", scope, name);
    try {
      const found = await this.#store.get(place, scope, (payload) => JSON.parse(payload.toString("utf8")) as Json);
      const shown = { ms: this.#clock.monotonic() - start, key: place.slice(0, 12), coalesced: false };
      if (found === undefined) {
        this.#emit?.({ type: "cache.lookup", outcome: "miss", ...shown });
        return undefined;
      }
      // Decoded for each who asks: nobody shares an object with another run.
      const value = decodeNodeValue(found.value);
      this.#emit?.({ type: "cache.lookup", outcome: "hit", tier: found.tier, ...shown });
      return { key, value };
    } catch {
      return this.#bypass("unstorable");
    }
  }

  async #keep({ key: [namespace, name], value, ttl }: { key: CacheFullKey; value: unknown; ttl?: number }): Promise<void> {
    if (this.#closing !== undefined) return this.#bypass("closed");
    let plain: Json;
    try {
      plain = encodeNodeValue(value);
    } catch {
      return this.#bypass("unstorable");
    }
    if (isSurelyLarger(plain, this.#maxValueBytes)) return this.#bypass("too-large");
    const payload = Buffer.from(JSON.stringify(plain));
    if (payload.byteLength > this.#maxValueBytes) return this.#bypass("too-large");
    const scope = this.#place(namespace);
    const ttlMs = ttl === undefined ? this.#ttlMs : ttl * 1_000;
    const expiresAt = ttlMs === undefined ? undefined : this.#clock.now() + ttlMs;
    const place = digest("node", scope, name);
    this.#emit?.({ type: "cache.update", bytes: payload.byteLength, key: place.slice(0, 12) });
    // What it cost nobody tells; the tiers then take it for a second.
    await this.#store.set({ key: place, scope, payload, value: plain, tags: this.#tags, expiresAt, cost: 0 });
  }

  #bypass(reason: BypassReason): undefined {
    this.#emit?.({ type: "cache.bypass", reason });
    return undefined;
  }
}
