import type { Clock } from "../core/clock.ts";

/** Told apart at once: about 5 MB. */
const BOUND = 50_000;

/** How many conversations had a message lately. Kept in the order of their last message, so that those that are over stand first. */
export class ActiveConversations {
  readonly #clock: Clock;
  readonly #withinMs: number;
  readonly #seen = new Map<string, number>();

  constructor(clock: Clock, withinMs: number) {
    this.#clock = clock;
    this.#withinMs = withinMs;
  }

  see(conversation: string): void {
    this.#seen.delete(conversation);
    this.#seen.set(conversation, this.#clock.monotonic());
    if (this.#seen.size > BOUND) this.#seen.delete(this.#seen.keys().next().value as string);
  }

  get count(): number {
    const before = this.#clock.monotonic() - this.#withinMs;
    for (const [conversation, at] of this.#seen) {
      if (at >= before) break;
      this.#seen.delete(conversation);
    }
    return this.#seen.size;
  }
}
