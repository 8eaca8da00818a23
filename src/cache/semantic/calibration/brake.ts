/**
 * A bet against the promise. Each audited hit is a round of a fair game if at most the target share of hits is wrong: a wrong one
 * multiplies the stake, a right one takes a little of it. A stake that grew a hundredfold is evidence that the promise is broken,
 * at any time, without a planned sample. The stake is never let below one, so that a stream that turns bad after a long good
 * time is found as fast as one that is bad from the start.
 *
 * Shin, Ramdas, Rinaldo: "E-detectors: a nonparametric framework for sequential change detection", 2022 (CUSUM form); the mean
 * time to a false alarm is at least the hundred rounds' reciprocal odds.
 */

/** Stakes as shares of what a round may cost: small ones find small excesses, large ones large excesses soon. */
const BETS = [2, 8, 20];
const ALARM = 100;

export class Brake {
  readonly #target: number;
  readonly #stakes: number[];

  constructor(target: number, stakes: readonly number[] = []) {
    this.#target = target;
    this.#stakes = BETS.map((_, index) => stakes[index] ?? 1);
  }

  /** Takes an audited hit into account; whether serving has to stop. */
  audit(right: boolean): boolean {
    for (const [index, bet] of BETS.entries()) {
      const capped = Math.min(bet, 0.9 / this.#target);
      this.#stakes[index] = Math.max(1, this.#stakes[index]! * (1 + capped * ((right ? 0 : 1) - this.#target)));
    }
    const mean = this.#stakes.reduce((sum, stake) => sum + stake, 0) / BETS.length;
    if (mean < ALARM) return false;
    this.#stakes.fill(1);
    return true;
  }

  export(): readonly number[] {
    return this.#stakes;
  }
}
