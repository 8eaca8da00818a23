/**
 * An eviction policy over slots: the part of `Eviction` that differs from one policy to the next. Keys, sizes and the capacity
 * are looked after once, in `keyed-eviction.ts`.
 */
export interface SlotPolicy {
  /** The sum of the sizes of the slots that are resident by this policy. */
  readonly bytes: number;
  /** A resident slot was used. */
  hit(slot: number): void;
  /** A slot that is not resident becomes so. The policy may remember it from before. */
  admit(slot: number): void;
  /** Chooses the slot to go next, which is no longer resident then; `NONE` when none is. */
  evict(): number;
  /** Forgets a slot, resident, remembered or not known at all. */
  remove(slot: number): void;
  /** The size of a slot, resident, remembered or not known at all, has changed by so many bytes. */
  resized(slot: number, delta: number): void;
  /** What a hit on a slot saves, told before each `admit` and wherever it may have changed. */
  priced?(slot: number, cost: number): void;
  /** So many bytes may be resident from now on. The caller evicts what is too much. */
  resize(room: number): void;
}
