/** Whether a key was seen before, lately: two sets that take turns, so that what is remembered is bounded and the oldest half goes at once. */
import type { Digest } from "../../core/key.ts";

const GENERATION = 4_096;

export class Sighting {
  #young = new Set<Digest>();
  #old = new Set<Digest>();

  /** Notes a key; once it was seen twice it begins anew. */
  isFirst(key: Digest): boolean {
    if (this.#young.delete(key) || this.#old.delete(key)) return false;
    this.#young.add(key);
    if (this.#young.size >= GENERATION) {
      this.#old = this.#young;
      this.#young = new Set();
    }
    return true;
  }
}
