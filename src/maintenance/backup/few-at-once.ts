/**
 * Work that may overlap, a few pieces at a time: whoever hands it in waits only when enough is under way. So a place that is restored
 * writes while the next records are read and inflated, and memory stays bounded by so many pieces.
 */
export class FewAtOnce {
  readonly #most: number;
  readonly #underWay = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;

  constructor(most: number) {
    this.#most = most;
  }

  /**
   * Begins a piece of work as soon as there is room for it.
   * @throws what a piece before it threw; no other is begun then
   */
  async begin(work: () => Promise<void>): Promise<void> {
    while (this.#underWay.size >= this.#most) await Promise.race(this.#underWay);
    this.#throwFailure();
    const running = work()
      .catch((error: unknown) => void (this.#failure ??= { error }))
      .finally(() => void this.#underWay.delete(running));
    this.#underWay.add(running);
  }

  /**
   * Resolves when nothing is under way.
   * @throws what the first piece threw that failed
   */
  async settle(): Promise<void> {
    await Promise.all(this.#underWay);
    this.#throwFailure();
  }

  /** Waits for what is under way, without a word on how it ends: for whoever has an error of its own. */
  async abandon(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  #throwFailure(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }
}
