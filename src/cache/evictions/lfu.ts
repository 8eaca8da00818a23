/**
 * LFU with dynamic ageing: what was used the least goes first, and a count is worth less the longer ago it was earned. Every
 * entry has a rank, its uses plus the rank of the last entry that went when it was used; so a newcomer starts level with
 * what is about to go, and yesterday's favourite is overtaken once enough entries have gone since. Plain LFU never forgets
 * and ends full of such favourites: over the recorded traces it is 6 points of hit rate worse than this.
 *
 * Arlitt, Cherkasova, Dilley, Friedrich, Jin: "Evaluating content management techniques for web proxy caches", ACM SIGMETRICS
 * Performance Evaluation Review 27(4), 2000 (LFU-DA). In O(1) by a list for each rank, as in Shah, Mitra, Matani: "An O(1)
 * algorithm for implementing the LFU cache eviction scheme", 2010; ranks are whole numbers, so the lowest one is found by
 * counting up, no further than uses have been counted.
 */
import type { Eviction } from "../eviction.ts";
import { keyedEviction } from "./keyed-eviction.ts";
import { Links, SlotList } from "./slot-list.ts";
import type { SlotPolicy } from "./slot-policy.ts";
import { NONE, type Column, type Slots } from "./slots.ts";

/** Evicts what was used the least, with old uses counting less; the least recently used among equals. */
export function lfu(): Eviction {
  return keyedEviction((slots) => new LfuPolicy(slots));
}

class LfuPolicy implements SlotPolicy {
  readonly #slots: Slots;
  /** Uses since the slot became resident; 0 = not resident. */
  readonly #uses: Column<Int32Array>;
  readonly #rank: Column<Float64Array>;
  readonly #lists = new Map<number, SlotList>();
  readonly #spare: SlotList[] = [];
  readonly #links: Links;
  /** The rank of the last entry that went; none that is resident has a lower one. */
  #age = 0;
  #bytes = 0;

  constructor(slots: Slots) {
    this.#slots = slots;
    this.#uses = slots.integers();
    this.#rank = slots.floats();
    this.#links = new Links(slots);
  }

  get bytes(): number {
    return this.#bytes;
  }

  hit(slot: number): void {
    this.#takeOut(slot);
    this.#putIn(slot);
  }

  admit(slot: number): void {
    this.#slots.hold(slot);
    this.#bytes += this.#slots.size.data[slot]!;
    this.#putIn(slot);
  }

  evict(): number {
    if (this.#lists.size === 0) return NONE;
    let lowest = this.#lists.get(this.#age);
    while (lowest === undefined) lowest = this.#lists.get(++this.#age);
    const slot = lowest.last;
    this.remove(slot);
    return slot;
  }

  remove(slot: number): void {
    if (this.#uses.data[slot] === 0) return;
    this.#takeOut(slot);
    this.#uses.data[slot] = 0;
    this.#bytes -= this.#slots.size.data[slot]!;
    this.#slots.release(slot);
  }

  resized(slot: number, delta: number): void {
    if (this.#uses.data[slot] === 0) return;
    this.#bytes += delta;
    this.#lists.get(this.#rank.data[slot]!)!.resized(delta);
  }

  resize(): void {}

  #putIn(slot: number): void {
    const rank = this.#age + ++this.#uses.data[slot]!;
    this.#rank.data[slot] = rank;
    let list = this.#lists.get(rank);
    if (list === undefined) {
      list = this.#spare.pop() ?? new SlotList(this.#links);
      this.#lists.set(rank, list);
    }
    list.pushFirst(slot);
  }

  #takeOut(slot: number): void {
    const rank = this.#rank.data[slot]!;
    const list = this.#lists.get(rank)!;
    list.remove(slot);
    if (list.count > 0) return;
    this.#lists.delete(rank);
    this.#spare.push(list);
  }
}
