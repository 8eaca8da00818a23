/**
 * What was given out lately: so that a person's verdict on a hit finds what it is about, and so that it is known how often each
 * answer is used.
 *
 * An exact hit is noted in a ring of plain arrays, which costs some nanoseconds; all else is worked out when somebody asks.
 */
import { LRUCache } from "lru-cache";
import type { Digest } from "../../core/key.ts";
import type { SemanticMatch } from "./match.ts";

/** A power of two. */
const RING = 8_192;
/** Each with a vector. */
const MAX_MATCHES = 2_000;
const MAX_ANSWERS = 20_000;

export interface Usage {
  hits: number;
  savedMs: number;
  savedTokens: number;
}

/** A hit that can still be spoken of. */
export interface RecentHit {
  readonly scope: Digest;
  /** Of the answer. */
  readonly answer: Digest;
  /** For hits that were matched by meaning. */
  readonly match?: SemanticMatch | undefined;
  readonly within?: readonly Digest[] | undefined;
  readonly tags?: readonly string[] | undefined;
}

export class RecentHits {
  /** Which hit lies where, by the number of its id. */
  readonly #numbers = new Float64Array(RING).fill(-1);
  readonly #answers = Array.from({ length: RING }, () => "");
  readonly #scopes = Array.from({ length: RING }, () => "");
  readonly #savedMs = new Float64Array(RING);
  readonly #savedTokens = new Float64Array(RING);
  #newest = -1;
  #counted = -1;
  readonly #matches = new LRUCache<number, RecentHit>({ max: MAX_MATCHES });
  readonly #usage = new LRUCache<Digest, Usage>({ max: MAX_ANSWERS });

  note(number: number, answer: Digest, scope: Digest, savedMs: number, savedTokens: number): void {
    if (number - this.#counted > RING) this.#count();
    const place = number & (RING - 1);
    this.#numbers[place] = number;
    this.#answers[place] = answer;
    this.#scopes[place] = scope;
    this.#savedMs[place] = savedMs;
    this.#savedTokens[place] = savedTokens;
    if (number > this.#newest) this.#newest = number;
  }

  noteMatch(number: number, hit: RecentHit): void {
    this.#matches.set(number, hit);
  }

  /** @param number of the hit's id; -1 = none */
  find(number: number): RecentHit | undefined {
    const matched = this.#matches.get(number);
    if (matched !== undefined) return matched;
    const place = number & (RING - 1);
    if (number < 0 || this.#numbers[place] !== number) return undefined;
    return { scope: this.#scopes[place] ?? "", answer: this.#answers[place] ?? "" };
  }

  /** Forgets matches, which hold questions. */
  forget(isGone: (hit: RecentHit) => boolean): void {
    for (const [number, hit] of this.#matches.entries()) if (isGone(hit)) this.#matches.delete(number);
  }

  /** How often an answer was given out since this process began, among the last some thousand answers. */
  usageOf(answer: Digest): Readonly<Usage> {
    this.#count();
    return this.#usage.peek(answer) ?? { hits: 0, savedMs: 0, savedTokens: 0 };
  }

  #count(): void {
    for (let number = Math.max(this.#counted + 1, this.#newest - RING + 1); number <= this.#newest; number++) {
      const place = number & (RING - 1);
      // An id may have been given out for a hit that never came about.
      if (this.#numbers[place] !== number) continue;
      const answer = this.#answers[place] ?? "";
      const usage = this.#usage.get(answer) ?? { hits: 0, savedMs: 0, savedTokens: 0 };
      usage.hits++;
      usage.savedMs += this.#savedMs[place] ?? 0;
      usage.savedTokens += this.#savedTokens[place] ?? 0;
      this.#usage.set(answer, usage);
    }
    this.#counted = this.#newest;
  }
}
