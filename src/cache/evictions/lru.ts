/**
 * LRU: the entry that was not used for the longest time goes first. The right choice where what was asked lately is asked
 * again (retries, conversations that go on), and helpless against loops and scans longer than the cache.
 *
 * Older than its papers; analysed by Mattson, Gecsei, Slutz and Traiger, "Evaluation techniques for storage hierarchies",
 * IBM Systems Journal 9(2), 1970.
 */
import type { Eviction } from "../eviction.ts";
import { keyedEviction } from "./keyed-eviction.ts";
import { Links, SlotList } from "./slot-list.ts";
import type { SlotPolicy } from "./slot-policy.ts";
import { NONE, type Column, type Slots } from "./slots.ts";

/** Evicts what was not used for the longest time. */
export function lru(): Eviction {
  return keyedEviction((slots) => new LruPolicy(slots));
}

export class LruPolicy implements SlotPolicy {
  readonly #slots: Slots;
  readonly #resident: Column<Uint8Array>;
  readonly #list: SlotList;

  constructor(slots: Slots) {
    this.#slots = slots;
    this.#resident = slots.bytes();
    this.#list = new SlotList(new Links(slots));
  }

  get bytes(): number {
    return this.#list.bytes;
  }

  hit(slot: number): void {
    this.#list.moveFirst(slot);
  }

  admit(slot: number): void {
    this.#slots.hold(slot);
    this.#resident.data[slot] = 1;
    this.#list.pushFirst(slot);
  }

  evict(): number {
    const slot = this.#list.last;
    if (slot !== NONE) this.remove(slot);
    return slot;
  }

  remove(slot: number): void {
    if (this.#resident.data[slot] === 0) return;
    this.#resident.data[slot] = 0;
    this.#list.remove(slot);
    this.#slots.release(slot);
  }

  resized(slot: number, delta: number): void {
    if (this.#resident.data[slot] === 1) this.#list.resized(delta);
  }

  resize(): void {}
}
