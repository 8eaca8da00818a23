/** A step that another ghost makes first, from what the cache holds now: what the way costs, and whether the gain lasts. */
import type { EpochReport } from "./ghost-panel.ts";
import type { Candidate } from "./tunable.ts";

/** Epochs, at least and at most. */
const LEAST = 2;
const MOST = 6;

export class Rehearsal {
  readonly candidate: Candidate;
  #gained = 0;
  #epochs = 0;

  constructor(candidate: Candidate) {
    this.candidate = candidate;
  }

  /**
   * One epoch of it.
   * @param gain in that epoch, a share
   * @param isBetter whether that is enough
   */
  add(gain: number, isBetter: boolean, { weight }: EpochReport): "goes on" | "convinces" | "fails" {
    this.#gained += gain * weight;
    this.#epochs++;
    const hasPaid = this.#gained > 0;
    if (hasPaid && isBetter && this.#epochs >= LEAST) return "convinces";
    return this.#epochs >= MOST || (this.#epochs > 1 && !hasPaid) ? "fails" : "goes on";
  }
}
