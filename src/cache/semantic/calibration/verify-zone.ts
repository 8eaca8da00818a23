/**
 * Which candidates a verifier is asked about: the most probable ones of those that may not be served without it. As many as the
 * budget of calls allows, and no more than keep its own mistakes rare among what it accepts: a verifier that lets one wrong
 * answer in a hundred through makes one mistake in a hundred acceptances where half of what it is asked about is right.
 */

/** Mean probability that those asked about have at least. */
const LEAST_MEAN = 0.5;
/** What nobody is asked about, however few are. */
const LEAST = 0.03;
/** Requests that the share of calls is measured over, and after how many the zone moves. */
const REQUESTS = 512;
const EVERY = 16;
/** Calls that a population may save up: a new one is mostly misses without a candidate, and has most to ask soon after. */
const BURST = 256;
const FIRST_CALLS = 8;
/** Where the zone begins before anything was measured. */
const FIRST = 0.3;

export class VerifyZone {
  readonly #budget: number;
  readonly #recent = new Float64Array(REQUESTS);
  #noted = 0;
  #least = FIRST;
  /** Calls that may be made: each request adds its share, up to a burst. */
  #saved = FIRST_CALLS;

  /** @param budget calls of the verifier per request, 0 to 1 */
  constructor(budget: number) {
    this.#budget = budget;
  }

  /** Notes the probability of the best candidate of a request; 1 when it was served as it is, 0 when there was none. */
  note(p: number): void {
    this.#saved = Math.min(BURST, this.#saved + this.#budget);
    this.#recent[this.#noted % REQUESTS] = p;
    this.#noted++;
    if (this.#noted % EVERY === 0) this.#move();
  }

  /** Whether a verifier may be asked now; counts as asked. */
  covers(p: number): boolean {
    if (this.#budget === 0 || p < this.#least || this.#saved < 1) return false;
    this.#saved--;
    return true;
  }

  #move(): void {
    const measured = Math.min(REQUESTS, this.#noted);
    const best = this.#recent
      .slice(0, measured)
      .filter((p) => p < 1)
      .toSorted((a, b) => b - a);
    const most = Math.floor(this.#budget * measured + this.#saved);
    let sum = 0;
    this.#least = 1;
    for (const [at, p] of best.entries()) {
      sum += p;
      if (at >= most || p < LEAST || sum < LEAST_MEAN * (at + 1)) break;
      this.#least = p;
    }
  }
}
