/**
 * S3-FIFO: three queues instead of an order of use. Newcomers pass through a small queue, a tenth of the room; one that is used
 * twice on the way moves to the main queue, the others leave and are remembered as ghosts. A ghost that returns goes to
 * the main queue at once. The main queue is a FIFO that gives used entries another round. One-off requests, most of all distinct
 * ones in web and API traffic, so leave quickly and never displace what is asked again.
 *
 * Yang, Zhang, Qiu, Yue, Vinayak: "FIFO queues are all you need for cache eviction", SOSP 2023. Constants are the paper's.
 */
import type { Eviction } from "../eviction.ts";
import { keyedEviction } from "./keyed-eviction.ts";
import { Links, SlotList } from "./slot-list.ts";
import type { SlotPolicy } from "./slot-policy.ts";
import { NONE, type Column, type Slots } from "./slots.ts";

/** Evicts newcomers that are not used again soon, and others in turn when they were not used for a round. */
export function s3Fifo(): Eviction {
  return keyedEviction((slots) => new S3FifoPolicy(slots));
}

const SMALL_SHARE = 0.1;
/** The ghosts remember as many bytes as the main queue may hold. */
const GHOST_SHARE = 1 - SMALL_SHARE;
/** Uses while in the small queue that make an entry move to the main one. */
const PROMOTED_AT = 2;
const MOST_USES = 3;

const UNKNOWN = 0;
const SMALL = 1;
const MAIN = 2;
const GHOST = 3;

export class S3FifoPolicy implements SlotPolicy {
  readonly #slots: Slots;
  readonly #place: Column<Uint8Array>;
  readonly #uses: Column<Uint8Array>;
  readonly #small: SlotList;
  readonly #main: SlotList;
  readonly #ghosts: SlotList;
  #room = Infinity;

  constructor(slots: Slots) {
    this.#slots = slots;
    this.#place = slots.bytes();
    this.#uses = slots.bytes();
    const links = new Links(slots);
    this.#small = new SlotList(links);
    this.#main = new SlotList(links);
    this.#ghosts = new SlotList(links);
  }

  get bytes(): number {
    return this.#small.bytes + this.#main.bytes;
  }

  hit(slot: number): void {
    const uses = this.#uses.data[slot]!;
    if (uses < MOST_USES) this.#uses.data[slot] = uses + 1;
  }

  admit(slot: number): void {
    this.#uses.data[slot] = 0;
    if (this.#place.data[slot] === GHOST) {
      this.#ghosts.remove(slot);
      this.#enter(slot, MAIN, this.#main);
    } else {
      this.#slots.hold(slot);
      this.#enter(slot, SMALL, this.#small);
    }
  }

  evict(): number {
    for (;;) {
      const slot = this.#isSmallOver() ? this.#passSmall() : this.#passMain();
      if (slot !== undefined) return slot;
    }
  }

  remove(slot: number): void {
    const list = this.#listOf(slot);
    if (list === undefined) return;
    list.remove(slot);
    this.#place.data[slot] = UNKNOWN;
    this.#slots.release(slot);
  }

  resized(slot: number, delta: number): void {
    this.#listOf(slot)?.resized(delta);
  }

  resize(room: number): void {
    this.#room = room;
    this.#trimGhosts();
  }

  /** The small queue has its share, and room for one entry of middle size in a cache of a few. */
  #isSmallOver(): boolean {
    const mean = this.bytes / (this.#small.count + this.#main.count);
    return this.#main.count === 0 || this.#small.bytes > Math.max(this.#room * SMALL_SHARE, mean);
  }

  /** Moves the oldest newcomer on: to the main queue (then `undefined`), or out. */
  #passSmall(): number | undefined {
    const slot = this.#small.takeLast();
    if (slot === NONE) return NONE;
    if (this.#uses.data[slot]! >= PROMOTED_AT) {
      this.#uses.data[slot] = 0;
      this.#enter(slot, MAIN, this.#main);
      return undefined;
    }
    this.#enter(slot, GHOST, this.#ghosts);
    this.#trimGhosts();
    return slot;
  }

  /** Moves the oldest of the main queue on: to another round (then `undefined`), or out. */
  #passMain(): number | undefined {
    const slot = this.#main.last;
    const uses = this.#uses.data[slot]!;
    if (uses > 0) {
      this.#uses.data[slot] = uses - 1;
      this.#main.moveFirst(slot);
      return undefined;
    }
    this.remove(slot);
    return slot;
  }

  #trimGhosts(): void {
    while (this.#ghosts.count > 0 && this.#ghosts.bytes > this.#room * GHOST_SHARE) this.remove(this.#ghosts.last);
  }

  #enter(slot: number, place: number, list: SlotList): void {
    this.#place.data[slot] = place;
    list.pushFirst(slot);
  }

  #listOf(slot: number): SlotList | undefined {
    const place = this.#place.data[slot];
    return place === SMALL ? this.#small : place === MAIN ? this.#main : place === GHOST ? this.#ghosts : undefined;
  }
}
