/**
 * Hybrid: keeps what saves the most for the room that it takes. An entry's rank is what it has saved, uses × cost, for each of its
 * bytes, plus the rank of the last entry that went when it was used: the ageing of LFU-DA (see `lfu.ts`). A reasoning
 * answer that took a minute outlives a large page of text that took a second. Hit rate comes second to saved time, so
 * this is a choice to make, not the default.
 *
 * Cherkasova: "Improving WWW proxies performance with greedy-dual-size-frequency caching policy", HP Labs technical report
 * HPL-98-69R1, 1998 (GDSF); the ageing is that of Young's GreedyDual and of Cao and Irani: "Cost-aware WWW proxy
 * caching algorithms", USITS 1997. Hits are O(1), evictions O(log n), by the heap of `slot-heap.ts`.
 */
import type { Eviction } from "../eviction.ts";
import { keyedEviction } from "./keyed-eviction.ts";
import { SlotHeap } from "./slot-heap.ts";
import type { SlotPolicy } from "./slot-policy.ts";
import { NONE, type Column, type Slots } from "./slots.ts";

/** Evicts what has saved the least for the bytes that it takes, with old uses counting less. */
export function hybrid(): Eviction {
  return keyedEviction((slots) => new HybridPolicy(slots));
}

class HybridPolicy implements SlotPolicy {
  readonly #slots: Slots;
  readonly #uses: Column<Int32Array>;
  readonly #cost: Column<Float64Array>;
  readonly #heap: SlotHeap;
  /** The rank of the last entry that went. */
  #age = 0;
  #bytes = 0;

  constructor(slots: Slots) {
    this.#slots = slots;
    this.#uses = slots.integers();
    this.#cost = slots.floats();
    this.#heap = new SlotHeap(slots);
  }

  get bytes(): number {
    return this.#bytes;
  }

  hit(slot: number): void {
    const uses = ++this.#uses.data[slot]!;
    const density = this.#cost.data[slot]! / this.#slots.size.data[slot]!;
    this.#heap.set(slot, this.#age + uses * density);
  }

  admit(slot: number): void {
    this.#slots.hold(slot);
    this.#uses.data[slot] = 0;
    this.#bytes += this.#slots.size.data[slot]!;
    this.hit(slot);
  }

  evict(): number {
    const slot = this.#heap.lowest();
    if (slot === NONE) return NONE;
    this.#age = Math.max(this.#age, this.#heap.priority(slot));
    this.remove(slot);
    return slot;
  }

  remove(slot: number): void {
    if (!this.#heap.has(slot)) return;
    this.#heap.remove(slot);
    this.#bytes -= this.#slots.size.data[slot]!;
    this.#slots.release(slot);
  }

  resized(slot: number, delta: number): void {
    // The rank follows with the use that comes with every change of size.
    if (this.#heap.has(slot)) this.#bytes += delta;
  }

  priced(slot: number, cost: number): void {
    this.#cost.data[slot] = cost;
  }

  resize(): void {}
}
