import { randomBytes } from "node:crypto";

/** Ids of hits: unique by a random start for this cache, and numbered, so that a hit is found again without keeping its id. */
export class HitIds {
  readonly #series = randomBytes(9).toString("base64url");
  #next = 0;

  next(): string {
    return `${this.#series}-${(this.#next++).toString(36)}`;
  }

  /** The number of the last id that was given out. */
  get last(): number {
    return this.#next - 1;
  }

  /** The number of an id; -1 for one of another cache, and for what is none. */
  numberOf(id: string): number {
    const start = `${this.#series}-`;
    if (typeof id !== "string" || !id.startsWith(start) || id.length > start.length + 11) return -1;
    const number = Number.parseInt(id.slice(start.length), 36);
    return number.toString(36) === id.slice(start.length) && number < this.#next ? number : -1;
  }
}
