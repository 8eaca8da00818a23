/**
 * Adaptive, the default: three experts run a cache of their own on the same requests, on paper, and the real cache becomes what
 * the best of them would hold. LRU knows recency, S3-FIFO drops one-off requests quickly, LIRS keeps what is used at short
 * distances and so withstands loops; each of them fails somewhere, and rarely all at once.
 *
 * - Every expert sees every request and keeps its own set within the same number of bytes. A request that some experts have and
 *   others have not is a lesson: those that have it not are charged a miss. Old charges fade, so that a change of the
 *   traffic is followed.
 * - The victim is an entry that the best expert does not hold; among these one that the second does not hold either, and so on.
 *   There always is one, because the real cache is over the limit within which the best expert keeps its set. Entries are
 *   listed by which experts hold them, eight lists for three experts, so that the choice is O(1).
 * - After a change of mind nothing is thrown away at once: each miss brings the real cache one entry closer to the new best.
 *
 * Why experts on paper and not a parameter that is tuned on the way (ARC, the window of W-TinyLFU): such a policy hits only in
 * the family of sets that its parameter spans, and tuning by its own hits is slow when there are none, in a loop above all.
 *
 * Subramanian, Smaragdakis, Loh: "Adaptive caches: effective shaping of cache behavior to workloads", MICRO 2006 (imitation of
 * the better of two policies, with a bound on the misses); Ari et al.: "ACME: adaptive caching using multiple experts",
 * WDAS 2002. The order among several experts and the lists by holders are of this file. The cost of an entry plays no part.
 */
import type { Eviction } from "../eviction.ts";
import { keyedEviction } from "./keyed-eviction.ts";
import { LirsPolicy } from "./lirs.ts";
import { LruPolicy } from "./lru.ts";
import { S3FifoPolicy } from "./s3-fifo.ts";
import { Links, SlotList } from "./slot-list.ts";
import type { SlotPolicy } from "./slot-policy.ts";
import { NONE, type Column, type Slots } from "./slots.ts";

/**
 * Does what suits the traffic: recency, quick removal of one-off requests, or resistance to loops.
 *
 * It remembers about as much as the cache holds two or three times over: 500 to 650 bytes of memory for each entry, key and maps
 * included, where `lru` takes 170 to 230 (measured on Node 20).
 */
export function adaptive(): Eviction {
  return keyedEviction((slots) => new AdaptivePolicy(slots));
}

/**
 * Lessons after which a charge counts half, in resident entries. From 0.3 to 30 the mean hit rate over the recorded traces moves
 * by less than 0.1 points; below 1, two experts that keep different parts of a loop take turns.
 */
const HALF_LIFE = 2;
/** Lessons remembered by a cache of hardly any entries. */
const LEAST_ENTRIES = 10;

export class AdaptivePolicy implements SlotPolicy {
  /** In the order of preference while nothing is known. */
  readonly #experts: readonly SlotPolicy[];
  readonly #misses: Float64Array;
  /** Expert numbers, the best first. */
  readonly #ranking: number[];
  /** The sets of experts, as bits, in the order in which entries go that just these experts hold. */
  #order: readonly number[];
  readonly #all: number;
  readonly #residentBit: number;
  /** One bit for each expert that holds the slot, and one above them when it is really resident. */
  readonly #holders: Column<Uint8Array>;
  /** The resident slots, by the experts that hold them. */
  readonly #lists: readonly SlotList[];
  #entries = 0;
  #room = Infinity;

  constructor(slots: Slots) {
    this.#experts = [new LirsPolicy(slots), new LruPolicy(slots), new S3FifoPolicy(slots)];
    this.#misses = new Float64Array(this.#experts.length);
    this.#ranking = this.#experts.map((_, expert) => expert);
    this.#order = orderOfLeaving(this.#ranking);
    this.#all = this.#order.length - 1;
    this.#residentBit = this.#order.length;
    this.#holders = slots.bytes();
    const links = new Links(slots);
    this.#lists = this.#order.map(() => new SlotList(links));
  }

  get bytes(): number {
    return this.#lists.reduce((sum, list) => sum + list.bytes, 0);
  }

