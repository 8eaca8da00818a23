/**
 * What the cache explorer knows of every entry, in columns: some 60 bytes an entry and its words, so that a million fit into the
 * process that serves them, and a search is one pass over typed arrays and one over bytes.
 *
 * - Rows are found by key through an open-addressing table over the keys' first bytes; keys are SHA-256, so they are spread already.
 * - Words of all rows lie in one buffer, folded, each row ended by a line feed. `Buffer.indexOf` goes through it at memory speed; the
 *   row of a place is found by bisection.
 * - A page is a bounded selection (the best `limit` behind a cursor) in one pass. Nothing is ever sorted whole: sorting a million rows
 *   would hold up the host application for a second.
 */
import type { Digest } from "../../core/key.ts";

/** A row as it is given in. */
export interface EntryRow {
  readonly key: Digest;
  readonly scope: Digest | undefined;
  /** Position of the tier among the cache's. */
  readonly tier: number;
  readonly createdAt: number;
  /** Unix ms; 0 = never. */
  readonly expiresAt: number;
  /** Milliseconds that a hit saves. */
  readonly cost: number;
  readonly bytes: number;
  /** Folded words to be searched. */
  readonly words: string;
}

export type EntryOrder = "newest" | "oldest" | "largest" | "costliest";

export interface EntrySelection {
  /** Folded; every one must occur in the row's words. */
  readonly words: readonly string[];
  /** Rows whose key begins so are found too; cut to whole bytes. `""` = none. */
  readonly keyStart: string;
  /** Bit mask of tiers; 0 = any. */
  readonly tiers: number;
  readonly order: EntryOrder;
  readonly limit: number;
  /** The last row of the page before; -1 = the first page. */
  readonly after: number;
}

export interface EntryPage {
  readonly rows: readonly number[];
  /** Rows that match, on all pages. */
  readonly total: number;
}

const KEY_BYTES = 32;
const END = 0x0a;

/** Rows are looked at one by one where they are fewer than one in so many; going through all texts is quicker beyond. */
const FEW = 16;

export class EntryTable {
  #size = 0;
  #gone = 0;
  #keys = Buffer.alloc(0);
  #scopes = Buffer.alloc(0);
  #tiers = new Uint32Array(0);
  #created = new Float64Array(0);
  #expires = new Float64Array(0);
  #costs = new Float32Array(0);
  #bytes = new Float64Array(0);
  /** Where the words of each row begin. */
  #starts = new Float64Array(0);
  #words = Buffer.alloc(0);
  #wordsEnd = 0;
  /** Row + 1 by the key's first bytes; 0 = free. */
  #slots = new Uint32Array(0);

  /** Entries that are there. */
  get size(): number {
    return this.#size - this.#gone;
  }

  /** About how many bytes the table takes. */
  get memory(): number {
    const rows = this.#tiers.length * (2 * KEY_BYTES + 4 + 8 + 8 + 4 + 8 + 8);
    return rows + this.#words.length + this.#slots.byteLength;
  }

