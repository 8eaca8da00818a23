/** All partitions of a flat index, within a bound: when it is reached, what was added first goes first, of whatever partition. */
import { acceptDimensions, type AcceptedRecord } from "../accepted.ts";
import type { VectorFilter } from "../vector-index.ts";
import { FlatPartition, type FlatEntry } from "./flat-partition.ts";

export interface FlatLimits {
  readonly maxVectors: number;
  readonly maxBytes: number;
}

export class FlatMemory {
  readonly #limits: FlatLimits;
  readonly #partitions = new Map<string, FlatPartition>();
  #oldest: FlatEntry | undefined;
  #newest: FlatEntry | undefined;
  #vectors = 0;
  #bytes = 0;

  constructor(limits: FlatLimits) {
    this.#limits = limits;
  }

  get vectors(): number {
    return this.#vectors;
  }

  get bytes(): number {
    return this.#bytes;
  }

  partition(name: string): FlatPartition | undefined {
    return this.#partitions.get(name);
  }

  /** @throws {@link StrataConfigError} when the dimensions are not those of the partition */
  check(name: string, records: readonly AcceptedRecord[]): void {
    const dimensions = this.#partitions.get(name)?.dimensions;
    const first = records[0];
    if (dimensions !== undefined && first !== undefined) acceptDimensions("record.vector", first.vector, dimensions);
  }

  /** Adds or replaces a record that was checked. */
  put(name: string, record: AcceptedRecord): void {
    const known = this.#partitions.get(name)?.find(record.id);
    if (known !== undefined) this.drop(known);
    // Before, so that no room is made for what then has to make way.
    while (this.#oldest !== undefined && this.#isFull(name, record.vector.length)) this.drop(this.#oldest);
    let partition = this.#partitions.get(name);
    const before = partition?.bytes ?? 0;
    if (partition === undefined) this.#partitions.set(name, (partition = new FlatPartition(name, record.vector.length)));
    this.#append(partition.add(record));
    this.#bytes += partition.bytes - before;
    this.#vectors++;
  }

  drop(entry: FlatEntry): void {
    const { partition } = entry;
    const before = partition.bytes;
    partition.remove(entry);
    this.#vectors--;
    this.#unlink(entry);
    if (partition.size === 0) this.#partitions.delete(partition.name);
    this.#bytes += (partition.size === 0 ? 0 : partition.bytes) - before;
  }

  clear(): void {
    for (const entry of this.all()) this.drop(entry);
  }

  /** Drops what has expired. */
  sweep(now: number): void {
    for (const entry of this.all()) if (entry.expiresAt <= now) this.drop(entry);
  }

  /** What matches every part of the filter. */
  matching({ partition, ids, tag }: VectorFilter): FlatEntry[] {
    const named = partition === undefined ? undefined : this.#partitions.get(partition);
    const partitions = partition === undefined ? [...this.#partitions.values()] : named === undefined ? [] : [named];
    const entries = partitions.flatMap((each) => {
      if (ids === undefined) return each.entries();
      return ids.map((id) => each.find(id)).filter((entry) => entry !== undefined);
    });
    return tag === undefined ? entries : entries.filter(({ tags }) => tags.includes(tag));
  }

  /** Oldest first. The one that was given last may be dropped. */
  *all(): Iterable<FlatEntry> {
    for (let entry = this.#oldest; entry !== undefined;) {
      const { newer } = entry;
      yield entry;
      entry = newer;
    }
  }

  /** Whether one vector more in a partition is one too many. */
  #isFull(name: string, dimensions: number): boolean {
    const growth = this.#partitions.get(name)?.growth ?? FlatPartition.bytesOfOne(dimensions);
    return this.#vectors >= this.#limits.maxVectors || this.#bytes + growth > this.#limits.maxBytes;
  }

  #append(entry: FlatEntry): void {
    entry.older = this.#newest;
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
  }

  #unlink(entry: FlatEntry): void {
    const { older, newer } = entry;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    entry.older = entry.newer = undefined;
  }
}