  hit(slot: number): void {
    const held = this.#holders.data[slot]! & this.#all;
    if (held === this.#all) for (const expert of this.#experts) expert.hit(slot);
    else this.#useUnevenly(slot, held);
  }

  admit(slot: number): void {
    const held = this.#holders.data[slot]!;
    this.#holders.data[slot] = held | this.#residentBit;
    this.#lists[held]!.pushFirst(slot);
    this.#entries++;
    this.hit(slot);
  }

  evict(): number {
    const best = this.#ranking[0]!;
    if (this.#entries === 0) return NONE;
    for (;;) {
      const holders = this.#firstToLeave();
      if ((holders & (1 << best)) === 0) {
        const slot = this.#lists[holders]!.takeLast();
        this.#entries--;
        this.#holders.data[slot] = holders;
        return slot;
      }
      // The tier has less room than the experts were told of: the best one chooses.
      this.#dropOne(best);
    }
  }

  remove(slot: number): void {
    const holders = this.#holders.data[slot]!;
    if ((holders & this.#residentBit) !== 0) {
      this.#lists[holders & this.#all]!.remove(slot);
      this.#entries--;
    }
    this.#holders.data[slot] = 0;
    for (const expert of this.#experts) expert.remove(slot);
  }

  resized(slot: number, delta: number): void {
    const holders = this.#holders.data[slot]!;
    if ((holders & this.#residentBit) !== 0) this.#lists[holders & this.#all]!.resized(delta);
    for (const expert of this.#experts) expert.resized(slot, delta);
    this.#trimAll();
  }

  resize(room: number): void {
    this.#room = room;
    for (const expert of this.#experts) expert.resize(room);
    this.#trimAll();
  }

  /** A use of a slot that not all experts hold: the others are charged a miss and take it in. */
  #useUnevenly(slot: number, held: number): void {
    if (held !== 0) this.#learn(held);
    this.#setHolders(slot, this.#all);
    for (let expert = 0; expert < this.#experts.length; expert++) {
      if ((held & (1 << expert)) !== 0) {
        this.#experts[expert]!.hit(slot);
      } else {
        this.#experts[expert]!.admit(slot);
        this.#trim(expert);
      }
    }
  }

  #learn(held: number): void {
    const kept = 1 - Math.LN2 / (HALF_LIFE * Math.max(LEAST_ENTRIES, this.#entries));
    for (let expert = 0; expert < this.#experts.length; expert++) {
      this.#misses[expert] = this.#misses[expert]! * kept + ((held & (1 << expert)) === 0 ? 1 : 0);
    }
    if (rank(this.#ranking, this.#misses)) this.#order = orderOfLeaving(this.#ranking);
  }

  /** The first in the order of leaving that has resident slots. */
  #firstToLeave(): number {
    let at = 0;
    while (this.#lists[this.#order[at]!]!.count === 0) at++;
    return this.#order[at]!;
  }

  #trimAll(): void {
    for (let expert = 0; expert < this.#experts.length; expert++) this.#trim(expert);
  }

  #trim(expert: number): void {
    while (this.#experts[expert]!.bytes > this.#room) this.#dropOne(expert);
  }

  #dropOne(expert: number): void {
    const slot = this.#experts[expert]!.evict();
    this.#setHolders(slot, this.#holders.data[slot]! & this.#all & ~(1 << expert));
  }

  #setHolders(slot: number, held: number): void {
    const before = this.#holders.data[slot]!;
    const residentBit = before & this.#residentBit;
    this.#holders.data[slot] = held | residentBit;
    if (residentBit === 0) return;
    this.#lists[before & this.#all]!.remove(slot);
    this.#lists[held]!.pushFirst(slot);
  }
}

/** Sorts the experts by their misses; equal ones keep their order. Tells whether anything moved. */
function rank(ranking: number[], misses: Float64Array): boolean {
  let moved = false;
  for (let end = 1; end < ranking.length; end++) {
    for (let at = end; at > 0 && misses[ranking[at]!]! < misses[ranking[at - 1]!]!; at--) {
      [ranking[at - 1], ranking[at]] = [ranking[at]!, ranking[at - 1]!];
      moved = true;
    }
  }
  return moved;
}

/** All sets of experts, by how dear what they hold is: the word of one expert outweighs that of all those below it. */
function orderOfLeaving(ranking: readonly number[]): readonly number[] {
  const worth = (experts: number): number =>
    ranking.reduce((sum, expert, place) => sum + (((experts >> expert) & 1) << (ranking.length - 1 - place)), 0);
  return Array.from({ length: 1 << ranking.length }, (_, experts) => experts).toSorted((a, b) => worth(a) - worth(b));
}
