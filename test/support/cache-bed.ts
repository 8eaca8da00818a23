import type { TieredCacheOptions } from "../../src/cache/cache-options.ts";
import { TieredCache } from "../../src/cache/tiered-cache.ts";
import { manualClock, type ManualClock } from "../../src/core/clock.ts";
import type { StrataEvent } from "../../src/core/events.ts";
import { chatAnswer, llmKey, textOf } from "./model-answers.ts";

const KEY = llmKey();

export interface CacheBed {
  readonly clock: ManualClock;
  readonly cache: TieredCache;
  /** Events of one type so far, without the type. */
  readonly events: (type: StrataEvent["type"]) => Record<string, unknown>[];
  /** Stores an answer of the usual model. */
  readonly store: (prompt: string, text: string) => Promise<void>;
  /** Looks up while so many ms pass (default 0), and fails when that was not enough; gives the answer's text, `undefined` for a miss. */
  readonly lookup: (prompt: string, withinMs?: number) => Promise<string | undefined>;
}

export type CacheBedOptions = Omit<TieredCacheOptions, "clock"> & { readonly clock?: ManualClock };

/** A cache on a clock that is moved by hand, without jitter and without waiting for other callers unless told otherwise. */
export function cacheBed(options: CacheBedOptions): CacheBed {
  const clock = options.clock ?? manualClock();
  const events: StrataEvent[] = [];
  const observer = (event: StrataEvent): void => void events.push(event);
  const cache = new TieredCache({ random: () => 0, coalesce: false, observer, ...options, clock });
  return {
    clock,
    cache,
    events: (type) => events.filter((event) => event.type === type).map(({ type: _type, ...rest }) => rest),
    store: (prompt, text) => cache.update(prompt, KEY, chatAnswer(text)),
    async lookup(prompt, withinMs = 0) {
      const found = cache.lookup(prompt, KEY);
      let isDone = false;
      void found.then(() => (isDone = true));
      await clock.advance(withinMs);
      if (!isDone) throw new Error(`The lookup took longer than ${withinMs} ms.`);
      return textOf(await found);
    },
  };
}
