/**
 * The questions that can be matched: a record of each in the store, its vector in the index.
 *
 * The two are never in step by force. A record without its vector is not found; a vector without its record is met, serves
 * nothing and is removed. Vectors are written behind the caller's back, in batches, and can be withdrawn until they are written,
 * so that a removal is final.
 */
import type { Guard } from "../../core/guard.ts";
import type { Digest } from "../../core/key.ts";
import { WriteBehind } from "../../core/write-behind.ts";
import type { VectorFilter, VectorIndex, VectorRecord } from "../../vectors/vector-index.ts";
import { scopeMark } from "../tags.ts";
import type { TieredStore } from "../tiered-store.ts";
import { encodeRecord, readRecord, recordKey, type PlacedRecord, type QuestionRecord } from "./question-record.ts";

/** Where a question belongs. */
export interface QuestionPlace {
  readonly scope: Digest;
  readonly within: readonly Digest[];
  readonly family: Digest;
  readonly id: Digest;
}

export interface Neighbour {
  readonly id: Digest;
  /** Cosine, -1 to 1. */
  readonly similarity: number;
  readonly record: QuestionRecord;
}

/** What is removed: a scope with the scopes within it, what has certain tags, both, or everything. */
export interface Selection {
  readonly scope?: Digest | undefined;
  readonly matches?: ((tags: readonly string[]) => boolean) | undefined;
}

export interface QuestionsOptions {
  readonly store: TieredStore;
  readonly index: VectorIndex;
  readonly guard: Guard;
  /** Told of failures in work that nobody waits for. */
  readonly onError: (error: unknown) => void;
}

interface WaitingVector {
  readonly partition: Digest;
  readonly vector: VectorRecord;
  /** As in the store. */
  readonly tags: readonly string[];
}

/** On every record: by it records are told from answers. Users' tags hold no control characters. */
const QUESTION_MARK = "\u0001question";
/** On every vector. A vector has at most eight tags; a scope lies within at most six. */
export const EVERY_VECTOR = "question";
const MAX_QUEUED_BYTES = 32 * 1024 * 1024;
const WRITE_DEADLINE_MS = 10_000;
const REMOVAL_BATCH = 500;

export class Questions {
  readonly #options: QuestionsOptions;
  readonly #vectors: WriteBehind<WaitingVector>;
  /** Counts removals, at their beginning and end: what began before one must not be written after it. */
  #epoch = 0;
  #faultsSeen = 0;
  written = 0;
  dropped = 0;

