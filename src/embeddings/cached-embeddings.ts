/**
 * Embeddings behind the tiers of the cache: memory, disk, Redis, Postgres. A batch looks every distinct text up, and asks the
 * provider once for those that are nowhere, not on their way for somebody else, and not nearly equal to one that is there.
 */
import { Embeddings } from "@langchain/core/embeddings";
import { currentConfig } from "../cache/call-control.ts";
import { createCompression } from "../cache/compression.ts";
import { TieredStore } from "../cache/tiered-store.ts";
import { diskTier } from "../cache/tiers/disk.ts";
import { encryptTiers } from "../cache/tiers/encrypted.ts";
import { parseEncryption } from "../encryption/key-ring.ts";
import { memoryTier } from "../cache/tiers/memory.ts";
import { waitOrAbort, type CallOptions } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import { codeOf, StrataConfigError, StrataError, type StrataErrorCode } from "../core/errors.ts";
import { guardObserver, type Emit } from "../core/events.ts";
import { Guard } from "../core/guard.ts";
import type { Digest } from "../core/key.ts";
import { parseClock, parseCount, parseDuration, parseFunction } from "../core/options.ts";
import { scopeDigest } from "../core/scope.ts";
import { checkOptions, parseNearDuplicate, type CachedEmbeddingsOptions } from "./cached-embeddings-options.ts";
import { SharedCall, type Flight, type Kind, type Provider, type Resolved } from "./embedding-calls.ts";
import { EmbeddingCounters, type EmbeddingsStats } from "./embedding-stats.ts";
import { nearDuplicates, type NearDuplicates } from "./near-duplicates.ts";
import { isTransient } from "./provider-errors.ts";
import { StoredVectors } from "./stored-vectors.ts";
import { toNumbers } from "./vector-codec.ts";
import { warmEmbeddings, type WarmEmbeddingsOptions, type WarmEmbeddingsReport } from "./warm-embeddings.ts";

const MAX_QUEUED_BYTES = 64 * 1024 * 1024;
/** Looks at tiers that answer later, under way for one batch: more would pass the deadline of a tier while they queue in its client. */
const WINDOW = 64;

/** Any LangChain embeddings, with every vector kept. Two texts are the same when they are equal to the letter. */
export class CachedEmbeddings extends Embeddings {
  readonly #clock: Clock;
  readonly #emit: Emit;
  readonly #provider: Provider;
  readonly #store: TieredStore;
  readonly #vectors: StoredVectors;
  readonly #near: NearDuplicates | undefined;
  readonly #guard: Guard;
  readonly #under = new Map<Digest, Flight>();
  readonly #calls = new Set<SharedCall>();
  readonly #counters = new EmbeddingCounters();
  #closing: Promise<void> | undefined;

