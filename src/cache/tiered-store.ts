/**
 * The tiered store: several tiers read as one. It knows keys, envelopes and lives; it knows nothing of models.
 *
 * Reading goes from the first tier to the last, each behind its own guard (deadline, circuit breaker); what is found below is
 * verified and put into the tiers above. A tier that fails is read as if it were empty. As long as the tiers answer
 * synchronously, so does the store.
 */
import { isPromise, type MaybePromise } from "../core/abort.ts";
import type { Clock } from "../core/clock.ts";
import { open, seal, type Envelope } from "../core/envelope.ts";
import { StrataError } from "../core/errors.ts";
import type { Emit } from "../core/events.ts";
import type { Digest } from "../core/key.ts";
import { decompress, type Compression } from "./compression.ts";
import type { Effort } from "./compressions/plan.ts";
import type { DistributedFlight } from "./distributed-flight.ts";
import { Level, type LevelStats } from "./level.ts";
import { LevelRemovals, tagsOf } from "./level-removals.ts";
import { readPayload, repack } from "./repacking.ts";
import { Sighting } from "./tuning/sighting.ts";
import type { TrafficWatch } from "./tuning/traffic.ts";
import type { CacheTier, Question, TierEntry, TierFilter, TierReadOptions } from "./tier.ts";

export interface TieredStoreOptions {
  readonly tiers: readonly CacheTier[];
  readonly clock: Clock;
  readonly random: () => number;
  readonly emit: Emit;
  /** Bytes of writes that may wait for one tier. */
  readonly maxQueuedBytes: number;
  readonly compression: Compression;
  /** What one scope may take of a tier that is full; `undefined` = no bound. */
  readonly quotaBytes?: number | undefined;
}

/** Reads a payload into what callers get; throws when it is not what it should be. */
export type Decode<T> = (payload: Buffer) => T;

export interface Found<T> {
  readonly value: T;
  /** Name of the tier that had it. */
  readonly tier: string;
  readonly expiresAt: number | undefined;
  readonly cost: number;
}

/** How a lookup asks. */
export interface Asked {
  /** For tiers that cannot be asked by key. */
  readonly question?: Question | undefined;
  /** Given by whoever goes on to enter the flight of the shared tier: how long it would lead, ms. */
  readonly leadMs?: number | undefined;
}

export interface StoreInput<T> {
  readonly key: Digest;
  readonly scope: Digest;
  readonly payload: Buffer;
  /** What `payload` decodes to. */
  readonly value: T;
  readonly tags: readonly string[];
  /** Unix ms; `undefined` = never. */
  readonly expiresAt: number | undefined;
  /** Milliseconds that a hit saves. */
  readonly cost: number;
}

/** What a verified entry decodes to; noted on the entry, so that it is verified and parsed once. */
interface Decoded {
  readonly value: unknown;
  readonly cost: number;
  /** What it was read from; left out for what was decoded before it was sealed. */
  readonly envelope?: Envelope | undefined;
}

/**
 * An entry goes down when what it saves, for each byte that it takes, is at least this: (1 + hits) x milliseconds / bytes. An
 * answer of 4 KB that took a model 1 s is at 0.25, one of 100 KB at 0.01; a value that costs a millisecond to make stays out.
 */
const LEAST_WORTH = 0.005;
/** What an answer is taken to cost when nobody timed it. */
const UNKNOWN_COST_MS = 1_000;

function isWorthKeeping({ hits = 0, cost = 0, value }: TierEntry): boolean {
  return ((1 + hits) * (cost > 0 ? cost : UNKNOWN_COST_MS)) / value.byteLength >= LEAST_WORTH;
}

export class TieredStore {
  readonly #clock: Clock;
  readonly #emit: Emit;
  #compression: Compression;
  readonly #levels: readonly Level[];
  readonly #removals: LevelRemovals;
  /** Of the first tier that has one: the one that is entered. */
  readonly #flight: DistributedFlight | undefined;
  #rejected = 0;
  /** Told of what is asked, found and stored, where somebody listens. */
  #traffic: TrafficWatch | undefined;
  /** Entries that were found below once, where they go up at their second hit. */
  #sighting: Sighting | undefined;