  constructor(options: QuestionsOptions) {
    this.#options = options;
    this.#vectors = new WriteBehind<WaitingVector>({
      write: (batch) => this.#writeVectors(batch),
      sizeOf: ({ vector }) => vector.vector.byteLength + 512,
      maxBytes: MAX_QUEUED_BYTES,
      onError: (error, batch) => {
        this.dropped += batch.length;
        options.onError(error);
      },
    });
  }

  /** To be given to `put`: a removal since then makes it write nothing. */
  get epoch(): number {
    return this.#epoch;
  }

  async get(scope: Digest, family: Digest, id: Digest): Promise<QuestionRecord | undefined> {
    const found = await this.#options.store.get(recordKey(family, id), scope, readRecord);
    return found?.value.record;
  }

  /**
   * Remembers a question; replaces what was remembered of it.
   * @param cost milliseconds that its answer saves
   * @returns whether it was written
   */
  async put(
    place: QuestionPlace,
    record: QuestionRecord,
    vector: Float32Array | undefined,
    cost: number,
    epoch: number = this.#epoch,
  ): Promise<boolean> {
    if (epoch !== this.#epoch) return false;
    const { scope, within, family, id } = place;
    const key = recordKey(family, id);
    const tags = [QUESTION_MARK, ...record.tags, ...within.map(scopeMark)];
    const { partition, expiresAt } = record;
    const value: PlacedRecord = { family, id, record };
    const stored = this.#options.store.set({
      ...{ key, scope, value, tags, expiresAt, cost },
      payload: encodeRecord(record, family, id),
    });
    if (vector !== undefined && partition !== undefined) {
      const added: VectorRecord = { id, vector, tags: [EVERY_VECTOR, scope, ...within], expiresAt };
      try {
        this.#vectors.put(`${partition} ${id}`, { partition, vector: added, tags: [...tags, scopeMark(scope)] });
        this.written++;
      } catch (error) {
        this.dropped++;
        this.#options.onError(error);
      }
    }
    await stored;
    return true;
  }

  /**
   * The questions nearest to a vector, nearest first.
   * @param patient for an operator, who can wait for an index that is still being read
   * @throws what the guard and the index throw
   */
  async near(
    place: Omit<QuestionPlace, "within">,
    partition: Digest,
    vector: Float32Array,
    k: number,
    patient = false,
  ): Promise<readonly Neighbour[]> {
    const { index, guard } = this.#options;
    const deadline = patient ? { deadlineMs: WRITE_DEADLINE_MS } : {};
    const matches = await guard.run((options) => index.search(partition, vector, { k, ...options }), deadline);
    const records = await Promise.all(matches.slice(0, k).map(({ id }) => this.get(place.scope, place.family, id)));
    const found: Neighbour[] = [];
    const gone: Digest[] = [];
    for (const [at, { id, similarity }] of matches.slice(0, k).entries()) {
      const record = records[at];
      if (record === undefined) gone.push(id);
      // An index that mixes partitions up is not believed.
      else if (record.partition === partition && Number.isFinite(similarity)) found.push({ id, similarity, record });
    }
    if (gone.length > 0 && this.#isStoreWell()) void this.#removeVectors({ partition, ids: gone });
    return found.toSorted((a, b) => b.similarity - a.similarity);
  }

  /** Forgets a question. */
  async drop(family: Digest, id: Digest, partition: Digest | undefined): Promise<void> {
    const name = `${partition} ${id}`;
    await this.#options.store.delete([recordKey(family, id)]);
    await this.#vectors.withdraw((_waiting, key) => key === name);
    if (partition !== undefined) await this.#removeVectors({ partition, ids: [id] });
  }

  /**
   * Runs a removal from the store, and removes what it selects from the index and the queue.
   * @returns what the removal gives; how many vectors went; what went wrong at the index
   */
  async removing<T>(
    { scope, matches }: Selection,
    remove: () => Promise<T>,
  ): Promise<{ readonly result: T; readonly vectors: number; readonly failure: string | undefined }> {
    this.#epoch++;
    try {
      const mark = scope === undefined ? undefined : scopeMark(scope);
      const isSelected = (tags: readonly string[]): boolean =>
        (mark === undefined || tags.includes(mark)) && (matches === undefined || matches(tags));
      const places = matches === undefined ? undefined : await this.#placesOf(scope, matches);
      const result = await remove();
      const withdrawn = await this.#vectors.withdraw(({ tags }) => isSelected(tags));
      const failures: string[] = [];
      let vectors = withdrawn;
      const gone = async (filter: VectorFilter): Promise<void> => {
        const removed = await this.#removeVectors(filter);
        if (typeof removed === "number") vectors += removed;
        else failures.push(removed.failure);
      };
      if (places === undefined) await gone({ tag: scope ?? EVERY_VECTOR });
      else for (const [partition, ids] of places) await gone({ partition, ids });
      return { result, vectors, failure: failures[0] };
    } finally {
      this.#epoch++;
    }
  }

  /** Every question that is remembered, or those of a scope and the scopes within it, in no order. */
  async *all(scope?: Digest): AsyncGenerator<PlacedRecord> {
    for await (const { payload } of this.#options.store.scan((tags, owner) => isQuestion(tags) && isWithin(tags, owner, scope))) {
      const placed = tryRead(payload);
      if (placed !== undefined) yield placed;
    }
  }

  async flush(): Promise<void> {
    await this.#vectors.drain();
  }

  async close(): Promise<void> {
    await this.#options.index.close();
  }

  async #placesOf(scope: Digest | undefined, matches: (tags: readonly string[]) => boolean): Promise<Map<Digest, Digest[]>> {
    const places = new Map<Digest, Digest[]>();
    const selected = this.#options.store.scan((tags, owner) => isQuestion(tags) && matches(tags) && isWithin(tags, owner, scope));
    for await (const { payload } of selected) {
      const { id, record } = tryRead(payload) ?? {};
      if (id === undefined || record?.partition === undefined) continue;
      const ids = places.get(record.partition) ?? [];
      places.set(record.partition, [...ids, id]);
    }
    return places;
  }

  async #writeVectors(batch: readonly WaitingVector[]): Promise<void> {
    const { index, guard } = this.#options;
    const partitions = new Map<Digest, VectorRecord[]>();
    for (const { partition, vector } of batch) partitions.set(partition, [...(partitions.get(partition) ?? []), vector]);
    for (const [partition, records] of partitions) {
      await guard.run((options) => index.add(partition, records, options), { deadlineMs: WRITE_DEADLINE_MS });
    }
  }

  async #removeVectors(filter: VectorFilter): Promise<number | { readonly failure: string }> {
    const { index, guard, onError } = this.#options;
    const { ids = [undefined], ...rest } = filter;
    let removed = 0;
    try {
      for (let from = 0; from < ids.length; from += REMOVAL_BATCH) {
        const some = ids.slice(from, from + REMOVAL_BATCH) as Digest[];
        const part = filter.ids === undefined ? rest : { ...rest, ids: some };
        removed += await guard.run((options) => index.remove(part, options), { deadlineMs: WRITE_DEADLINE_MS });
      }
      return removed;
    } catch (error) {
      onError(error);
      return { failure: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Whether what the store did not find is not there: a tier that fails finds nothing either. */
  #isStoreWell(): boolean {
    const { tiers } = this.#options.store.stats();
    const faults = tiers.reduce((sum, tier) => sum + tier.faults, 0);
    const isWell = faults === this.#faultsSeen && tiers.every(({ state }) => state === "on");
    this.#faultsSeen = faults;
    return isWell;
  }
}

export function isQuestion(tags: readonly string[]): boolean {
  return tags.includes(QUESTION_MARK);
}

function isWithin(tags: readonly string[], owner: Digest | undefined, scope: Digest | undefined): boolean {
  return scope === undefined || owner === scope || tags.includes(scopeMark(scope));
}

function tryRead(payload: Buffer): PlacedRecord | undefined {
  try {
    return readRecord(payload);
  } catch {
    return undefined;
  }
}
