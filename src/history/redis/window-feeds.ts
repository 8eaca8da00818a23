/**
 * Keeps the windows in Redis current of conversations that PostgreSQL numbers, with at most one call to Redis an append, which runs
 * while PostgreSQL commits.
 *
 * Before an append is acknowledged its window is in doubt, so that nobody goes by it; afterwards the window is fed, and the doubt
 * ends. Fed at once, that is two calls. Here the feed waits a moment for what follows to the same conversation: appends in this moment
 * share the doubt and the feed. Meanwhile the window stays in doubt: readers elsewhere ask PostgreSQL, and readers here send the feed
 * before they read.
 *
 * Nothing hangs on this moment. Who dies in it, or cannot reach Redis any more, leaves a doubt that ends by itself and the window
 * cold. That the doubt is there is confirmed anew when it was confirmed longer ago than such a moment; an append relies on that for
 * `trustMs`, and feeds the window first if its commit comes later. And a doubt that is lost with Redis' data is taken to be there:
 * whoever finds no state of a window leaves it in doubt for twice as long, after which PostgreSQL has what was acknowledged meanwhile.
 */
import type { Clock } from "../../core/clock.ts";
import type { Digest } from "../../core/key.ts";
import { newToken, type Committed, type RedisWindows } from "./windows.ts";

/** How long what was committed waits for company, and a confirmed doubt is shared. */
const GATHER_MS = 25;

/** An append whose window is in doubt. Exactly one of its methods is called, once. */
export interface Doubt {
  /** Whether it may be told now that the append is committed, before the window is fed. */
  isTrusted(): boolean;
  /** The window is fed in a moment. */
  committed(part: Committed): void;
  /** The window is fed now. Rejects when Redis does not say so. */
  feed(part: Committed): Promise<void>;
  /** Nobody knows whether it is committed: the doubt is left to end by itself. */
  abandoned(): void;
}

/** The appends of this process to one conversation, as long as they follow each other closely. */
interface Spell {
  readonly token: string;
  /** When it began to be noted last, by the monotonic clock, and what came of it. */
  notedAt: number;
  noted: Promise<unknown>;
  underWay: number;
  waiting: Committed[];
  cancel?: (() => void) | undefined;
}

export interface WindowFeedsOptions {
  readonly windows: RedisWindows;
  readonly clock: Clock;
  /** Told when a window did not get what is committed. */
  readonly onMissed: (key: Digest, error: unknown) => void;
}

export class WindowFeeds {
  readonly #options: WindowFeedsOptions;
  readonly #spells = new Map<Digest, Spell>();
  readonly #sending = new Set<Promise<void>>();

  constructor(options: WindowFeedsOptions) {
    this.#options = options;
  }

  /** Resolves when nobody goes by the window any more. Rejects when Redis does not say so. */
  async doubt(key: Digest): Promise<Doubt> {
    const { windows, clock } = this.#options;
    const spell = this.#spells.get(key) ?? { token: newToken(), notedAt: -Infinity, noted: SETTLED, underWay: 0, waiting: [] };
    this.#spells.set(key, spell);
    spell.underWay++;
    const now = clock.monotonic();
    if (now - spell.notedAt > GATHER_MS) {
      spell.notedAt = now;
      spell.noted = spell.waiting.length > 0 ? this.#send(key, spell) : windows.doubt(key, spell.token);
    }
    const { notedAt } = spell;
    try {
      await spell.noted;
    } catch (error) {
      this.#abandon(key, spell);
      throw error;
    }
    const wait = (part: Committed): void => {
      spell.underWay--;
      spell.waiting.push(part);
    };
    return {
      isTrusted: () => clock.monotonic() - notedAt <= windows.trustMs,
      committed: (part) => {
        wait(part);
        spell.cancel ??= clock.setTimer(GATHER_MS, () => void this.#feed(key, spell).catch(passOver), {
          background: true,
        });
      },
      feed: (part) => {
        wait(part);
        return this.#feed(key, spell);
      },
      abandoned: () => this.#abandon(key, spell),
    };
  }

  /** Sends what waits of a conversation, so that whatever is sent to Redis after it finds it there. */
  flush(key: Digest): void {
    const spell = this.#spells.get(key);
    if (spell !== undefined && spell.waiting.length > 0) void this.#feed(key, spell).catch(passOver);
  }

  async close(): Promise<void> {
    for (const key of this.#spells.keys()) this.flush(key);
    await Promise.all(this.#sending);
  }

  /** `underWay` is left as it is, so that no feed ends the doubt. */
  #abandon(key: Digest, spell: Spell): void {
    if (this.#spells.get(key) === spell) this.#spells.delete(key);
  }

  async #feed(key: Digest, spell: Spell): Promise<void> {
    // A new append is to begin a new spell: the doubt of this one ends with the feed.
    if (spell.underWay === 0) this.#abandon(key, spell);
    await this.#send(key, spell);
  }

  /** Sends what waits; the doubt goes on while appends are under way. */
  async #send(key: Digest, spell: Spell): Promise<void> {
    spell.cancel?.();
    spell.cancel = undefined;
    const { windows, onMissed } = this.#options;
    const parts = joined(spell.waiting);
    spell.waiting = [];
    const isHeld = spell.underWay > 0;
    const sending = Promise.all(
      parts.map((part, index) => windows.feed(key, part, { token: spell.token, isHeld: isHeld || index < parts.length - 1 })),
    ).then(
      () => undefined,
      (error: unknown) => {
        onMissed(key, error);
        throw error;
      },
    );
    const settled = sending.catch(() => undefined);
    this.#sending.add(settled);
    void settled.then(() => this.#sending.delete(settled));
    await sending;
  }
}

/** In the order of their numbers; those without a gap between them as one. */
function joined(parts: readonly Committed[]): Committed[] {
  const all: Committed[] = [];
  for (const part of parts.toSorted((one, other) => one.base - other.base)) {
    const before = all.at(-1);
    if (before?.last === part.base) {
      all[all.length - 1] = { base: before.base, last: part.last, messages: [...before.messages, ...part.messages] };
    } else all.push(part);
  }
  return all;
}

const SETTLED = Promise.resolve();

/** Of what nobody waits for: `onMissed` was told. */
function passOver(): void {
  // Nothing is left to do here.
}