  /** Adds a row; one that is there is noted to lie in this tier too. */
  add(row: EntryRow): void {
    const key = Buffer.from(row.key, "base64url");
    if (key.length !== KEY_BYTES) return;
    if ((this.#size + 1) * 2 > this.#slots.length) this.#grow();
    const slot = this.#slotOf(key);
    const known = this.#slots[slot] ?? 0;
    if (known !== 0) {
      this.#tiers[known - 1] = (this.#tiers[known - 1] ?? 0) | (1 << row.tier);
      return;
    }
    const at = this.#size++;
    this.#slots[slot] = at + 1;
    key.copy(this.#keys, at * KEY_BYTES);
    if (row.scope !== undefined) this.#scopes.write(row.scope, at * KEY_BYTES, "base64url");
    this.#tiers[at] = 1 << row.tier;
    this.#created[at] = row.createdAt;
    this.#expires[at] = row.expiresAt;
    this.#costs[at] = row.cost;
    this.#bytes[at] = row.bytes;
    this.#starts[at] = this.#wordsEnd;
    this.#addWords(row.words);
  }

  /** The row of an entry that is there; -1 = none. */
  rowOf(key: Digest): number {
    const row = this.placeOf(key);
    return row >= 0 && this.#tiers[row] === 0 ? -1 : row;
  }

  /** The row of a key, also of one that was removed: a page may go on from it. -1 = never seen. */
  placeOf(key: Digest): number {
    const bytes = Buffer.from(key, "base64url");
    if (bytes.length !== KEY_BYTES || this.#slots.length === 0) return -1;
    return (this.#slots[this.#slotOf(bytes)] ?? 0) - 1;
  }

  /** The entry is gone from every tier. */
  remove(key: Digest): void {
    const row = this.rowOf(key);
    if (row < 0) return;
    this.#tiers[row] = 0;
    this.#gone++;
  }

  keyAt(row: number): Digest {
    return this.#keys.toString("base64url", row * KEY_BYTES, (row + 1) * KEY_BYTES);
  }

  /** `undefined` where the tier did not tell. */
  scopeAt(row: number): Digest | undefined {
    const scope = this.#scopes.subarray(row * KEY_BYTES, (row + 1) * KEY_BYTES);
    return scope.every((byte) => byte === 0) ? undefined : scope.toString("base64url");
  }

  at(row: number): { tiers: number; createdAt: number; expiresAt: number; cost: number; bytes: number } {
    return {
      tiers: this.#tiers[row] ?? 0,
      createdAt: this.#created[row] ?? 0,
      expiresAt: this.#expires[row] ?? 0,
      cost: this.#costs[row] ?? 0,
      bytes: this.#bytes[row] ?? 0,
    };
  }

  /** One page of the rows that match and have not ended by `now`. */
  select(selection: EntrySelection, now: number): EntryPage {
    const { tiers, order, limit, after } = selection;
    const matching = this.#matching(selection);
    const better = this.#comparison(order);
    // The best rows so far, best first; short, so insertion is quicker than a heap.
    const best: number[] = [];
    let total = 0;
    for (let row = 0; row < this.#size; row++) {
      const own = this.#tiers[row] ?? 0;
      if (own === 0 || (tiers !== 0 && (own & tiers) === 0) || (matching !== undefined && matching[row] !== 1)) continue;
      const end = this.#expires[row] ?? 0;
      if (end !== 0 && end <= now) continue;
      total++;
      if (after >= 0 && !better(after, row)) continue;
      const last = best.at(-1);
      if (best.length === limit && last !== undefined && !better(row, last)) continue;
      let place = best.length;
      while (place > 0 && better(row, best[place - 1] as number)) place--;
      best.splice(place, 0, row);
      if (best.length > limit) best.pop();
    }
    return { rows: best, total };
  }

  /** 1 for every row that has all words; `undefined` = no words were asked for. */
  #matching({ words, keyStart }: EntrySelection): Uint8Array | undefined {
    if (words.length === 0) return undefined;
    const matching = new Uint8Array(this.#size);
    const text = this.#words.subarray(0, this.#wordsEnd);
    // The longest word is most likely the rarest: the others are looked for in its rows alone, where those are few.
    const needles = words.map((word) => Buffer.from(word)).toSorted((one, other) => other.length - one.length);
    let found: number[] | undefined;
    for (const [index, needle] of needles.entries()) {
      const rows: number[] = [];
      const has = (row: number): boolean => matching[row] === index;
      if (found !== undefined && found.length < this.#size / FEW) {
        for (const row of found) if (text.subarray(this.#starts[row], this.#endOf(row)).includes(needle)) rows.push(row);
      } else {
        let row = 0;
        for (let at = text.indexOf(needle); at >= 0;) {
          row = this.#rowAround(at, row);
          if (has(row)) rows.push(row);
          at = text.indexOf(needle, this.#endOf(row));
        }
      }
      for (const row of rows) matching[row] = index + 1;
      found = rows;
    }
    for (let row = 0; row < this.#size; row++) matching[row] = matching[row] === words.length ? 1 : 0;
    const start = Buffer.from(keyStart.slice(0, Math.floor(keyStart.length / 4) * 4), "base64url");
    for (let row = 0; start.length > 0 && row < this.#size; row++) {
      const at = row * KEY_BYTES;
      if (this.#keys[at] !== start[0]) continue;
      if (this.#keys.compare(start, 0, start.length, at, at + start.length) === 0) matching[row] = 1;
    }
    return matching;
  }

  #endOf(row: number): number {
    return row + 1 < this.#size ? (this.#starts[row + 1] ?? 0) : this.#wordsEnd;
  }

  /** The row, from `low` on, whose words hold this place. */
  #rowAround(place: number, low: number): number {
    // Where most rows match, it is the next one.
    for (let step = 0; step < 2; step++, low++) if (place < this.#endOf(low)) return low;
    let high = this.#size - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if ((this.#starts[middle] ?? 0) <= place) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Whether one row comes before another; ties go to the later row, so that the order is total. */
  #comparison(order: EntryOrder): (one: number, other: number) => boolean {
    const column = { newest: this.#created, oldest: this.#created, largest: this.#bytes, costliest: this.#costs }[order];
    const sign = order === "oldest" ? -1 : 1;
    return (one, other) => {
      const difference = ((column[one] ?? 0) - (column[other] ?? 0)) * sign;
      return difference === 0 ? one > other : difference > 0;
    };
  }

  #slotOf(key: Buffer): number {
    const mask = this.#slots.length - 1;
    let slot = key.readUInt32LE(0) & mask;
    for (;;) {
      const row = (this.#slots[slot] ?? 0) - 1;
      if (row < 0 || this.#keys.compare(key, 0, KEY_BYTES, row * KEY_BYTES, (row + 1) * KEY_BYTES) === 0) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #addWords(words: string): void {
    const most = words.length * 3 + 1;
    if (this.#wordsEnd + most > this.#words.length) {
      const grown = Buffer.allocUnsafe(Math.max(64 * 1024, this.#words.length * 2, this.#wordsEnd + most));
      this.#words.copy(grown, 0, 0, this.#wordsEnd);
      this.#words = grown;
    }
    this.#wordsEnd += this.#words.write(words, this.#wordsEnd);
    this.#words[this.#wordsEnd++] = END;
  }

  #grow(): void {
    const rows = Math.max(1024, this.#tiers.length * 2);
    const bytes = (old: Buffer): Buffer<ArrayBuffer> => {
      const grown = Buffer.alloc(rows * KEY_BYTES);
      old.copy(grown);
      return grown;
    };
    this.#keys = bytes(this.#keys);
    this.#scopes = bytes(this.#scopes);
    this.#tiers = grown(new Uint32Array(rows), this.#tiers);
    this.#created = grown(new Float64Array(rows), this.#created);
    this.#expires = grown(new Float64Array(rows), this.#expires);
    this.#costs = grown(new Float32Array(rows), this.#costs);
    this.#bytes = grown(new Float64Array(rows), this.#bytes);
    this.#starts = grown(new Float64Array(rows), this.#starts);
    this.#slots = new Uint32Array(rows * 2);
    for (let row = 0; row < this.#size; row++) {
      this.#slots[this.#slotOf(this.#keys.subarray(row * KEY_BYTES, (row + 1) * KEY_BYTES))] = row + 1;
    }
  }
}

function grown<T extends Uint32Array | Float64Array | Float32Array>(larger: T, old: T): T {
  larger.set(old);
  return larger;
}
