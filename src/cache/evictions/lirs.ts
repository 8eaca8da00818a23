/**
 * LIRS: what counts is the distance between the last two uses of an entry, not the time since the last one. Nearly all of the
 * room belongs to the entries with short distances (LIR). All others, newcomers first, pass through what is left in the order
 * of their uses (HIR). The stack holds entries by last use, down to the least recent LIR one: an entry that is
 * used while it is in the stack has, by that, a shorter distance than the LIR entry at the bottom, and takes its
 * place, even if it had been evicted meanwhile (a ghost). So a loop larger than the cache keeps the part of it that fits,
 * where an order of use keeps nothing.
 *
 * Jiang, Zhang: "LIRS: an efficient low inter-reference recency set replacement policy to improve buffer cache performance",
 * SIGMETRICS 2002. Not offered by name, since it may do far worse than LRU where use is bursty; `adaptive` asks it for advice.
 */
import { Links, SlotList } from "./slot-list.ts";
import type { SlotPolicy } from "./slot-policy.ts";
import { NONE, type Column, type Slots } from "./slots.ts";

/** The paper's: 1 % of the room for entries with long distances. */
const HIR_SHARE = 0.01;
/** Ghosts remember so many times the room. The paper sets no bound. Over recorded traces 1 costs `adaptive` 0.3 points, 3 adds 0.1. */
const GHOST_SHARE = 2;

const UNKNOWN = 0;
const LIR = 1;
/** HIR and resident, so in the queue; in the stack too, or not. */
const STACKED = 2;
const QUEUED = 3;
const GHOST = 4;

export class LirsPolicy implements SlotPolicy {
  readonly #slots: Slots;
  readonly #state: Column<Uint8Array>;
  readonly #stack: SlotList;
  readonly #queue: SlotList;
  readonly #ghosts: SlotList;
  #lirBytes = 0;
  #lirCount = 0;
  #room = Infinity;

  constructor(slots: Slots) {
    this.#slots = slots;
    this.#state = slots.bytes();
    this.#stack = new SlotList(new Links(slots));
    const links = new Links(slots);
    this.#queue = new SlotList(links);
    this.#ghosts = new SlotList(links);
  }

  get bytes(): number {
    return this.#lirBytes + this.#queue.bytes;
  }

  hit(slot: number): void {
    const state = this.#state.data[slot];
    if (state === LIR) {
      const wasBottom = slot === this.#stack.last;
      this.#stack.moveFirst(slot);
      if (wasBottom) this.#prune();
    } else if (state === STACKED) {
      this.#queue.remove(slot);
      this.#stack.moveFirst(slot);
      this.#makeLir(slot);
    } else {
      this.#state.data[slot] = STACKED;
      this.#stack.pushFirst(slot);
      this.#queue.moveFirst(slot);
    }
  }

  admit(slot: number): void {
    if (this.#state.data[slot] === GHOST) {
      this.#ghosts.remove(slot);
      this.#stack.moveFirst(slot);
      this.#makeLir(slot);
      return;
    }
    this.#slots.hold(slot);
    this.#stack.pushFirst(slot);
    if (this.#lirBytes + this.#slots.size.data[slot]! <= this.#lirRoom()) {
      this.#makeLir(slot);
    } else {
      this.#state.data[slot] = STACKED;
      this.#queue.pushFirst(slot);
    }
  }

  evict(): number {
    if (this.#queue.count === 0) this.#demote();
    const slot = this.#queue.last;
    if (slot === NONE) return NONE;
    if (this.#state.data[slot] === QUEUED) {
      this.remove(slot);
    } else {
      this.#queue.remove(slot);
      this.#state.data[slot] = GHOST;
      this.#ghosts.pushFirst(slot);
      this.#trimGhosts();
    }
    return slot;
  }

  remove(slot: number): void {
    const state = this.#state.data[slot];
    if (state === UNKNOWN) return;
    this.#state.data[slot] = UNKNOWN;
    if (state === STACKED || state === QUEUED) this.#queue.remove(slot);
    if (state === GHOST) this.#ghosts.remove(slot);
    if (state !== QUEUED) this.#stack.remove(slot);
    if (state === LIR) {
      this.#lirCount--;
      this.#lirBytes -= this.#slots.size.data[slot]!;
      this.#prune();
    }
    this.#slots.release(slot);
  }

  resized(slot: number, delta: number): void {
    const state = this.#state.data[slot];
    if (state === LIR) this.#lirBytes += delta;
    if (state === STACKED || state === QUEUED) this.#queue.resized(delta);
    if (state === GHOST) this.#ghosts.resized(delta);
    if (state !== UNKNOWN && state !== QUEUED) this.#stack.resized(delta);
    this.#trimLir();
  }

  resize(room: number): void {
    this.#room = room;
    this.#trimLir();
    this.#trimGhosts();
  }

  /** All but the HIR share, which has room for one entry of middle size in a cache of a few. */
  #lirRoom(): number {
    const mean = this.bytes / Math.max(1, this.#lirCount + this.#queue.count);
    return Math.min(this.#room * (1 - HIR_SHARE), this.#room - mean);
  }

  /** A slot on top of the stack joins the LIR entries; those at the bottom leave to make room. */
  #makeLir(slot: number): void {
    this.#state.data[slot] = LIR;
    this.#lirCount++;
    this.#lirBytes += this.#slots.size.data[slot]!;
    this.#trimLir();
  }

  #trimLir(): void {
    while (this.#lirCount > 0 && this.#lirBytes > this.#lirRoom()) this.#demote();
  }

  /** The LIR entry that was used least recently joins the queue. */
  #demote(): void {
    this.#prune();
    const slot = this.#stack.takeLast();
    if (slot === NONE) return;
    this.#lirCount--;
    this.#lirBytes -= this.#slots.size.data[slot]!;
    this.#state.data[slot] = QUEUED;
    this.#queue.pushFirst(slot);
    this.#prune();
  }

  /** Keeps a LIR entry at the bottom of the stack: what lies below it can never be in a shorter distance than it. */
  #prune(): void {
    for (;;) {
      const slot = this.#stack.last;
      if (slot === NONE || this.#state.data[slot] === LIR) return;
      if (this.#state.data[slot] === GHOST) {
        this.remove(slot);
      } else {
        this.#stack.remove(slot);
        this.#state.data[slot] = QUEUED;
      }
    }
  }

  #trimGhosts(): void {
    while (this.#ghosts.count > 0 && this.#ghosts.bytes > this.#room * GHOST_SHARE) this.remove(this.#ghosts.last);
  }
}
