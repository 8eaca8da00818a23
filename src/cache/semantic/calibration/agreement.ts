/**
 * Which questions are known to share an answer. Entries that were stored apart often have the same one; five neighbours
 * that agree are a better reason to serve than one. Bounded: the questions that were used longest ago are forgotten.
 */
import { LRUCache } from "lru-cache";

export class Agreement {
  /** The group of a question. */
  readonly #groups: LRUCache<string, number>;
  /** A group that was joined to another one, and which; followed to its end. */
  readonly #joined = new Map<number, number>();
  readonly #most: number;
  #next = 1;

  constructor(most: number) {
    this.#most = most;
    this.#groups = new LRUCache({ max: most });
  }

  /** Notes that two questions have the same answer. */
  join(a: string, b: string): void {
    const left = this.#groupOf(a);
    const right = this.#groupOf(b);
    if (left !== right) this.#joined.set(Math.max(left, right), Math.min(left, right));
    if (this.#joined.size > this.#most) this.#compact();
  }

  /** The group of a question; `undefined` while it was never joined to another. */
  group(text: string): number | undefined {
    const group = this.#groups.get(text);
    return group === undefined ? undefined : this.#end(group);
  }

  #groupOf(text: string): number {
    let group = this.#groups.get(text);
    if (group === undefined) this.#groups.set(text, (group = this.#next++));
    return this.#end(group);
  }

  #end(group: number): number {
    let end = group;
    for (let next = this.#joined.get(end); next !== undefined; next = this.#joined.get(end)) end = next;
    if (end !== group) this.#joined.set(group, end);
    return end;
  }

  /** Writes the ends to the questions, and drops the joints. */
  #compact(): void {
    for (const [text, group] of this.#groups.entries()) this.#groups.set(text, this.#end(group));
    this.#joined.clear();
  }
}
