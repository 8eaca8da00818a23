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
  readonly #ids = blank();
  readonly #answers = blank();
  readonly #scopes = blank();
  readonly #savedMs = new Float64Array(RING);
  readonly #savedTokens = new Float64Array(RING);
  #at = 0;
  #counted = 0;
  readonly #matches = new LRUCache<string, RecentHit>({ max: MAX_MATCHES });
  readonly #usage = new LRUCache<Digest, Usage>({ max: MAX_ANSWERS });

  note(hitId: string, answer: Digest, scope: Digest, savedMs: number, savedTokens: number): void {
    if (this.#at - this.#counted === RING) this.#count();
    const place = this.#at++ & (RING - 1);
    this.#ids[place] = hitId;
    this.#answers[place] = answer;
    this.#scopes[place] = scope;
    this.#savedMs[place] = savedMs;
    this.#savedTokens[place] = savedTokens;
  }

  noteMatch(hitId: string, hit: RecentHit): void {
    this.#matches.set(hitId, hit);
  }

  find(hitId: string): RecentHit | undefined {
    const matched = this.#matches.get(hitId);
    if (matched !== undefined) return matched;
    const place = hitId === "" ? -1 : this.#ids.lastIndexOf(hitId);
    if (place === -1) return undefined;
    return { scope: this.#scopes[place] ?? "", answer: this.#answers[place] ?? "" };
  }

  /** How often an answer was given out since this process began, among the last some thousand answers. */
  usageOf(answer: Digest): Readonly<Usage> {
    this.#count();
    return this.#usage.peek(answer) ?? { hits: 0, savedMs: 0, savedTokens: 0 };
  }

  #count(): void {
    for (; this.#counted < this.#at; this.#counted++) {
      const place = this.#counted & (RING - 1);
      const answer = this.#answers[place] ?? "";
      const usage = this.#usage.get(answer) ?? { hits: 0, savedMs: 0, savedTokens: 0 };
      usage.hits++;
      usage.savedMs += this.#savedMs[place] ?? 0;
      usage.savedTokens += this.#savedTokens[place] ?? 0;
      this.#usage.set(answer, usage);
    }
  }
}

function blank(): string[] {
  return Array.from({ length: RING }, () => "");
}
