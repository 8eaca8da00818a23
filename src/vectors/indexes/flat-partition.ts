/**
 * The vectors of one partition, in slots without gaps: what is removed gives its slot to the last one. Up to
 * {@link EXACT_UP_TO} vectors a search goes through all of them as they are; above, it goes through their 8-bit codes
 * (`flat-codes.ts`), and through the vectors of a shortlist.
 */
import { setImmediate } from "node:timers/promises";
import type { CallOptions } from "../../core/abort.ts";
import { cosine, type AcceptedRecord, type AcceptedSearch } from "../accepted.ts";
import type { VectorMatch } from "../vector-index.ts";
import { FlatCodes, SCORED_AT_ONCE } from "./flat-codes.ts";
import { Nearest } from "./nearest.ts";

/** One vector in its place. */
export interface FlatEntry {
  readonly id: string;
  readonly partition: FlatPartition;
  slot: number;
  tags: readonly string[];
  /** Unix ms; `Infinity` = never. */
  expiresAt: number;
  /** The entries that were added before and after, in whatever partition. */
  older: FlatEntry | undefined;
  newer: FlatEntry | undefined;
}

/** So many vectors are gone through in JavaScript within 2 ms at 384 dimensions; a memory of its own for each partition pays above. */
const EXACT_UP_TO = 2_048;
/** Vectors in one array: arrays are added, never copied, once the first has this size. Small, as room that is not used counts. */
const CHUNK = 64;
/** Of the codes' best, so many are weighed exactly; recall@5 was 1.000 on every set that was measured. */
const SHORTLIST = 64;
const SHORTLIST_PER_RESULT = 4;
/** Bytes gone through before the event loop gets its turn: about 3 ms. */
const SLICE = 64 * 1024 * 1024;
/** What an entry takes beside its vector: the object, its id, its places in a map and a list; estimated from the heap. */
const ENTRY_BYTES = 400;
/** What a partition takes beside its entries: its objects, and the rooms that its lists begin with; estimated from the heap. */
const PARTITION_BYTES = 1_000;

export class FlatPartition {
  readonly name: string;
  readonly dimensions: number;
  readonly #entries: FlatEntry[] = [];
  readonly #byId = new Map<string, FlatEntry>();
  readonly #chunks: Float32Array[] = [];
  /** Vectors that there is room for. */
  #capacity = 0;
  #codes: FlatCodes | undefined;
  /** Where codes cannot be made, large partitions are gone through as small ones are. */
  #codesRefused = false;

  constructor(name: string, dimensions: number) {
    this.name = name;
    this.dimensions = dimensions;
  }

  get size(): number {
    return this.#entries.length;
  }

  /** What it takes, with the room that is not used yet. */
  get bytes(): number {
    return PARTITION_BYTES + 4 * this.dimensions * this.#capacity + this.#entries.length * this.#beside;
  }