  /** @throws {@link StrataConfigError} naming the option, the value and what is accepted */
  constructor(options: CachedEmbeddingsOptions) {
    super({});
    checkOptions(options);
    const clock = parseClock(options.clock);
    const random = parseFunction("random", options.random) ?? Math.random;
    const emit = guardObserver(parseFunction("observer", options.observer));
    const { embeddings, model, dimensions } = options;
    const scope = scopeDigest(options.scope ?? "global");
    const ttlMs = options.ttl === undefined ? undefined : parseDuration("ttl", options.ttl);
    const near = parseNearDuplicate(options.nearDuplicate);
    this.#guard = new Guard({
      ...{ name: "The provider of embeddings", clock, random },
      deadlineMs: parseDuration("deadline", options.deadline ?? "60s"),
      retry: { retries: parseCount("retries", options.retries ?? 2, 0), baseMs: 500, maxMs: 8_000, worthIt: isTransient },
    });
    this.#clock = clock;
    this.#emit = emit;
    this.#provider = embeddings;
    this.#near = near && nearDuplicates(near.similarity, near.maxEntries);
    const given = options.tiers ?? [memoryTier(), diskTier({ path: ".strata/embeddings" })];
    const encryption = options.encryption && parseEncryption("encryption", options.encryption);
    const tiers = encryption === undefined ? given : encryptTiers(given, encryption, emit);
    // Float32 numbers of a model do not compress: a tenth at most, for more time than reading them takes.
    const compression = createCompression({ algorithm: "none" });
    this.#store = new TieredStore({ tiers, clock, random, emit, maxQueuedBytes: MAX_QUEUED_BYTES, compression });
    this.#vectors = new StoredVectors({ store: this.#store, clock, model, dimensions, scope, ttlMs });
  }

  /**
   * The vector of a text that is searched with; kept apart from those of documents. Float32 numbers in an array of the caller's own.
   * @param options.signal default: the one of the runnable in which this is called
   * @throws {@link StrataError} `BAD_ANSWER` when the provider's answer cannot be right, `TIMEOUT`, `CIRCUIT_OPEN`, `CLOSED`; else
   * what the provider threw. A tier that fails is read as if it were empty.
   */
  async embedQuery(text: string, options: CallOptions = {}): Promise<number[]> {
    const [vector] = await this.#embed([text], "query", options);
    return toNumbers(vector as Float32Array);
  }

  /** The vectors of texts that are searched in, in their order. @throws as `embedQuery` */
  async embedDocuments(texts: string[], options: CallOptions = {}): Promise<number[][]> {
    return (await this.#embed(texts, "document", options)).map(toNumbers);
  }

  /** Makes vectors ahead of time, in batches. @throws as `embedQuery`; what was made by then stays */
  warm(texts: Iterable<string>, options: WarmEmbeddingsOptions = {}): Promise<WarmEmbeddingsReport> {
    return warmEmbeddings(texts, options, this, () => this.#counters.providerTexts);
  }

  /** What happened so far, in total and per tier. */
  stats(): EmbeddingsStats {
    const { dimensions } = this.#vectors;
    return this.#counters.snapshot({ ...this.#store.stats(), dimensions, remembered: this.#near?.size ?? 0 });
  }

  /** Removes every vector of this scope from every tier; gives how many there were in the fullest one. */
  async clear(): Promise<number> {
    this.#near?.clear();
    const entries = await this.#vectors.clear();
    this.#emit?.({ type: "cache.cleared", entries });
    return entries;
  }

  /** Resolves when every accepted write is in its tiers. In serverless functions, hand it to `waitUntil`. */
  flush(): Promise<void> {
    return this.#store.flush();
  }

  /** Refuses new calls, ends those under way with `CLOSED`, writes what waits, closes the tiers. May be called twice. */
  close(): Promise<void> {
    if (this.#closing === undefined) {
      for (const call of this.#calls) call.abort(closed());
      this.#near?.clear();
      this.#vectors.close();
      this.#closing = this.#store.close();
    }
    return this.#closing;
  }

  async #embed(texts: readonly string[], kind: Kind, options: CallOptions): Promise<Float32Array[]> {
    if (this.#closing !== undefined) throw closed();
    for (const text of texts) if (typeof text !== "string") throw new StrataConfigError("text", text, "a string");
    const signal = options.signal ?? currentConfig()?.signal;
    signal?.throwIfAborted();
    const start = this.#clock.monotonic();
    const keys = texts.map((text) => this.#vectors.key(kind, text));
    const known = new Map<Digest, Resolved>();
    const own = new SharedCall(kind, this.#under);
    const joined: Flight[] = [];
    const distinct = new Map(keys.map((key, index) => [key, texts[index] as string]));
    let looking = 0;
    for (const [key, text] of distinct) {
      const flight = this.#under.get(key);
      if (flight !== undefined) {
        joined.push(flight);
        continue;
      }
      const look = looking < WINDOW ? this.#vectors.get(key) : undefined;
      if (look !== undefined && "vector" in look) {
        known.set(key, look);
        continue;
      }
      const mine = own.add(key, text);
      if (looking < WINDOW) mine.look = look ?? "missed";
      if (look !== undefined) looking++;
    }
    if (own.flights.length > 0 || joined.length > 0) await this.#await(own, joined, known, distinct, signal);
    this.#count(kind, texts.length, known, joined.length, start);
    for (const [key, text] of this.#near === undefined ? [] : distinct) {
      if (known.get(key)?.from === "tier") this.#near?.add(key, text, kind);
    }
    return keys.map((key) => (known.get(key) as Resolved).vector);
  }

  /** Fills `known` with what is under way, for the caller or for others. */
  async #await(
    own: SharedCall,
    joined: readonly Flight[],
    known: Map<Digest, Resolved>,
    distinct: ReadonlyMap<Digest, string>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const held = new Set([own, ...joined.map(({ call }) => call)]);
    for (const call of held) call.hold();
    const alone = new SharedCall(own.kind, this.#under);
    try {
      if (own.flights.length > 0) void this.#lead(own);
      const wait = async (flight: Flight): Promise<void> => {
        known.set(flight.key, await waitOrAbort(flight.result, signal));
      };
      const shared = joined.map(async (flight) => {
        try {
          await wait(flight);
        } catch (error) {
          if (signal?.aborted === true || this.#closing !== undefined) throw error;
          // A call that was for nothing else than what this caller wants would fail for it too; one with other texts might not.
          const { asked } = flight.call;
          if (asked.length > 0 && asked.every(({ key }) => distinct.has(key))) throw error;
          alone.add(flight.key, flight.text);
        }
      });
      await Promise.all([...own.flights.map(wait), ...shared]);
      if (alone.flights.length === 0) return;
      alone.hold();
      held.add(alone);
      void this.#lead(alone);
      await Promise.all(alone.flights.map(wait));
    } finally {
      for (const call of held) call.release(signal?.reason);
    }
  }

  /** Ends every flight of a call. Never rejects: the flights tell. */
  async #lead(call: SharedCall): Promise<void> {
    this.#calls.add(call);
    try {
      const missing: Flight[] = [];
      for (let from = 0; from < call.flights.length; from += WINDOW) {
        const some = call.flights.slice(from, from + WINDOW);
        const looks = some.map(({ look, key }) => (look === "missed" ? undefined : (look ?? this.#vectors.get(key))));
        for (const [index, look] of (await Promise.all(looks)).entries()) {
          const flight = some[index] as Flight;
          const found = look ?? (await this.#nearest(flight));
          if (found === undefined) missing.push(flight);
          else flight.settle(found);
        }
      }
      call.signal.throwIfAborted();
      if (missing.length > 0) await this.#ask(call, missing);
    } catch (error) {
      for (const flight of call.flights) flight.fail(error);
    } finally {
      call.ended = true;
      this.#calls.delete(call);
    }
  }

  async #nearest({ text, call }: Flight): Promise<Resolved | undefined> {
    const near = this.#near?.find(text, call.kind);
    if (near === undefined) return undefined;
    const found = await this.#vectors.get(near.key);
    if (found === undefined) this.#near?.remove(near.key);
    return found && { ...found, from: "near" };
  }

  async #ask(call: SharedCall, missing: readonly Flight[]): Promise<void> {
    const { kind, signal } = call;
    const texts = missing.map(({ text }) => text);
    call.asked = missing;
    this.#counters.providerCalls++;
    this.#counters.providerTexts += texts.length;
    const start = this.#clock.monotonic();
    let outcome: "ok" | "failed" = "failed";
    let code: StrataErrorCode | "ENGINE" = "ENGINE";
    try {
      const answers: unknown = await this.#guard.run(
        async (options) => {
          // `embedQuery` is only ever asked for one.
          if (kind === "query") return [await this.#provider.embedQuery(texts[0] as string, options)];
          return this.#provider.embedDocuments([...texts], options);
        },
        { signal },
      );
      if (!Array.isArray(answers) || answers.length !== missing.length) {
        const given = Array.isArray(answers) ? `${answers.length} vectors` : "no list of vectors";
        throw new StrataError("BAD_ANSWER", `The embeddings answered with ${given} for ${missing.length} texts.`);
      }
      outcome = "ok";
      const cost = (this.#clock.monotonic() - start) / missing.length;
      for (const [index, flight] of missing.entries()) {
        try {
          const vector = this.#vectors.put(flight.key, answers[index], cost);
          this.#near?.add(flight.key, flight.text, kind);
          flight.settle({ vector, from: "provider", cost });
        } catch (error) {
          outcome = "failed";
          code = codeOf(error);
          flight.fail(error);
        }
      }
    } catch (error) {
      code = codeOf(error);
      throw error;
    } finally {
      if (outcome === "failed") this.#counters.providerFailures++;
      const ms = this.#clock.monotonic() - start;
      this.#emit?.({ type: "embeddings.call", kind, outcome, ...(outcome === "failed" && { code }), texts: texts.length, ms });
    }
  }

  #count(kind: Kind, texts: number, known: ReadonlyMap<Digest, Resolved>, coalesced: number, start: number): void {
    let [hits, near, savedMs] = [0, 0, 0];
    for (const { from, cost } of known.values()) {
      if (from === "provider") continue;
      if (from === "tier") hits++;
      else near++;
      savedMs += cost;
    }
    this.#counters.msSaved += savedMs;
    this.#counters.texts += texts;
    this.#counters.hits += hits;
    this.#counters.near += near;
    this.#counters.coalesced += coalesced;
    this.#emit?.({ type: "embeddings.lookup", kind, texts, hits, near, coalesced, savedMs, ms: this.#clock.monotonic() - start });
  }
}

function closed(): StrataError {
  return new StrataError("CLOSED", "The embeddings are closed.");
}
