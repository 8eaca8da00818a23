/**
 * A step on trial: what the cache does since, against what a ghost of the settings before would have done with the same requests.
 * A ghost is not the cache; how far the two were apart before the step is taken off ("difference in differences").
 */
import type { EpochReport } from "./ghost-panel.ts";

export class Trial {
  readonly #role: string;
  /** What the cache was above the ghost before, a share. */
  readonly #bias: number;
  readonly #fade: number;
  #difference = 0;
  #weight = 0;
  #spread = 0;
  /** Reports that were added. */
  looks = 0;
  samples = 0;

  /**
   * @param role of the ghost of the settings before
   * @param fade what is left of an epoch when the next one is added; 1 = all
   */
  constructor(role: string, bias: number, fade = 1) {
    this.#role = role;
    this.#bias = bias;
    this.#fade = fade;
  }

  add({ actual, roles, weight, samples }: EpochReport): void {
    const former = roles.get(this.#role);
    if (former === undefined) return;
    this.looks++;
    this.samples += samples;
    this.#difference = this.#difference * this.#fade + actual.worth - former.worth - this.#bias * weight;
    this.#weight = this.#weight * this.#fade + weight;
    this.#spread = this.#spread * this.#fade + former.spreadToActual;
  }

  /** What was gained, a share. */
  get observed(): number {
    return this.#weight === 0 ? 0 : this.#difference / this.#weight;
  }

  /** Whether more than `most` was lost, and more than chance explains, by so many standard deviations. */
  hasLost(most: number, deviations = 1): boolean {
    return this.observed < -most && -this.#difference > deviations * Math.sqrt(this.#spread);
  }
}