  constructor(options: TieredStoreOptions) {
    const { clock, random, emit, maxQueuedBytes } = options;
    this.#clock = clock;
    this.#emit = emit;
    this.#compression = options.compression;
    this.#levels = options.tiers.map((tier, index) => {
      const level: Level = new Level({ tier, clock, random, emit, maxQueuedBytes, write: (batch) => this.#write(level, batch) });
      tier.attach?.({
        clock,
        random,
        quotaBytes: options.quotaBytes,
        evicted: (entries) => this.#demote(index, entries),
        fault: (operation, error) => level.fault(operation, error),
        recovered: () => level.recovered(),
        changed: (change) => void this.#removals.dropAbove(index, change),
      });
      return level;
    });
    this.#removals = new LevelRemovals(this.#levels);
    this.#flight = options.tiers.find((tier) => tier.flight !== undefined)?.flight;
  }

  /** Finds an entry and moves it up. Never throws and never rejects: what fails is a miss. */
  get<T>(key: Digest, scope: Digest, decode: Decode<T>, asked?: Asked): MaybePromise<Found<T> | undefined> {
    this.#traffic?.count();
    return this.#getFrom(0, this.#removals.fence, key, scope, decode, asked);
  }

  /** Stores an entry. Resolves when the tiers that are written through have it; the others follow behind. Never rejects. */
  async set<T>(input: StoreInput<T>): Promise<void> {
    const { key, scope, payload, tags, expiresAt, cost } = input;
    const createdAt = this.#clock.now();
    const rawLength = payload.byteLength;
    const value = seal({ key, scope, payload, tags, expiresAt, cost, createdAt, codec: 0, rawLength });
    if (this.#traffic?.wants(key) === true) this.#traffic.store(key, payload, cost, expiresAt);
    const decoded: Decoded = { value: input.value, cost };
    const entry: TierEntry = { key, value, expiresAt, scope, tags, cost, decoded, decodedBytes: rawLength };
    const awaited: Promise<void>[] = [];
    for (const level of this.#levels) {
      if (level.tier.writes === "through") {
        const written = level.set([entry]);
        if (isPromise(written)) awaited.push(written);
      } else if (level.tier.writes !== "on-demotion") {
        level.enqueue(entry);
      }
    }
    if (awaited.length > 0) await Promise.all(awaited);
  }

  /** Removes entries from every tier and every queue; gives how many keys were in some tier. */
  async delete(keys: readonly Digest[]): Promise<number> {
    this.#traffic?.remove(keys);
    return this.#removals.delete(keys);
  }

  /** As {@link LevelRemovals.clear}. */
  async clear(filter: TierFilter, tier?: string): Promise<number> {
    if (filter.scope === undefined && filter.tag === undefined && tier === undefined) this.#traffic?.clear();
    return this.#removals.clear(filter, tier);
  }

  /** As {@link LevelRemovals.removeWhere}. */
  async removeWhere(matches: (tags: readonly string[]) => boolean): Promise<number> {
    return this.#removals.removeWhere(matches);
  }

  /** As {@link LevelRemovals.forget}. */
  async forget(scope: Digest): Promise<{ removed: Record<string, number>; failed: Record<string, string> }> {
    return this.#removals.forget(scope);
  }

  /** Every live entry whose tags and scope match, once, in no order; damaged ones are passed over. For work of an operator. */
  async *scan(
    matches: (tags: readonly string[], scope: Digest | undefined) => boolean,
  ): AsyncGenerator<{ readonly key: Digest; readonly payload: Buffer }> {
    await this.flush();
    const seen = new Set<Digest>();
    for (const level of this.#levels) {
      for await (const entry of level.entries()) {
        if (seen.has(entry.key) || !matches(tagsOf(entry), entry.scope)) continue;
        const payload = await readPayload(entry);
        if (payload === undefined) continue;
        seen.add(entry.key);
        yield { key: entry.key, payload };
      }
    }
  }

  /** Tells this one what happens from now on. */
  watch(traffic: TrafficWatch | undefined): void {
    this.#traffic = traffic;
  }

  /** How hard the named tier's values are packed. */
  effort(tier: string): Effort {
    return this.#levels.find((level) => level.tier.name === tier)?.effort ?? "none";
  }

  /** Packs what goes to a tier so hard from now on. */
  packWith(tier: string, effort: Effort): void {
    const level = this.#levels.find((known) => known.tier.name === tier);
    if (level !== undefined) level.effort = effort;
  }

  /** After how many hits in a lower tier an entry goes up: 1 or 2. */
  get promoteAfter(): number {
    return this.#sighting === undefined ? 1 : 2;
  }

  set promoteAfter(hits: number) {
    this.#sighting = hits < 2 ? undefined : (this.#sighting ?? new Sighting());
  }

  get compression(): Compression {
    return this.#compression;
  }

  /** Compresses with this from now on. */
  compressWith(compression: Compression): void {
    this.#compression = compression;
  }

  /** Resolves when every accepted write is in its tiers, or was given up. */
  async flush(): Promise<void> {
    await Promise.all(this.#levels.map((level) => level.flush()));
  }

  stats(): { readonly tiers: readonly LevelStats[]; readonly rejected: number } {
    return { tiers: this.#levels.map((level) => level.stats()), rejected: this.#rejected };
  }

  /** Writes what waits, then closes every tier. */
  async close(): Promise<void> {
    await this.flush();
    await Promise.all(this.#levels.map((level) => level.close()));
  }

  #getFrom<T>(
    first: number,
    fence: number,
    key: Digest,
    scope: Digest,
    decode: Decode<T>,
    asked: Asked | undefined,
  ): MaybePromise<Found<T> | undefined> {
    for (let index = first; index < this.#levels.length; index++) {
      const level = this.#levels[index] as Level;
      const entry = level.get(key, asked === undefined ? undefined : this.#readOptions(level, asked));
      if (entry === undefined) continue;
      if (isPromise(entry)) return this.#continue(index, fence, entry, key, scope, decode, asked);
      const found = this.#verify(level, entry, key, scope, decode);
      if (found === undefined) continue;
      if (isPromise(found)) return this.#continue(index, fence, entry, key, scope, decode, asked);
      this.#promote(index, fence, entry, scope);
      return found;
    }
    if (this.#traffic?.wants(key) === true) this.#traffic.lookup(key, -1, 0, 0, undefined);
    return undefined;
  }

  async #continue<T>(
    index: number,
    fence: number,
    answer: MaybePromise<TierEntry | undefined>,
    key: Digest,
    scope: Digest,
    decode: Decode<T>,
    asked: Asked | undefined,
  ): Promise<Found<T> | undefined> {
    const level = this.#levels[index] as Level;
    const entry = await answer;
    const found = entry === undefined ? undefined : await this.#verify(level, entry, key, scope, decode);
    if (entry === undefined || found === undefined) return this.#getFrom(index + 1, fence, key, scope, decode, asked);
    this.#promote(index, fence, entry, scope);
    return found;
  }

  #readOptions({ tier }: Level, { question, leadMs }: Asked): TierReadOptions | undefined {
    if (tier.needsQuestion === true) return question && { question };
    return leadMs !== undefined && tier.flight !== undefined && tier.flight === this.#flight ? { leadMs } : undefined;
  }

  /** Opens and decodes what a tier gave, once; damaged, foreign and outlived entries are dropped and counted. */
  #verify<T>(level: Level, entry: TierEntry, key: Digest, scope: Digest, decode: Decode<T>): MaybePromise<Found<T> | undefined> {
    const known = entry.decoded as Decoded | undefined;
    // What a tier keeps by reference was verified when it was noted; that it is what was asked for is looked at each time.
    if (known !== undefined && entry.key === key && entry.scope === scope) {
      return this.#found(level, entry, known as Decoded & { value: T });
    }
    try {
      const envelope = open(entry.value, key, scope);
      if (envelope.expiresAt !== undefined && envelope.expiresAt <= this.#clock.now()) return undefined;
      const accept = (payload: Uint8Array): Found<T> => {
        if (payload.byteLength !== envelope.rawLength) throw new StrataError("CORRUPT", "A stored value has another length.");
        const decoded = { value: decode(payload as Buffer), cost: envelope.cost, envelope };
        // Of what the envelope says, only this is noted on every entry; the rest when it is promoted.
        entry.decoded = decoded;
        return this.#found(level, entry, decoded, envelope.expiresAt);
      };
      const payload = decompress(envelope.codec, envelope.payload, envelope.rawLength);
      if (!isPromise(payload)) return accept(payload);
      return payload.then(accept).catch((error: unknown) => this.#reject(level, key, error));
    } catch (error) {
      return this.#reject(level, key, error);
    }
  }

  #found<T>(
    level: Level,
    entry: TierEntry,
    decoded: { readonly value: T; readonly cost: number },
    expiresAt: number | undefined = entry.expiresAt,
  ): Found<T> {
    level.hits++;
    if (this.#traffic?.wants(entry.key) === true) this.#tellHit(level, entry, decoded.cost, expiresAt);
    return { value: decoded.value, tier: level.tier.name, expiresAt, cost: decoded.cost };
  }

  #tellHit(level: Level, entry: TierEntry, cost: number, expiresAt: number | undefined): void {
    const { envelope } = entry.decoded as Decoded;
    const rawBytes = envelope?.rawLength ?? entry.decodedBytes ?? entry.value.byteLength;
    this.#traffic?.lookup(entry.key, this.#levels.indexOf(level), rawBytes, cost, expiresAt);
  }

  #reject(level: Level, key: Digest, error: unknown): undefined {
    this.#rejected++;
    // Not the message of a parser, which shows a piece of what it could not read.
    const reason = StrataError.isInstance(error) ? error.message : "A stored value cannot be read.";
    this.#emit?.({ type: "entry.rejected", tier: level.tier.name, reason, key: key.slice(0, 12) });
    void level.delete([key], (entry) => entry.key === key);
    return undefined;
  }

  #promote(from: number, fence: number, entry: TierEntry, scope: Digest): void {
    if (from === 0 || !this.#removals.allowMove(fence)) return;
    if (this.#sighting?.isFirst(entry.key) === true) return;
    const { value, cost, envelope } = entry.decoded as Decoded;
    const promoted: TierEntry =
      envelope === undefined
        ? { ...entry, scope }
        : {
            ...{ key: entry.key, value: entry.value, scope, cost, decoded: { value, cost } satisfies Decoded },
            ...{ expiresAt: envelope.expiresAt, tags: envelope.tags, decodedBytes: envelope.rawLength },
          };
    for (let index = 0; index < from; index++) {
      const level = this.#levels[index] as Level;
      if (level.tier.writes === "on-demotion") continue;
      const [to, source] = [level.tier.name, this.#levels[from]?.tier.name ?? ""];
      this.#emit?.({ type: "entry.moved", direction: "promoted", from: source, to, key: entry.key.slice(0, 12) });
      if (level.tier.writes === "through") void level.set([promoted]);
      else level.enqueue(promoted);
    }
  }

  /**
   * What a tier dropped for space goes to the nearest tier below that is written on demotion, when it is worth its bytes there;
   * unless a tier between them has it too and will tell when it drops it.
   */
  #demote(from: number, entries: readonly TierEntry[]): void {
    for (let index = from + 1; index < this.#levels.length; index++) {
      const level = this.#levels[index] as Level;
      const { tier } = level;
      if (tier.writes !== "on-demotion" || tier.needsQuestion === true) {
        if (tier.reportsEvictions === true) return;
        continue;
      }
      const source = this.#levels[from]?.tier.name ?? "";
      for (const entry of entries) {
        if (!isWorthKeeping(entry)) continue;
        level.enqueue(entry);
        this.#emit?.({ type: "entry.moved", direction: "demoted", from: source, to: tier.name, key: entry.key.slice(0, 12) });
      }
      return;
    }
  }

  async #write(level: Level, batch: readonly TierEntry[]): Promise<void> {
    const { effort } = level;
    if (effort === "none") return level.set(batch);
    const smaller = batch.map((entry) =>
      repack(entry, effort, this.#compression).catch((error: unknown) => {
        // Stored as it is: the others of its batch must not go with it.
        level.fault("set", error);
        return entry;
      }),
    );
    await level.set(await Promise.all(smaller));
  }
}
