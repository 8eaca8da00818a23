/**
 * Exact hits without an event. One from memory takes two microseconds, of which an event, with the beginning of its key, takes as much
 * as everything that metrics do with it. So an observer that only adds up may take exact hits as plain arguments; where every observer
 * does, no event is built. Anybody else in the stream gets the event, and so does everybody with them.
 *
 * Hits by meaning, misses and all the rest are events always: what they took is thousands of times longer.
 */
import type { Observer, SavedUsage } from "./events.ts";

/** Takes one exact hit; as `CacheLookupEvent` tells of it. Must not throw. */
export type CountExactHit = (
  tier: string,
  coalesced: boolean,
  ms: number,
  savedMs: number,
  saved: SavedUsage | undefined,
) => void;

/** Beside the observers and not on them: it is nobody's business but the cache's. */
const counters = new WeakMap<Observer, CountExactHit>();

/** The same observer, which from now on may be given exact hits through `count` instead. */
export function withExactHits(observer: Observer, count: CountExactHit): Observer {
  counters.set(observer, count);
  return observer;
}

/** `undefined` for who has to see the event. */
export function exactHitsOf(observer: Observer | undefined): CountExactHit | undefined {
  return observer === undefined ? undefined : counters.get(observer);
}

/** Of several observers: `undefined` when one of them has to see the event. */
export function exactHitsOfAll(observers: readonly Observer[]): CountExactHit | undefined {
  const all = observers.map(exactHitsOf).filter((count) => count !== undefined);
  const [first, second] = all;
  if (first === undefined || all.length < observers.length) return undefined;
  if (second === undefined) return first;
  return (tier, coalesced, ms, savedMs, saved) => {
    for (const count of all) count(tier, coalesced, ms, savedMs, saved);
  };
}
