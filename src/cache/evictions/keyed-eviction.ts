/**
 * From keys to slots: the half of an eviction policy that is the same for all. It finds the slot of a key, counts the resident
 * entries and bytes, and knows a key that returns by its fingerprint.
 *
 * The key of an entry that has gone is not kept: a fingerprint of 32 bits finds its slot again. Two keys with one fingerprint
 * cost one wrong guess of the policy about a newcomer, never a wrong answer; with 100,000 ghosts that is one miss in 40,000.
 */
import { StrataConfigError } from "../../core/errors.ts";
import type { Eviction } from "../eviction.ts";
import { NONE, Slots, type Column } from "./slots.ts";
import type { SlotPolicy } from "./slot-policy.ts";

/** Makes an `Eviction` of a policy over slots. */
export function keyedEviction(build: (slots: Slots) => SlotPolicy): Eviction {
  return new KeyedEviction(build);
}

class KeyedEviction implements Eviction {
  readonly #build: (slots: Slots) => SlotPolicy;
  #slots!: Slots;
  #policy!: SlotPolicy;
  #fingerprints!: Column<Int32Array>;
  readonly #resident = new Map<string, number>();
  readonly #ghosts = new Map<number, number>();
  #keys: Array<string | undefined> = [];
  #bytes = 0;
  #capacity = Infinity;
  /** What the policy is told to work with: the capacity, or less where the tier has another, tighter limit. */
  #room = Infinity;

  constructor(build: (slots: Slots) => SlotPolicy) {
    this.#build = build;
    this.clear();
  }

  get entries(): number {
    return this.#resident.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get ghosts(): number {
    return this.#slots.used - this.#resident.size;
  }

  hit(key: string): void {
    const slot = this.#resident.get(key);
    if (slot !== undefined) this.#policy.hit(slot);
  }

  admit(key: string, size: number, cost: number): void {
    if (!Number.isSafeInteger(size) || size < 1) throw new StrataConfigError("size", size, "a whole number of bytes, at least 1");
    if (!(cost >= 0 && cost < Infinity)) throw new StrataConfigError("cost", cost, "a number of at least 0");
    // Still more than the room, so the tier has decided to keep it.
    if (this.#bytes > this.#room) this.#setRoom(Math.min(this.#capacity, this.#bytes));
    const resident = this.#resident.get(key);
    const slot = resident ?? this.#recall(key) ?? this.#slots.take();
    const before = resident === undefined ? 0 : this.#slots.size.data[slot]!;
    this.#describe(slot, size, cost);
    this.#bytes += size - before;
    if (resident !== undefined) {
      this.#policy.hit(slot);
      return;
    }
    this.#resident.set(key, slot);
    this.#keys[slot] = key;
    this.#policy.admit(slot);
  }

  evict(): string | undefined {
    const slot = this.#policy.evict();
    if (slot === NONE) return undefined;
    const needed = this.#bytes > this.#capacity;
    const key = this.#leave(slot);
    this.#setRoom(needed || this.#bytes === 0 ? this.#capacity : this.#bytes);
    if (this.#slots.release(slot)) this.#remember(key, slot);
    return key;
  }

  remove(key: string): void {
    const slot = this.#resident.get(key);
    if (slot === undefined) return;
    this.#policy.remove(slot);
    this.#leave(slot);
    this.#slots.release(slot);
  }

  resize(capacity: number): void {
    if (!(capacity > 0)) throw new StrataConfigError("capacity", capacity, "a number of bytes above 0");
    this.#capacity = capacity;
    this.#setRoom(capacity);
  }

  clear(): void {
    this.#slots = new Slots((slot) => this.#forget(slot));
    this.#fingerprints = this.#slots.integers();
    this.#policy = this.#build(this.#slots);
    this.#resident.clear();
    this.#ghosts.clear();
    this.#keys = [];
    this.#bytes = 0;
    this.#room = this.#capacity;
    this.#policy.resize(this.#room);
  }

  #setRoom(room: number): void {
    if (room === this.#room) return;
    this.#room = room;
    this.#policy.resize(room);
  }

  #describe(slot: number, size: number, cost: number): void {
    const sizes = this.#slots.size.data;
    const delta = size - sizes[slot]!;
    sizes[slot] = size;
    if (delta !== 0) this.#policy.resized(slot, delta);
    this.#policy.priced?.(slot, cost);
  }

  /** The key stops being resident; its slot stays held. */
  #leave(slot: number): string {
    const key = this.#keys[slot]!;
    this.#resident.delete(key);
    this.#keys[slot] = undefined;
    this.#bytes -= this.#slots.size.data[slot]!;
    return key;
  }

  /** Makes the slot of a key that has gone, which the policy still holds, be found again. */
  #remember(key: string, slot: number): void {
    const print = fingerprint(key);
    this.#fingerprints.data[slot] = print;
    this.#ghosts.set(print, slot);
  }

  /** The slot by which a key that has gone is remembered, held again for this. */
  #recall(key: string): number | undefined {
    if (this.#ghosts.size === 0) return undefined;
    const print = fingerprint(key);
    const slot = this.#ghosts.get(print);
    if (slot === undefined) return undefined;
    this.#ghosts.delete(print);
    this.#slots.hold(slot);
    return slot;
  }

  /** A slot is free: of two ghosts with one fingerprint the map has the younger, so this one may not be in it. */
  #forget(slot: number): void {
    const print = this.#fingerprints.data[slot]!;
    if (this.#ghosts.get(print) === slot) this.#ghosts.delete(print);
  }
}

/** FNV-1a (Fowler, Noll, Vo; RFC 9923), 32 bits, over UTF-16 code units. */
function fingerprint(key: string): number {
  let hash = 0x811c9dc5 | 0;
  for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  return hash;
}
