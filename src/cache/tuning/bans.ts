/** Which steps are not tried for a while: those that lost, twice as long each time, and those that did not convince. */

/** Epochs of the first ban of a step that lost; and the most. */
const FIRST = 8;
const LONGEST = 256;
/** A gain is believed again in spite of a ban when it is so much larger than the one that was not kept, a share: the traffic has changed. */
const BREAKS = 0.05;

interface Ban {
  /** The last epoch of it. */
  readonly until: number;
  /** How long the last one was that was imposed for a loss. */
  readonly epochs: number;
  /** The gain that was foretold when it was imposed, a share. */
  readonly foretold: number;
}

export class Bans {
  readonly #bans = new Map<string, Ban>();

  holds(role: string, gain: number, epoch: number): boolean {
    const ban = this.#bans.get(role);
    return ban !== undefined && ban.until >= epoch && gain < ban.foretold + BREAKS;
  }

  /** After a loss. */
  impose(role: string, foretold: number, epoch: number): void {
    const epochs = Math.min(LONGEST, this.#lastOf(role) * 2);
    this.#bans.set(role, { until: epoch + epochs, epochs, foretold });
  }

  /** For so many epochs; how long the last ban was is remembered. */
  rest(role: string, epochs: number, foretold: number, epoch: number): void {
    this.#bans.set(role, { until: epoch + epochs, epochs: this.#lastOf(role), foretold });
  }

  lift(role: string): void {
    this.#bans.delete(role);
  }

  liftAll(): void {
    this.#bans.clear();
  }

  #lastOf(role: string): number {
    return this.#bans.get(role)?.epochs ?? FIRST / 2;
  }
}