  /** Bytes that one entry more takes. */
  get growth(): number {
    return 4 * this.dimensions * (roomFor(this.#entries.length + 1, this.#capacity) - this.#capacity) + this.#beside;
  }

  /** Bytes that a partition of one vector takes. */
  static bytesOfOne(dimensions: number): number {
    return PARTITION_BYTES + 4 * dimensions + ENTRY_BYTES;
  }

  /** Bytes that an entry takes beside its vector. */
  get #beside(): number {
    return (this.#codes?.stride ?? 0) + ENTRY_BYTES;
  }

  entries(): readonly FlatEntry[] {
    return this.#entries;
  }

  find(id: string): FlatEntry | undefined {
    return this.#byId.get(id);
  }

  /** A view; it holds until the next change. */
  vectorOf({ slot }: FlatEntry): Float32Array {
    return this.#vectorAt(slot);
  }

  /** Adds an entry whose id is not there. */
  add({ id, vector, tags, expiresAt }: AcceptedRecord): FlatEntry {
    const slot = this.#entries.length;
    const entry: FlatEntry = { id, partition: this, slot, tags, expiresAt, older: undefined, newer: undefined };
    this.#entries.push(entry);
    this.#byId.set(id, entry);
    this.#reserve(slot + 1);
    this.#vectorAt(slot).set(vector);
    this.#encode(slot, vector);
    return entry;
  }

  remove({ id, slot }: FlatEntry): void {
    this.#byId.delete(id);
    const last = this.#entries.pop() as FlatEntry;
    if (last.slot !== slot) {
      this.#entries[slot] = last;
      this.#vectorAt(slot).set(this.#vectorAt(last.slot));
      this.#codes?.move(last.slot, slot);
      last.slot = slot;
    }
    this.#release();
    // Far below, so that codes are not made and dropped in turn.
    if (this.#entries.length < EXACT_UP_TO / 4) this.#codes = undefined;
  }

  /**
   * The nearest entries, nearest first. Beyond {@link SLICE} bytes it lets the event loop have its turn; what is added, removed or
   * moved meanwhile may be missed.
   */
  async search(request: AcceptedSearch, now: number, { signal }: CallOptions): Promise<VectorMatch[]> {
    const codes = this.#codes;
    if (codes === undefined) return this.#exact(request, this.#entries, now);
    const nearest = new Nearest(Math.max(SHORTLIST, SHORTLIST_PER_RESULT * request.k));
    const scores = new Float32Array(SCORED_AT_ONCE);
    const sliceLength = Math.max(1, Math.floor(SLICE / (codes.stride * SCORED_AT_ONCE))) * SCORED_AT_ONCE;
    let shortlist: FlatEntry[] = [];
    for (let from = 0; from < this.#entries.length; from += sliceLength) {
      if (from > 0) {
        await setImmediate();
        signal?.throwIfAborted();
        if (this.#codes !== codes) return this.#exact(request, this.#entries, now);
      }
      this.#scan(codes, request, now, from, from + sliceLength, nearest, scores);
      // Slots mean something only until the next turn.
      shortlist = shortlist.concat(
        Array.from(nearest.slots(), (slot) => this.#entries[slot]).filter((entry) => entry !== undefined),
      );
    }
    return this.#exact(request, new Set(shortlist), now);
  }

  #scan(
    codes: FlatCodes,
    { vector, tag }: AcceptedSearch,
    now: number,
    from: number,
    to: number,
    nearest: Nearest,
    scores: Float32Array,
  ): void {
    codes.ask(vector);
    const end = Math.min(to, this.#entries.length);
    for (let block = from; block < end; block += SCORED_AT_ONCE) {
      const count = Math.min(SCORED_AT_ONCE, end - block);
      codes.score(block, count, scores);
      for (let index = 0; index < count; index++) {
        const score = scores[index] as number;
        if (score > nearest.bar && isWanted(this.#entries[block + index] as FlatEntry, tag, now)) {
          nearest.offer(block + index, score);
        }
      }
    }
  }

  #exact({ vector, k, tag }: AcceptedSearch, entries: Iterable<FlatEntry>, now: number): VectorMatch[] {
    const found: { entry: FlatEntry; similarity: number }[] = [];
    let bar = -Infinity;
    for (const entry of entries) {
      // Of a shortlist some may be gone by now.
      if (!isWanted(entry, tag, now) || this.#entries[entry.slot] !== entry) continue;
      const similarity = cosine(vector, this.#vectorAt(entry.slot));
      if (similarity <= bar) continue;
      found.push({ entry, similarity });
      if (found.length < 2 * k + SHORTLIST) continue;
      cut(found, k);
      bar = found.at(-1)?.similarity ?? bar;
    }
    return cut(found, k).map(({ entry, similarity }) => ({ id: entry.id, similarity }));
  }

  #vectorAt(slot: number): Float32Array {
    const at = (slot % CHUNK) * this.dimensions;
    return (this.#chunks[Math.floor(slot / CHUNK)] as Float32Array).subarray(at, at + this.dimensions);
  }

  #reserve(count: number): void {
    const capacity = roomFor(count, this.#capacity);
    if (capacity === this.#capacity) return;
    const first = this.#chunks[0];
    if (capacity > CHUNK) this.#chunks.push(new Float32Array(CHUNK * this.dimensions));
    else {
      this.#chunks[0] = new Float32Array(capacity * this.dimensions);
      if (first !== undefined) this.#chunks[0].set(first);
    }
    this.#capacity = capacity;
  }

  /** Gives back a chunk that holds nothing; the first one shrinks by half where a quarter is used, so that it does not grow again at once. */
  #release(): void {
    const count = this.#entries.length;
    while (this.#capacity > CHUNK && count <= this.#capacity - CHUNK) {
      this.#chunks.pop();
      this.#capacity -= CHUNK;
    }
    if (this.#capacity > CHUNK || count === 0 || count > this.#capacity / 4) return;
    this.#capacity /= 2;
    this.#chunks[0] = (this.#chunks[0] as Float32Array).slice(0, this.#capacity * this.dimensions);
  }

  #encode(slot: number, vector: Float32Array): void {
    if (this.#codes !== undefined) {
      if (!this.#codes.put(slot, vector)) this.#refuseCodes();
      return;
    }
    if (this.#codesRefused || this.#entries.length <= EXACT_UP_TO) return;
    const codes = FlatCodes.make(this.dimensions);
    if (codes === undefined) return this.#refuseCodes();
    for (let each = 0; each <= slot; each++) if (!codes.put(each, this.#vectorAt(each))) return this.#refuseCodes();
    this.#codes = codes;
  }

  #refuseCodes(): void {
    this.#codes = undefined;
    this.#codesRefused = true;
  }
}

/** Vectors that a partition makes room for: twice as many as before up to a chunk, as most partitions hold one or two; then chunks. */
function roomFor(count: number, capacity: number): number {
  if (count <= capacity) return capacity;
  return capacity < CHUNK ? Math.max(1, 2 * capacity) : capacity + CHUNK;
}

function isWanted({ tags, expiresAt }: FlatEntry, tag: string | undefined, now: number): boolean {
  return expiresAt > now && (tag === undefined || tags.includes(tag));
}

/** Leaves the first `k`, in order. */
function cut<T extends { similarity: number }>(found: T[], k: number): T[] {
  found.sort((a, b) => b.similarity - a.similarity);
  found.length = Math.min(found.length, k);
  return found;
}
